package report

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"strings"
	"testing"

	"sresnet/diagnose"
	"sresnet/eval"
	"sresnet/run"
)

const attack = `</script></style></title><img src=x onerror=alert(1)>'"` + "`&\\u003c{{.}}${alert(1)}|*_[x](javascript:alert(1))"

// hostile is a run whose every name tries to leave its place.
func hostile() sample {
	s := small()
	s.model, s.name = attack, attack
	s.manifest = func(m *run.Manifest) {
		m.Version, m.Go, m.Platform = attack, attack, attack
		m.Data.Name = attack
		m.Options["normalize"] = attack
		m.Options[attack] = attack
	}
	s.diagnosis = func(d *diagnose.Diagnosis) { d.Verdict[0].Text = attack }
	return s
}

func html(t *testing.T, r *Report) string {
	t.Helper()
	var b strings.Builder
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestHTMLHostile(t *testing.T) {
	page := html(t, open(t, hostile(), hostile2()))
	plain := html(t, open(t, small(), hostile2Plain()))
	for _, tag := range []string{"<script", "</script", "<img src=x", "<style", "</style", "</title", `href="javascript`, `src="javascript`} {
		if got, want := strings.Count(strings.ToLower(page), tag), strings.Count(strings.ToLower(plain), tag); got != want {
			t.Errorf("%d times %q, want %d", got, tag, want)
		}
	}
}

// hostile2 is another such run, so that there is a comparison.
func hostile2() sample {
	s := hostile()
	s.T = 30
	return s
}

func hostile2Plain() sample {
	s := small()
	s.T = 30
	return s
}

func TestHTMLContent(t *testing.T) {
	page := html(t, open(t, small()))
	for _, want := range []string{
		"<title>tiny as a spiking network</title>", "90.00", "layer1: clipping takes 3.1 points", "layerclass3",
		"sresnet eval models/tiny.onnx --data cifar10:d --calibrate &#39;cifar10:d?images=200&#39; --timesteps 40</code>",
		"data:image/png;base64,", "by the table 45nm", "Permission is hereby granted", "@media print", "prefers-color-scheme: dark",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	// Nothing is fetched: no address but those in comments and of XML.
	for _, bad := range []string{`src="http`, `href="http`, "url(http", "@import", "<link rel=\"stylesheet"} {
		if strings.Contains(page, bad) {
			t.Errorf("%q on the page", bad)
		}
	}
}

// resnet50 is about as large as runs get.
func resnet50() sample {
	return sample{model: "resnet50", layers: 54, T: 350, images: 1500, classes: 1000, side: 224, name: "/layer3/layer3.5/relu_2/Relu_output_"}
}

func TestHTMLSize(t *testing.T) {
	r := open(t, resnet50())
	page := html(t, r)
	if n := len(page); n > 5e6 {
		t.Errorf("the page of a ResNet-50 has %d bytes", n)
	}
	if r.Runs[0].confusion() != nil {
		t.Error("a matrix of 1000 classes")
	}
	if n := len(r.Runs[0].worse()); n != maxPairs {
		t.Errorf("%d pairs that got worse", n)
	}
	t.Logf("%d bytes", len(page))
}

func TestWriteCSV(t *testing.T) {
	var b bytes.Buffer
	if err := open(t, small(), hostile()).WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, l := range lines[1:] {
		key := strings.Join([]string{l[0], l[2], l[3] + l[4], l[5]}, "|")
		if _, twice := got[key]; twice {
			t.Errorf("two lines of %s", key)
		}
		got[key] = l[7]
	}
	for key, want := range map[string]string{
		"run0|trained_top1||": "0.9", "run0|spiking_top1||1": "0.45", "run0|acs_per_image||2": "100", "run0|neurons|layer2|": "1000",
		"run0|clipped|layer0|": "0.01", "run0|correlation|layer3|40": "0.98", "run1|lambda|" + attack + "1|": "2.5",
	} {
		if got[key] != want {
			t.Errorf("%s: got %q, want %q", key, got[key], want)
		}
	}
}

func TestWriteJSON(t *testing.T) {
	var b bytes.Buffer
	s := small()
	s.bare = true // NaN where the run does not say.
	if err := open(t, s).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var r struct {
		Runs []struct {
			Name     string
			Accuracy []map[string]any
		}
	}
	if err := json.Unmarshal(b.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if a := r.Runs[0].Accuracy; len(a) != 40 || a[0]["spiking_top1"] != 0.45 || a[0]["joules_per_image"] != nil || a[0]["t"] != 1.0 {
		t.Errorf("accuracy: %v", a[0])
	}
}

func TestWriteMarkdown(t *testing.T) {
	var b strings.Builder
	if err := open(t, small(), hostile()).WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	columns := 0
	for line := range strings.Lines(b.String()) {
		code := strings.HasPrefix(line, "    ")
		if !code && (strings.Contains(line, "<img") || strings.Contains(line, "x](")) {
			t.Errorf("markup from a name: %s", line)
		}
		if !strings.HasPrefix(line, "|") {
			columns = 0
			continue
		}
		n := strings.Count(strings.ReplaceAll(strings.ReplaceAll(line, `\\`, ""), `\|`, ""), "|")
		if columns > 0 && n != columns {
			t.Errorf("%d columns, not %d: %s", n-1, columns-1, line)
		}
		columns = n
	}
	for _, want := range []string{"| run0 | tiny | 60 | 40 | 40 | 90.00 | 87.80 | 77.82 to 94.23 | −2.20 |", "- layer1: clipping takes 3.1 points"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// Figures are drawn whatever the names; SVG is well-formed and PNG is not blank.
func TestFigures(t *testing.T) {
	for name, s := range map[string]sample{"usual": small(), "hostile": hostile()} {
		figures, err := open(t, s).Figures()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range figures {
			names = append(names, f.Name)
			var b bytes.Buffer
			if err := f.Write(&b, "svg"); err != nil {
				t.Fatal(err)
			}
			marks := 0
			for d := xml.NewDecoder(&b); ; {
				token, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("%s: %s: %v", name, f.Name, err)
				}
				if e, ok := token.(xml.StartElement); ok && e.Name.Local == "path" {
					marks++
				}
			}
			if marks < 10 {
				t.Errorf("%s: %s has %d paths", name, f.Name, marks)
			}
		}
		if got, want := strings.Join(names, " "), "accuracy agreement operations joules spikes rates raster settling classes changes losses depth errors energy"; got != want {
			t.Errorf("%s: figures %s, want %s", name, got, want)
		}
	}
	figures, err := open(t, small()).Figures()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := figures[0].Write(&b, "png"); err != nil {
		t.Fatal(err)
	}
	im, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	if w := im.Bounds().Dx(); w < 1800 { // 16 cm at 300 dots per inch.
		t.Errorf("%d pixels wide", w)
	}
	if err := figures[0].Write(io.Discard, "gif"); err == nil {
		t.Error("gif: no error")
	}
}

func TestWorse(t *testing.T) {
	r := &Run{Manifest: &run.Manifest{Classes: []string{"zero", "one"}}, Result: &eval.Result{Predictions: eval.Predictions{
		Image: []int{0, 1, 2, 3, 4, 5},
		Label: []int{1, 1, 1, 0, 0, 2},
		// 1 is taken for 2 by the trained network once, by the spiking one thrice; 0 for 1 as
		// often by both.
		Trained: []int{1, 1, 2, 0, 1, 2},
		Spiking: []int{2, 2, 2, 1, 0, 0},
	}}}
	got := r.worse()
	if len(got) != 2 || got[0] != (pair{"one", "2", 1, 3}) || got[1] != (pair{"2", "zero", 0, 1}) {
		t.Errorf("pairs: %+v", got)
	}
	m := r.confusion()
	if len(m.Classes) != 3 || m.Cells[1][2].N != 3 || m.Cells[1][2].Share != 1 || m.Cells[1][2].Trained != 1 || !m.Cells[0][0].Diagonal {
		t.Errorf("matrix: %+v", m)
	}
}

// What a device does not price is unknown, not zero.
func TestEnergyTable(t *testing.T) {
	r := open(t, small()).Runs[0]
	table := r.energy()
	if len(table.Parts) != 2 || table.Parts[1].Name != "neuron updates" || table.Parts[1].SNN != "–" || table.Parts[1].Updates != 16000 {
		t.Errorf("parts: %+v", table.Parts)
	}
	if row := table.Rows[0]; row.Name != "layer0" || row.SNN != "935 pJ" || row.ANN != "1.15 nJ" || row.ACs != 975 {
		t.Errorf("first layer: %+v", row)
	}
	r.Result.Energy.Device = nil
	if row := r.energy().Rows[0]; row.SNN != "987.5" {
		t.Errorf("first layer without a device: %+v", row)
	}
}

func TestStacked(t *testing.T) {
	b := stacked([]num{1, -2, nan, 3}, []string{"a", "b", "c", "d"}, -2, 4, 2, "")
	at := func(x, w float64) rect { return rect{X: num(x), W: num(w)} }
	want := []rect{at(100.0/3, 100.0/6), at(0, 100.0/3), at(50, 50)}
	if len(b.Rects) != len(want) {
		t.Fatalf("got %+v", b)
	}
	for i, r := range b.Rects {
		if d := r.X - want[i].X; d > 1e-9 || d < -1e-9 || r.W-want[i].W > 1e-9 || want[i].W-r.W > 1e-9 {
			t.Errorf("rectangle %d: got %+v, want %+v", i, r, want[i])
		}
	}
	if b.Rects[2].Class != "d" || count(b.Axis) != "33.33" || count(b.Mark) != "66.67" {
		t.Errorf("got %+v", b)
	}
}

func TestFormat(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{percent(0.5), "50.00"},
		{percent(nan), "–"},
		{points(0.0167), "+1.67"},
		{points(-0.0167), "−1.67"},
		{points(-0.000001), "0.00"},
		{count(999), "999"},
		{count(1000), "1 k"},
		{count(999960), "1 M"},
		{count(448.4e6), "448.4 M"},
		{count(0), "0"},
		{count(531.06), "531.1"},
		{joules(406e-6), "406 µJ"},
		{joules(2.5e-12), "2.5 pJ"},
		{significant(-0.000123456), "−0.000123"},
		{significant(35.83), "35.8"},
		{fixed(-0.0004), "0.000"},
		{fixed(-0.0006), "−0.001"},
		{brief("airplane"), "airplane"},
		{brief("a very long name"), "a very long n…"},
		{setting(128.0), "128"},
		{setting(99.9), "99.9"},
		{setting(nil), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

// A picture larger than the page wants is made smaller, by means of blocks.
func TestPicture(t *testing.T) {
	pixels := make([]byte, 200*100)
	for i := range pixels {
		pixels[i] = byte(100 * (i % 2)) // Columns of 0 and 100, of which a block has both.
	}
	url, err := picture(pixels, []int{1, 100, 200})
	if err != nil || !strings.HasPrefix(string(url), "data:image/png;base64,") {
		t.Fatalf("got %.40q, error %v", url, err)
	}
	im, err := png.Decode(base64.NewDecoder(base64.StdEncoding, strings.NewReader(strings.TrimPrefix(string(url), "data:image/png;base64,"))))
	if err != nil {
		t.Fatal(err)
	}
	if b := im.Bounds(); b.Dx() != 66 || b.Dy() != 33 {
		t.Errorf("%v", b)
	}
	if r, g, b, _ := im.At(1, 1).RGBA(); r>>8 != 66 && r>>8 != 33 || r != g || g != b {
		t.Errorf("grey %d %d %d", r>>8, g>>8, b>>8)
	}
}
