package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sresnet/diagnose"
	"sresnet/energy"
	"sresnet/eval"
	"sresnet/run"
)

// figures returns those of r by their names.
func figures(t *testing.T, r *Report) map[string]Figure {
	t.Helper()
	list, err := r.Figures()
	if err != nil {
		t.Fatal(err)
	}
	m := make(map[string]Figure)
	for _, f := range list {
		m[f.Name] = f
	}
	if len(m) != len(list) {
		t.Errorf("%d names of %d figures", len(m), len(list))
	}
	return m
}

// captions returns what stands under the headings of figures on a page.
func captions(page string) []string {
	var list []string
	for _, m := range regexp.MustCompile(`(?s)<figcaption>(.*?)</figcaption>`).FindAllStringSubmatch(page, -1) {
		list = append(list, m[1])
	}
	return list
}

// csvOf returns the numbers of a table, by run, quantity, layer, class and t, with the images
// that they are of.
func csvOf(t *testing.T, r *Report) (values map[string]float64, images map[string]string) {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	values, images = make(map[string]float64), make(map[string]string)
	for _, l := range lines[1:] {
		key := strings.Join([]string{l[0], l[2], l[3], l[4], l[5]}, "|")
		x, err := strconv.ParseFloat(l[7], 64)
		if err != nil {
			t.Fatal(err)
		}
		values[key], images[key] = x, l[6]
	}
	return values, images
}

// Every figure says how many images it is of, on the page and in every export.
func TestImagesOnFigures(t *testing.T) {
	r := open(t, small(), phasedSample(8))
	counted := regexp.MustCompile(`\d+ (calibration )?images`)
	all := captions(html(t, r))
	if len(all) < 30 {
		t.Errorf("%d captions on the page", len(all))
	}
	for _, c := range all {
		if !counted.MatchString(c) {
			t.Errorf("no number of images: %s", c)
		}
	}
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var kept struct{ Figures []Caption }
	if err := json.Unmarshal(b.Bytes(), &kept); err != nil {
		t.Fatal(err)
	}
	byName := figures(t, r)
	if len(kept.Figures) != len(byName) {
		t.Errorf("%d captions of %d figures", len(kept.Figures), len(byName))
	}
	for _, c := range kept.Figures {
		f := byName[c.Name]
		if c != f.Caption || !counted.MatchString(c.Says) {
			t.Errorf("caption %+v", c)
		}
		// The words of a drawing, in the order in which they are drawn.
		if got := svgText(t, &f); !strings.Contains(got, strings.Join(strings.Fields(c.Says), " ")) || !strings.Contains(got, c.Title) {
			t.Errorf("%s: the drawing says %q, not %q", c.Name, got, c.Says)
		}
		// What the figure says, the page says.
		says := strings.TrimPrefix(strings.TrimPrefix(c.Says, "run0: "), "run1: ")
		first, _, _ := strings.Cut(says, ". ")
		if !slices.ContainsFunc(all, func(s string) bool { return strings.Contains(s, c.Title) && strings.Contains(s, first) }) && c.Name != "run1-changes" && c.Name != "run2-changes" {
			t.Errorf("%s: the page lacks %q", c.Name, first)
		}
	}
	if _, images := csvOf(t, r); slices.Contains(slices.Collect(mapsValues(images)), "") {
		t.Error("a number in the table is of no number of images")
	}
	var md strings.Builder
	if err := r.WriteMarkdown(&md); err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(md.String(), "\n### ")[1:] {
		if head, _, _ := strings.Cut(part, "|"); !counted.MatchString(head) {
			t.Errorf("no number of images: %s", head)
		}
	}
}

func mapsValues(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

// svgText returns the words of a figure.
func svgText(t *testing.T, f *Figure) string {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b, "svg"); err != nil {
		t.Fatal(err)
	}
	var words []string
	for d := xml.NewDecoder(&b); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := token.(xml.CharData); ok {
			words = append(words, strings.Fields(string(text))...)
		}
	}
	return strings.Join(words, " ")
}

// Runs of different images, T or settings are not shown in one figure without its saying so.
func TestMixedRuns(t *testing.T) {
	for want, change := range map[string]func(*sample){
		"":            func(*sample) {},
		"test images": func(s *sample) { s.images = 50 },
		"T":           func(s *sample) { s.T = 30 },
		"models":      func(s *sample) { s.model = "other" },
		"percentile":  func(s *sample) { s.manifest = func(m *run.Manifest) { m.Options["percentile"] = 99 } },
		"calibration images": func(s *sample) {
			s.manifest = func(m *run.Manifest) { m.Options["calibration_images"] = 100 }
		},
		"test images, T": func(s *sample) { s.T, s.images = 20, 40 },
	} {
		s := small()
		change(&s)
		first := s.manifest
		s.manifest = func(m *run.Manifest) {
			m.Started = m.Started.Add(time.Hour) // No copy.
			if first != nil {
				first(m)
			}
		}
		r := open(t, small(), s)
		want := " Not alike: " + want + "."
		same := strings.HasSuffix(want, ": .")
		seen := 0
		for name, f := range figures(t, r) {
			if strings.HasPrefix(name, "run") {
				if strings.Contains(f.Says, "Not alike") {
					t.Errorf("%s, of one run: %s", name, f.Says)
				}
				continue
			}
			seen++
			if same == strings.Contains(f.Says, "Not alike") || !same && !strings.Contains(f.Says, want) {
				t.Errorf("want %q: %s says %q", want, name, f.Says)
			}
		}
		if seen < 5 {
			t.Errorf("%d figures of both runs", seen)
		}
		n := 0
		for _, c := range captions(html(t, r)) {
			if strings.Contains(c, want) {
				n++
			}
		}
		if !same && n < seen { // As many as there are figures of both, and tables.
			t.Errorf("%q stands at %d figures of the page, not %d", want, n, seen)
		}
		var md strings.Builder
		if err := r.WriteMarkdown(&md); err != nil {
			t.Fatal(err)
		}
		if !same && !strings.Contains(md.String(), escape(strings.TrimSpace(want))) {
			t.Errorf("no %q in the tables", want)
		}
	}
	// As many images, but others.
	a, b := open(t, small()).Runs[0], open(t, small()).Runs[0]
	b.Manifest.Started = b.Manifest.Started.Add(1)
	for i := range b.Result.Predictions.Image {
		b.Result.Predictions.Image[i] += 60
	}
	r, err := New(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.basis(), "Not alike: test images.") || len(r.Notes) != 1 {
		t.Errorf("other images: %q, notes %q", r.basis(), r.Notes)
	}
	// Unfinished.
	a.Result.Complete = false
	if got := a.caption("rates").Says; got != "60 images so far, T = 40." {
		t.Errorf("unfinished: %q", got)
	}
}

// A diagnosis of other images, another T or other settings than its run's says so wherever it is
// shown, and one of the same does not.
func TestMixedDiagnosis(t *testing.T) {
	names := []string{"losses", "depth", "errors"}
	for want, change := range map[string]func(*diagnose.Diagnosis){
		"":                                func(*diagnose.Diagnosis) {},
		"the run has 60 images":           func(d *diagnose.Diagnosis) { d.Images = 30 },
		"the run has T = 40":              func(d *diagnose.Diagnosis) { d.Timesteps[1], d.Layers[0].At[1].Timesteps = 32, 32 },
		"not the first images of the run": func(d *diagnose.Diagnosis) { d.ANNTop1 = 0.85 },
		"the spiking network of the run gets": func(d *diagnose.Diagnosis) {
			d.SNNTop1[1] += 1.0 / 60
		},
		"as λ of layer2 is 2.4 and in the run 2.5": func(d *diagnose.Diagnosis) { d.Layers[2].Lambda = 2.4 },
	} {
		s := small()
		s.diagnosis = change
		r := open(t, s)
		byName := figures(t, r)
		for _, name := range names {
			says := byName[name].Says
			if strings.Contains(says, want) == (want == "") && want != "" || strings.Contains(says, "Not as in the run") != (want != "") {
				t.Errorf("want %q: %s says %q", want, name, says)
			}
		}
		if (len(r.Notes) > 0) != (want != "") {
			t.Errorf("want %q: notes %q", want, r.Notes)
		}
		n := 0
		for _, c := range captions(html(t, r)) {
			if strings.Contains(c, "Not as in the run") && strings.Contains(c, "iagnosis of") {
				n++
			}
		}
		if wanted := len(names) + 2; want != "" && n != wanted || want == "" && n > 0 { // The scatter and what would help, too.
			t.Errorf("want %q: %d figures of the page say so, want %d", want, n, wanted)
		}
	}
	// Of the first half of the run's images.
	s := small()
	s.diagnosis = func(d *diagnose.Diagnosis) { d.Images = 30 }
	r := open(t, s).Runs[0]
	d := r.Diagnosis
	right := count01(r.Result.Predictions.Right(40)[:30])
	d.ANNTop1, d.SNNTop1[1] = 0.9, float64(right)/30
	if got := r.otherwise(); !slices.Equal(got, []string{"the run has 60 images"}) {
		t.Errorf("of the first images: %q", got)
	}
}

// The card, the bars, the text, the curve and the table compare with one thing at one T.
func TestOneBaseline(t *testing.T) {
	check := func(t *testing.T, r *Report, spiking, trained, ratio string, show func(num) string) {
		run := r.Runs[0]
		table := run.energy()
		if table.Sum.SNN != spiking || table.Sum.ANN != trained {
			t.Errorf("the table has %s and %s, want %s and %s", table.Sum.SNN, table.Sum.ANN, spiking, trained)
		}
		for _, rows := range [][]energyRow{table.Rows, table.Parts} {
			var snn, ann num
			for _, row := range rows {
				plus(&snn, max(row.snn, 0))
				if row.ann.known() {
					ann += row.ann
				}
			}
			if show(ann) != trained {
				t.Errorf("the bars of the trained network add up to %s, want %s", show(ann), trained)
			}
		}
		tiles := run.cost()
		if len(tiles) != 1 || tiles[0].Value != ratio || !strings.Contains(tiles[0].Says, "T = 40 against "+trained) || !strings.Contains(tiles[0].Says, spiking) {
			t.Errorf("the card says %+v, want %s of %s and %s", tiles, ratio, spiking, trained)
		}
		f := figures(t, r)["energy"]
		if !strings.Contains(f.Says, allProducts) || !strings.Contains(f.Says, "T = 40") || !strings.Contains(f.Says, "In all "+spiking+" against "+trained) {
			t.Errorf("the figure says %q", f.Says)
		}
		page := html(t, r)
		if want := "In all " + spiking + " against " + trained; !strings.Contains(page, want) {
			t.Errorf("no %q on the page", want)
		}
		if strings.Contains(page, "counted without products of zeros") {
			t.Error("another baseline on the page")
		}
	}
	r := open(t, small())
	check(t, r, "3.74 nJ", "4.6 nJ", "0.813", joules)
	ref := r.joules().Lines
	if got := ref[len(ref)-1]; !got.Ref || got.Label != "trained (4.6 nJ)" || !strings.HasSuffix(r.joules().Says, allProducts) {
		t.Errorf("the curve has %+v", got)
	}
	values, _ := csvOf(t, r)
	if x := values["run0|trained_joules_per_image|||"]; joules(num(x)) != "4.6 nJ" {
		t.Errorf("the table has %v", x)
	}
	var sum float64
	for i := range 4 {
		sum += values[fmt.Sprintf("run0|trained_joules_of_layer|layer%d||", i)]
	}
	if joules(num(sum)) != "4.6 nJ" {
		t.Errorf("the layers in the table add up to %v", sum)
	}
	// A table without the energy of a product compares nothing.
	d := r.Runs[0].Result.Energy.Device
	mac := d.MAC
	d.MAC = nil
	table := r.Runs[0].energy()
	if table.Sum.Both || table.Rows[0].Both || table.Rows[0].ann.known() || table.Skipping != "" || !strings.Contains(figures(t, r)["energy"].Says, "The trained network is left out") {
		t.Errorf("without the energy of a product: %+v", table)
	}
	if page, tiles := html(t, r), r.Runs[0].cost(); strings.Contains(page, "against –") || len(tiles) != 1 || tiles[0].Unit != "per image" {
		t.Errorf("the page compares with what is not known: %+v", tiles)
	}
	d.MAC = mac
	r.Runs[0].Result.Energy.Device = nil
	check(t, r, "3.95 k", "1 k", "3.95", count)
	if c := r.joules(); len(c.Lines) > 0 {
		t.Error("energy without a device")
	}
}

// Accuracy is shown against operations and energy over all runs; what has no joules is left
// out, and joules of different tables are not compared in silence.
func TestAgainst(t *testing.T) {
	without := small()
	without.bare = true
	r := open(t, small(), phasedSample(8), without)
	r.Runs[1].Result.Energy.Device = &energy.Device{Name: "mine", AC: new(float64), MAC: new(float64)}
	for id, want := range map[string][]int{"operations": {40, 1, 40}, "joules": {40, 0, 0}} {
		i := slices.IndexFunc(r.curves(), func(c *curve) bool { return c.ID == id })
		c := r.curves()[i]
		var got []int
		for _, l := range c.Lines[:3] {
			n := 0
			for k, y := range l.Y {
				if y.known() {
					n++
					if l.Label == "run0" && id == "operations" && c.At[k] == 3950 && y != num(100*r.Runs[0].Result.Final()) {
						t.Errorf("at the end of run0: %v", y)
					}
				}
			}
			got = append(got, n)
		}
		if id == "joules" {
			if !strings.Contains(c.Says, "By different tables, so that joules of different runs do not compare: 45nm, mine.") {
				t.Errorf("it says %q", c.Says)
			}
			got[1] = 0 // Of a table in which all costs nothing, that a logarithm has no place for.
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: lines of %d points, want %d", id, got, want)
		}
	}
}

// Shares of the mean square add up; so do the bars, the figure and the table.
func TestShares(t *testing.T) {
	for _, s := range []sample{small(), phasedSample(8)} {
		r := open(t, s)
		run := r.Runs[0]
		table := run.errors()
		values, images := csvOf(t, r)
		for i := range table.Rows {
			row := &table.Rows[i]
			var sum, width num
			parts, kept := 0.0, 0.0
			l := run.Diagnosis.Layers[i].At
			e := &l[len(l)-1]
			for k, p := range partsOf(run.Diagnosis) {
				sum += row.Shares[k]
				rms := p.of(e).RMS
				parts += rms * rms
				key := fmt.Sprintf("run0|%s_share|%s||%d", p.name, row.Name, s.T)
				kept += values[key]
				if images[key] != "60" {
					t.Errorf("%s is of %q images", key, images[key])
				}
			}
			for _, b := range row.SharesBar.Rects {
				width += b.W
			}
			for name, x := range map[string]num{"shares": sum, "bars": width / 100, "table": num(kept)} {
				if math.Abs(float64(x)-1) > 1e-9 {
					t.Errorf("%s of %s add up to %v", name, row.Name, x)
				}
			}
			if want := parts / (e.Total.RMS * e.Total.RMS); math.Abs(float64(row.Ratio)/want-1) > 1e-9 {
				t.Errorf("the parts of %s are %v of the total, want %v", row.Name, row.Ratio, want)
			}
		}
		f := run.errorFigure(table)
		if f.plot.X.Max < 100 || f.plot.X.Max > 110 {
			t.Errorf("the figure ends at %v %%", f.plot.X.Max)
		}
	}
	// One part of twice the root has four times the share.
	e := &diagnose.Errors{Clipping: diagnose.Size{RMS: 2}, Inherited: diagnose.Size{RMS: 1}}
	if shares, sum := sharesOf(parts[:2], e); sum != 5 || shares[0] != 0.8 || shares[1] != 0.2 {
		t.Errorf("shares %v of %v", shares, sum)
	}
	if shares, _ := sharesOf(parts[:2], &diagnose.Errors{}); shares[0].known() {
		t.Errorf("shares %v of nothing", shares)
	}
}

// Accuracy by class, and its change with an interval.
func TestPerClass(t *testing.T) {
	r := &Run{Manifest: &run.Manifest{Classes: []string{"zero", "one"}}, Result: &eval.Result{Agreement: []float64{0}, Predictions: eval.Predictions{
		Label:   []int{0, 0, 0, 0, 1, 1, 3},
		Trained: []int{0, 0, 0, 1, 1, 0, 3},
		Spiking: []int{0, 1, 1, 0, 1, 1, 3},
	}}}
	table := r.perClass(maxMatrix)
	var got []string
	for _, row := range table.Rows {
		got = append(got, fmt.Sprintf("%s %d: %s to %s, %s", row.Name, row.Images, percent(row.Trained), percent(row.Spiking), points(row.Change/100)))
		low, high := row.pairs.Interval()
		if points(row.Least/100) != points(num(-high)) || points(row.Most/100) != points(num(-low)) || row.Least > row.Change || row.Most < row.Change {
			t.Errorf("%s: %v from %v to %v", row.Name, row.Change, row.Least, row.Most)
		}
		if b := row.ChangeBar; row.Change != 0 && len(b.Rects) != 1 || !(b.Low < b.High) || b.Low < 0 || b.High > 100 {
			t.Errorf("bar %+v", b)
		}
	}
	if want := []string{"zero 4: 75.00 to 50.00, −25.00", "one 2: 50.00 to 100.00, +50.00", "3 1: 100.00 to 100.00, 0.00"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if list := r.perClass(2).Rows; len(list) != 2 || list[0].Name != "zero" || list[1].Name != "one" || !strings.Contains(r.perClass(2).Note(), "The 2 of 3 classes") {
		t.Errorf("of two: %+v", list)
	}
	r.Result.Agreement, r.Result.Predictions.Trained = nil, nil
	if table := r.perClass(maxMatrix); table.Both || table.Rows[0].Change.known() || table.Rows[0].Spiking != 0.5 {
		t.Errorf("alone: %+v", table.Rows)
	}
	big := open(t, resnet50())
	if n := len(big.Runs[0].perClass(maxMatrix).Rows); n != maxMatrix {
		t.Errorf("%d of 1000 classes", n)
	}
}

// When answers settle: for good, right or wrong, by bins that hold each image once.
func TestSettles(t *testing.T) {
	r := open(t, small()).Runs[0]
	r.Result.Timesteps, r.Result.Images = 100, 6
	r.Result.Predictions.Turns = [][]int{{}, {1}, {5}, {2, 3}, {1, 90, 100}, {100}}
	s := r.settles()
	if s.Width != 5 || len(s.Right) != 20 || s.Right[0] != 2 || s.Right[19] != 2 || s.Wrong[0] != 1 || s.Never != 1 {
		t.Errorf("bins of %d: right %d, wrong %d, never %d", s.Width, s.Right, s.Wrong, s.Never)
	}
	if want := "Right for good: 4 images, half of them from T = 5 on, 95 % from T = 100 on. Right at first and wrong in the end: 1. Never right: 1."; !strings.HasSuffix(s.Says, want) || !strings.HasPrefix(s.Says, "6 images, ") {
		t.Errorf("it says %q", s.Says)
	}
	values, _ := csvOf(t, &Report{Runs: []*Run{r}})
	if values["run0|settles_right|||100"] != 2 || values["run0|settles_wrong|||3"] != 1 || values["run0|never_right|||100"] != 1 {
		t.Error("the table has other numbers")
	}
	for _, T := range []int{1, 40, 41, 350, 1000, 4096} {
		w := binWidth(T)
		if n := (T + w - 1) / w; n > maxBins || n < maxBins/4 && T >= maxBins {
			t.Errorf("%d bins of %d for T = %d", n, w, T)
		}
	}
	if phased := open(t, phasedSample(8)).Runs[0]; phased.settles() != nil {
		t.Error("the one answer of a phased network settles")
	}
	r.Result.Predictions.Turns = nil
	if r.settles() != nil {
		t.Error("answers settle of which nothing is known")
	}
}

// The raster has the mean spikes per neuron of each layer at each timestep.
func TestRaster(t *testing.T) {
	r := open(t, small()).Runs[0]
	x := r.raster()
	if x.Width != 1 || len(x.Rows) != 4 || len(x.Rows[2].Rates) != 40 {
		t.Fatalf("raster %+v", x)
	}
	var most num
	for i, row := range x.Rows {
		for k, rate := range row.Rates {
			if want := num(r.Result.Layers[i].SpikesAt[k] / 1000); math.Abs(float64(rate-want)) > 1e-12 {
				t.Errorf("layer %d at t = %d: %v, want %v", i, k+1, rate, want)
			}
			most = max(most, rate)
		}
		if row.Rates[row.At-1] != row.Peak {
			t.Errorf("layer %d: the peak %v is not at t = %d", i, row.Peak, row.At)
		}
	}
	if x.Most != most || x.shade(most).A != 255 || x.shade(0).A != 0 || x.shade(most/2).A != 128 {
		t.Errorf("the most is %v, want %v; shades %v", x.Most, most, x.shade(most/2))
	}
	// A long one has columns of several timesteps.
	l := &r.Result.Layers[0]
	r.Result.Timesteps, r.Result.Layers = 1000, r.Result.Layers[:1]
	l.SpikesAt = slices.Repeat([]float64{1000, 2000, 3000, 0}, 250)
	if x := r.raster(); x.Width != 3 || len(x.Rows[0].Rates) != 334 || x.Rows[0].Rates[0] != 2 || x.Rows[0].Rates[333] != 0 {
		t.Errorf("columns of %d timesteps: %d, %v", x.Width, len(x.Rows[0].Rates), x.Rows[0].Rates[333])
	}
	l.SpikesAt = nil
	if r.raster() != nil {
		t.Error("a raster of spikes that were not kept")
	}
}

// Losses by depth add up, each with its interval.
func TestLosses(t *testing.T) {
	r := open(t, small())
	table := r.Runs[0].losses()
	if len(table.Rows) != 4 || table.Sum != 6 || table.Low != -1.5 || table.High != 5 {
		t.Fatalf("losses %+v", table)
	}
	if b := table.Rows[0].Bar; len(b.Rects) != 1 || math.Abs(float64(b.Low-100*3/6.5)) > 1e-9 || b.High != 100 {
		t.Errorf("bar %+v", table.Rows[0].Bar)
	}
	values, images := csvOf(t, r)
	if values["run0|loss_points|layer1||40"] != 2 || values["run0|loss_points_low|layer1||40"] != 0.5 || values["run0|loss_points_high|layer1||40"] != 4 || images["run0|loss_points|layer1||40"] != "60" {
		t.Error("the table has other numbers")
	}
	page := html(t, r)
	if !strings.Contains(page, "Loss by depth") || !strings.Contains(page, "in all 6.00 points") || strings.Count(page, `class="whisker"`) < 12 {
		t.Error("the page does not show them with intervals")
	}
	s := small()
	s.diagnosis = func(d *diagnose.Diagnosis) { d.Losses = nil } // Of an earlier version.
	if r := open(t, s); r.Runs[0].losses() != nil {
		t.Error("losses from nowhere")
	}
	if got := loss(-0.001); got != "0.00" {
		t.Errorf("a loss of nothing is %s", got)
	}
}

// As many lines as there may be have different colours and dashes; four networks differ in both.
func TestStyles(t *testing.T) {
	seen := make(map[string]bool)
	for style := range 64 {
		key := fmt.Sprint(colour(style), dash(style))
		if seen[key] {
			t.Errorf("style %d is that of another", style)
		}
		seen[key] = true
		if want := fmt.Sprintf("s%d d%d", style%8, dash(style)); lineClass(style) != want {
			t.Errorf("on the page style %d is %q, want %q", style, lineClass(style), want)
		}
	}
	byDash := make(map[string]bool)
	for _, l := range four(t).accuracy().Lines {
		if !l.Hidden {
			byDash[fmt.Sprint(dash(l.Style), l.Ref)] = true
		}
	}
	if len(byDash) != 8 {
		t.Errorf("%d kinds of lines of four networks, trained and spiking: %v", len(byDash), byDash)
	}
}

// The numbers that the page draws are those of the table.
func TestExportsAgree(t *testing.T) {
	r := open(t, small(), phasedSample(8))
	page := html(t, r)
	_, rest, _ := strings.Cut(page, `id="data">`)
	text, _, _ := strings.Cut(rest, "</script>")
	var data struct {
		Charts []struct {
			ID, Says string
			At       []float64
			Lines    []struct {
				Label  string
				Values []*float64
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &data); err != nil {
		t.Fatal(err)
	}
	values, _ := csvOf(t, r)
	byName := figures(t, r)
	close := func(a, b float64) bool { return math.Abs(a-b) <= 1e-5*math.Abs(b) }
	checked := 0
	for _, c := range data.Charts {
		if f, ok := byName[c.ID]; ok && f.Says != c.Says && f.Says != "run0: "+c.Says && f.Says != "run1: "+c.Says {
			t.Errorf("%s: the page says %q, the figure %q", c.ID, c.Says, f.Says)
		}
		quantity := map[string]string{"accuracy": "spiking_top1", "agreement": "agreement"}[c.ID]
		if quantity == "" {
			continue
		}
		for k, y := range c.Lines[0].Values {
			if y == nil {
				continue
			}
			checked++
			if want := values[fmt.Sprintf("run0|%s|||%g", quantity, c.At[k])]; !close(*y, 100*want) {
				t.Errorf("%s at %g: the page has %v, the table %v", c.ID, c.At[k], *y, want)
			}
		}
	}
	if checked != 80 {
		t.Errorf("%d numbers were compared", checked)
	}
}

// Names break behind what divides them, and are escaped.
func TestBreaks(t *testing.T) {
	for s, want := range map[string]string{
		"layer1/layer1.0/Relu_1": "layer1/<wbr>layer1.0/<wbr>Relu_<wbr>1", "a.onnx": "a.<wbr>onnx", "0.25": "0.25", "T = 8, 16": "T = 8, 16",
		"<img>/x": "&lt;img&gt;/<wbr>x", "é_è": "é_<wbr>è", "end_": "end_", "\xff_a": "�_<wbr>a", "_\xff": "_<wbr>�",
	} {
		if got := string(breaks(s)); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}

// Settings that an older run does not have are those by default.
func TestDifferByDefault(t *testing.T) {
	with := func(options map[string]any) sample {
		s := small()
		s.manifest = func(m *run.Manifest) {
			m.Started = m.Started.Add(time.Duration(len(options)) * time.Hour)
			for k, v := range options {
				m.Options[k] = v
			}
		}
		return s
	}
	if got := open(t, small(), with(map[string]any{"bits": 0, "lambdas": "layer"})).differ(); len(got) > 0 {
		t.Errorf("defaults differ from what is not said: %q", got)
	}
	if got := open(t, small(), with(map[string]any{"bits": 8, "lambdas": "layer"})).differ(); !slices.Equal(got, []string{"bits"}) {
		t.Errorf("got %q, want bits", got)
	}
}

// Few runs are compared in columns, many in lines of tables that are no wider than paper; no value
// is lost.
func TestComparison(t *testing.T) {
	r := open(t, small(), phasedSample(8))
	c := r.compare([]section{{ID: "run1", Run: r.Runs[0]}, {ID: "run2", Run: r.Runs[1]}})
	i := slices.IndexFunc(c.Rows, func(row compareRow) bool { return row.Name == "latency" })
	if !c.Columns || i < 0 || !slices.Equal(c.Rows[i].Values, []string{"40", "40"}) || c.Heads[1].Name != "run1" {
		t.Errorf("of two: %+v", c)
	}
	n := 0
	for k, part := range c.Parts() {
		if n += len(part); k > 0 && len(part) > 4 || len(part) > 10 {
			t.Errorf("a part of %d", len(part))
		}
	}
	if n != len(c.Rows) {
		t.Errorf("parts have %d of %d", n, len(c.Rows))
	}
	var many []sample
	for i := range mostColumns + 1 {
		s := small()
		s.manifest = func(m *run.Manifest) {
			m.Options["percentile"] = 90 + i
			m.Started = m.Started.Add(time.Duration(i) * time.Hour)
		}
		many = append(many, s)
	}
	r = open(t, many...)
	// Once at the top, and among the settings of each.
	if page := html(t, r); strings.Count(page, "<th>percentile</th>") != 1+len(many) || strings.Count(page, `<td class="name">9`) != len(many) || len(r.rates()) != 2 {
		t.Error("many runs are not compared in lines")
	}
}
