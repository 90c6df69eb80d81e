package play

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sresnet/calibrate"
	"sresnet/experiment"
	"sresnet/internal/onnxfile"
	"sresnet/models"
	"sresnet/play/lab"
	"sresnet/snn"
)

// TestPage checks the file: all in one, not too large, nothing in it that asks for more.
func TestPage(t *testing.T) {
	html := string(Page())
	t.Logf("%d bytes", len(html))
	if len(html) > 6<<20 {
		t.Errorf("the page has %d bytes, more than 6 MB", len(html))
	}
	if i := strings.Index(html, "{{"); i >= 0 && i < 200000 {
		t.Errorf("a place was not filled: %.40s", html[i:])
	}
	for _, bad := range []string{"http://", "https://", "src=\"/", "href=\"/", "@import", "eval(", "innerHTML", " style=\"", " onclick="} {
		for _, name := range append([]string{"page.html", "style.css", "worker.js"}, scripts...) {
			if strings.Contains(read(name), bad) {
				t.Errorf("%s has %q", name, bad)
			}
		}
	}
	entries, err := files.ReadDir("page")
	if err != nil {
		t.Fatal(err)
	}
	if want := len(scripts) + 3; len(entries) != want {
		t.Errorf("%d files in the folder of the page, of which %d are in it", len(entries), want)
	}
	if perClass*7840 != len(digits) || perClass < 1 {
		t.Errorf("digits.bin has %d bytes", len(digits))
	}
}

// TestServer checks routes, methods, hosts and the headers that each answer has.
func TestServer(t *testing.T) {
	s, err := Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Serve(ctx) }()
	if !strings.HasPrefix(s.URL(), "http://127.0.0.1:") {
		t.Errorf("address %s", s.URL())
	}
	host := strings.TrimSuffix(strings.TrimPrefix(s.URL(), "http://"), "/")
	_, port, _ := strings.Cut(host, ":")
	for _, tt := range []struct {
		method, path, host string
		code               int
	}{
		{"GET", "/", "", 200},
		{"HEAD", "/", "", 200},
		{"GET", "/?a=b", "", 200},
		{"GET", "/", "localhost:" + port, 200},
		{"POST", "/", "", 405},
		{"GET", "/play.html", "", 404},
		{"GET", "//", "", 404},
		{"GET", "/../etc/passwd", "", 404},
		{"GET", "/", "example.org", 403},
		{"GET", "/", "127.0.0.1", 403},
		{"GET", "/", "localhost:1", 403},
		{"GET", "/", "127.0.0.1.example.org:" + port, 403},
	} {
		r, err := http.NewRequest(tt.method, s.URL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		path, query, _ := strings.Cut(tt.path, "?")
		r.URL.Path, r.URL.RawQuery, r.Host = path, query, tt.host
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != tt.code {
			t.Errorf("%s %s, Host %q: %d, want %d", tt.method, tt.path, tt.host, resp.StatusCode, tt.code)
		}
		if whole := tt.code == 200 && tt.method == "GET"; whole && string(body) != string(Page()) || !whole && len(body) > 200 {
			t.Errorf("%s %s: %d bytes", tt.method, tt.path, len(body))
		}
		policy := resp.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'sha256-", "connect-src 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s %s: policy %q lacks %q", tt.method, tt.path, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe-inline") || strings.Contains(policy, "'unsafe-eval'") || strings.Contains(policy, "http") {
			t.Errorf("policy %q", policy)
		}
		if resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: headers %v", tt.method, tt.path, resp.Header)
		}
	}
	if _, err := Listen(s.port()); err == nil {
		t.Error("two servers on one port: no error")
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("Serve: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the server does not end")
	}
}

// The policy of the file is that of the server, but for what only a header can say.
func TestPolicy(t *testing.T) {
	html, policy := page()
	if !strings.Contains(string(html), strings.ReplaceAll(policy, "'", "&#39;")) {
		t.Errorf("the page does not have %q", policy)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = "127.0.0.1:80"
	handler("80").ServeHTTP(w, r)
	if got := w.Header().Get("Content-Security-Policy"); got != policy+"; frame-ancestors 'none'" {
		t.Errorf("header %q, page %q", got, policy)
	}
}

// known is the statistics in the page.
func known(t *testing.T) []*calibrate.Statistics {
	t.Helper()
	var list []*calibrate.Statistics
	if err := json.Unmarshal(statistics, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestStatistics holds what the page knows of the built-in network against the calibration of
// the demo, on 1,000 training images: the spiking networks are the same.
func TestStatistics(t *testing.T) {
	m, err := lab.Calibrated(models.ResNet8MNIST, known(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []float64{99.9, 100} {
		o := experiment.DefaultOptions()
		o.Model, o.Data, o.Percentile = experiment.Builtin, "mnist", p
		e, err := experiment.Open(t.Context(), o)
		if err != nil {
			t.Skip("no MNIST: ", err)
		}
		want, err := e.Network(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Convert(t.Context(), lab.Options{Timesteps: 350, Schedule: "synchronous", Coding: "rate", VInit: o.VInit, Percentile: p})
		if err != nil {
			t.Fatal(err)
		}
		got.Name = want.Name
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("percentile %v, experiment and page:\n%.2000s", p, d)
		}
	}
}

// TestDigits has this program, rather than the page, look at every digit there is to choose,
// with what the page knows of the network.
func TestDigits(t *testing.T) {
	m, err := lab.Calibrated(models.ResNet8MNIST, known(t))
	if err != nil {
		t.Fatal(err)
	}
	net, err := m.Convert(t.Context(), lab.Options{Timesteps: 128, Schedule: "synchronous", Coding: "rate", VInit: 0.5, Percentile: 99.9})
	if err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for i := range 10 * perClass {
		if f := last(t, net, 128, digit(i)); f.Class != i/perClass {
			wrong++
			t.Logf("digit %d, a %d: %d", i, i/perClass, f.Class)
		}
	}
	if wrong > 1 {
		t.Errorf("%d of %d digits are taken for others", wrong, 10*perClass)
	}
}

// digit is one of the digits, normalised.
func digit(i int) []float32 {
	x := make([]float32, 784)
	for j, p := range digits[784*i:][:784] {
		x[j] = (float32(p)/255 - 0.1307) / 0.3081
	}
	return x
}

// last returns the last frame of a presentation.
func last(t *testing.T, net *snn.Network, T int, image []float32) (f *lab.Frame) {
	t.Helper()
	s, err := lab.Present(net, T, image, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	for {
		next, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		if next == nil {
			return f
		}
		f = next
	}
}

// grouped writes a number as the page does.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// TestBrowserAgrees holds what the engine in the page computes against this program, with
// settings of every kind. A difference means that the engine is not of today's code:
// go generate ./play.
func TestBrowserAgrees(t *testing.T) {
	b := open(t, chromium(t), written(t), plain)
	m, err := lab.Calibrated(models.ResNet8MNIST, known(t))
	if err != nil {
		t.Fatal(err)
	}
	stop := func(id string, value int) {
		b.run(fmt.Sprintf(`{ const e = document.getElementById(%q); e.value = %d; e.oninput(); }`, id, value))
	}
	for _, tt := range []struct {
		name string
		set  func()
		o    lab.Options
	}{
		{"as it begins", func() {}, lab.Options{Timesteps: 128, Schedule: "synchronous", Coding: "rate", VInit: 0.5, Percentile: 99.9}},
		{"bits", func() { stop("bits", 5); stop("timesteps", 5) }, lab.Options{Timesteps: 32, Schedule: "synchronous", Coding: "rate", VInit: 0.5, Percentile: 99.9, Bits: 6}},
		{"phased", func() {
			stop("bits", 0)
			b.run(`document.getElementById("schedule").value = "phased"; document.getElementById("schedule").onchange();`)
		}, lab.Options{Timesteps: 16, Schedule: "phased", Coding: "rate", VInit: 0.5, Percentile: 99.9}},
		{"first spikes", func() {
			stop("percentile", 4)
			b.run(`document.getElementById("coding").value = "first-spike"; document.getElementById("coding").onchange();`)
		}, lab.Options{Timesteps: 16, Schedule: "phased", Coding: "first-spike", VInit: 0.5, Percentile: 100}},
	} {
		net, err := m.Convert(t.Context(), tt.o)
		if err != nil {
			t.Fatal(err)
		}
		tt.set()
		latency := net.Latency(tt.o.Timesteps)
		b.wait("network", fmt.Sprintf(`document.getElementById("network-says").textContent.includes("; %d timesteps") && document.getElementById("clock").textContent.endsWith(" of %d") && !document.getElementById("clock").textContent.startsWith("t = %d ")`, latency, latency, latency))
		b.toEnd()
		f := last(t, net, tt.o.Timesteps, digit(7*perClass))
		var want []string
		for _, x := range f.Evidence {
			want = append(want, fmt.Sprint(x))
		}
		got := b.text(`[...document.querySelectorAll("#bars li span:last-child")].map(s => s.textContent).join(" ")`)
		if got != strings.Join(want, " ") {
			t.Errorf("%s: evidence %s, this program %v", tt.name, got, want)
		}
		want = nil
		for i, n := range f.Spikes {
			want = append(want, grouped(int(n))+" of "+grouped(net.Layers[i].Neurons())+" fire")
		}
		got = b.text(`[...document.querySelectorAll("#layers small")].map(s => s.textContent).join("; ")`)
		if got != strings.Join(want, "; ") {
			t.Errorf("%s: layers\n%s\nthis program\n%s", tt.name, got, strings.Join(want, "; "))
		}
		if says := b.text(`document.getElementById("answer").textContent`); says != fmt.Sprint(f.Class) {
			t.Errorf("%s: says %s, this program %d", tt.name, says, f.Class)
		}
		b.keep("agrees-" + strings.ReplaceAll(tt.name, " ", "-"))
	}
}

// ink is a script that counts the colours of every canvas that is shown, and names those with
// fewer than three, and a page that is wider than its window.
const ink = `[...document.querySelectorAll("canvas")].filter(c => c.checkVisibility() && c.width).filter(c => {
	const copy = new OffscreenCanvas(c.width, c.height).getContext("2d");
	copy.drawImage(c, 0, 0);
	return new Set(new Uint32Array(copy.getImageData(0, 0, c.width, c.height).data.buffer)).size < 3;
}).map(c => c.id || c.parentElement.textContent).concat(document.documentElement.scrollWidth > innerWidth ? ["the page is wider than its window"] : []).join("; ")`

// contrast is a script that names texts whose colour is too near to what is behind them: less
// than 4.5 to 1, or 3 to 1 where they are large.
const contrast = `(() => {
	const parts = s => s.match(/[\d.]+/g).map(Number), bad = [];
	const lum = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
	for (const e of document.querySelectorAll("body *")) {
		if (!e.checkVisibility() || ![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || e.disabled || e.closest(".hidden, .skip, script, option, noscript")) continue;
		let back = e;
		while (back.parentElement && (parts(getComputedStyle(back).backgroundColor)[3] === 0)) back = back.parentElement;
		const s = getComputedStyle(e), a = lum(parts(s.color)), b = lum(parts(getComputedStyle(back).backgroundColor)), ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
		if (ratio < (parseFloat(s.fontSize) >= 24 ? 3 : 4.5)) bad.push(e.tagName + " " + (e.id || e.textContent.trim().slice(0, 20)) + " " + ratio.toFixed(1));
	}
	return bad.join("; ");
})()`

// TestBrowserLooks opens the page in all ways: something is in every canvas, texts can be read,
// nothing is said on the console or asked of anybody. How fast it is depends on the machine, and
// is printed.
func TestBrowserLooks(t *testing.T) {
	browser, url := chromium(t), written(t)
	for _, v := range []view{
		plain, {"dark", "dark", "no-preference", 1280, false}, {"phone", "light", "no-preference", 360, true}, {"calm", "dark", "reduce", 800, false},
	} {
		t.Run(v.name, func(t *testing.T) {
			b := open(t, browser, url, v)
			b.wait("spikes", `document.documentElement.dataset.first > 0`)
			b.wait("t = 60", `Number(document.getElementById("time").value) >= 60`)
			t.Logf("first spikes after %s ms; %s a second", b.text(`document.documentElement.dataset.first`), b.text(`document.getElementById("rate").textContent`))
			b.keep(v.name)
			if bad := b.text(ink); bad != "" {
				t.Errorf("no ink: %s", bad)
			}
			if bad := b.text(contrast); bad != "" {
				t.Errorf("contrast: %s", bad)
			}
			if v.motion == "reduce" {
				b.wait("end", `document.getElementById("play").textContent === "Again"`)
			}
		})
	}
}

// TestBrowserDraws draws a seven with the pointer, on the served page, and reads 7.
func TestBrowserDraws(t *testing.T) {
	s, err := Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(t.Context())
	b := open(t, chromium(t), s.URL(), plain)
	b.wait("spikes", `document.documentElement.dataset.first > 0`)
	b.run(`{
		const pad = document.getElementById("pad"), r = pad.getBoundingClientRect();
		pad.setPointerCapture = () => {};
		pad.hasPointerCapture = () => true;
		const at = (type, x, y) => pad.dispatchEvent(new PointerEvent(type, {pointerId: 1, isPrimary: true, button: 0, buttons: 1, clientX: r.left + x * r.width, clientY: r.top + y * r.height, bubbles: true, cancelable: true}));
		at("pointerdown", .25, .22);
		for (let i = 1; i <= 20; i++) at("pointermove", .25 + .48 * i / 20, .22);
		for (let i = 1; i <= 20; i++) at("pointermove", .73 - .28 * i / 20, .22 + .6 * i / 20);
		at("pointerup", .45, .82);
	}`)
	b.wait("the drawing", `!document.querySelector("#digits [aria-pressed=true]") && !document.getElementById("sure").textContent.includes("label")`)
	b.toEnd()
	b.keep("seven")
	for _, id := range []string{"answer", "trained"} {
		if says := b.text(fmt.Sprintf(`document.getElementById(%q).textContent`, id)); says != "7" {
			t.Errorf("%s: %s, not 7", id, says)
		}
	}
	if says := b.text(`document.getElementById("live").textContent`); !strings.HasPrefix(says, "The spiking network says 7") {
		t.Errorf("said aloud: %q", says)
	}
}

// TestBrowserDrops drops what is no network, what cannot be converted, what is one, and images:
// errors can be read, and the page goes on.
func TestBrowserDrops(t *testing.T) {
	b := open(t, chromium(t), written(t), plain)
	b.wait("spikes", `document.documentElement.dataset.first > 0`)
	for _, tt := range []struct {
		name string
		data []byte
		want string
	}{
		{"<img src=x onerror=alert(1)>.onnx", []byte("\x08\x07\x12\x05hello\x3a\xff\xff\xff\xff\x0f"), "onnx: not an ONNX model, or a damaged one"},
		{"checkpoint.pt", []byte("PK\x03\x04 and more"), "a zip archive, perhaps a PyTorch checkpoint"},
		{"cut.onnx", models.ResNet8MNIST[:300000], "damaged"},
		{"hostile.onnx", hostile(), "<script>alert(1)</script>"},
		{"empty.onnx", nil, "the file is empty"},
	} {
		b.run(`document.getElementById("error").textContent = ""`)
		b.drop(tt.name, "", tt.data)
		b.wait("error for "+tt.name, `document.getElementById("error").textContent !== "" && document.getElementById("error").checkVisibility()`)
		if says := b.text(`document.getElementById("error").textContent`); !strings.Contains(says, tt.want) {
			t.Errorf("%s: %q does not say %q", tt.name, says, tt.want)
		}
		if tt.name == "hostile.onnx" {
			b.keep("hostile")
		}
	}
	b.toEnd()
	if says := b.text(`document.getElementById("answer").textContent`); says != "7" {
		t.Errorf("after errors the digit is a %s", says)
	}

	data, err := os.ReadFile("../models/preact_mnist.onnx")
	if err != nil {
		t.Fatal(err)
	}
	b.drop("preact.onnx", "", data)
	b.wait("network", `document.getElementById("network-says").textContent.startsWith("preact.onnx: ")`)
	b.wait("no error", `!document.getElementById("error").checkVisibility()`)
	b.toEnd()
	b.keep("own")
	if says := b.text(`document.getElementById("answer").textContent`); says != "7" {
		t.Errorf("the network that was dropped takes the digit for a %s", says)
	}
	b.run(`document.getElementById("builtin").click()`)
	b.wait("the built-in network", `document.getElementById("network-says").textContent.startsWith("ResNet-8")`)

	b.drop("four.png", "image/png", onPaper(t, 4*perClass))
	b.wait("the picture", `!document.querySelector("#digits [aria-pressed=true]") && document.getElementById("invert").checkVisibility() && document.getElementById("invert").checked`)
	b.wait("its beginning", `!document.getElementById("sure").textContent.includes("label") && document.getElementById("play").textContent === "Pause"`)
	b.toEnd()
	b.keep("paper")
	if says := b.text(`document.getElementById("answer").textContent`); says != "4" {
		t.Errorf("a dark 4 on paper is a %s", says)
	}
}

// onPaper is a picture of a digit, dark on light and ten times as large.
func onPaper(t *testing.T, i int) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 280, 280))
	for y := range 280 {
		for x := range 280 {
			img.SetGray(x, y, color.Gray{255 - digits[784*i+y/10*28+x/10]})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// hostile is a sound file of a network that has no counterpart here, with a name that would do
// harm on a page.
func hostile() []byte {
	return onnxfile.Model{Nodes: []onnxfile.Message{onnxfile.Op("LSTM", "y", []string{"x"}).Str(3, "<script>alert(1)</script>")}}.Encode()
}

// TestBrowserCrash ends the engine as a fault in it would, and finds the page at work with a
// new one.
func TestBrowserCrash(t *testing.T) {
	b := open(t, chromium(t), written(t), plain)
	b.wait("spikes", `document.documentElement.dataset.first > 0`)
	b.run(`{
		const plain = Worker;
		window.Worker = class extends plain { constructor(url) { super(url); window.last = this; } };
		document.getElementById("builtin").click();
	}`)
	b.wait("another worker", `window.last !== undefined`)
	b.run(`window.was = window.last; window.last.onmessage({data: {crashed: true}})`)
	b.wait("a new worker", `window.last !== window.was`)
	if says := b.text(`document.getElementById("error").textContent`); !strings.Contains(says, "started anew") {
		t.Errorf("says %q", says)
	}
	b.toEnd()
	if says := b.text(`document.getElementById("answer").textContent`); says != "7" {
		t.Errorf("after the fault the digit is a %s", says)
	}
}

// TestBrowserKeys plays, steps, chooses a layer and draws by keys alone.
func TestBrowserKeys(t *testing.T) {
	b := open(t, chromium(t), written(t), plain)
	b.wait("spikes", `document.documentElement.dataset.first > 0`)
	press := func(id, key string) {
		b.run(fmt.Sprintf(`(%s).dispatchEvent(new KeyboardEvent("keydown", {key: %q, bubbles: true, cancelable: true}))`, id, key))
	}
	press("document.body", " ")
	if says := b.text(`document.getElementById("play").textContent`); says != "Play" {
		t.Errorf("after a space: %s", says)
	}
	press("document.body", " ")
	b.wait("the clock to go on", `Number(document.getElementById("time").value) > 10`)
	press(`document.querySelector("#layers [aria-checked=true]")`, "ArrowRight")
	b.wait("the next layer", `document.querySelector("#layers [aria-checked=true]") === document.activeElement && document.getElementById("close-says").textContent.startsWith(document.activeElement.firstChild.textContent + ": ")`)
	b.wait("its potentials", `document.getElementById("neuron-says").textContent.startsWith("Channel")`)
	was := b.text(`document.getElementById("neuron-says").textContent.split(":")[0]`)
	press(`document.getElementById("close")`, "ArrowLeft")
	b.wait("another neuron", fmt.Sprintf(`document.getElementById("neuron-says").textContent.split(":")[0] !== %q`, was))
	b.run(`document.getElementById("pad").focus(); document.getElementById("clear").click()`)
	for _, key := range strings.Fields("ArrowUp ArrowUp ArrowUp ArrowUp ArrowUp ArrowUp Enter" + strings.Repeat(" ArrowDown", 13)) {
		press(`document.getElementById("pad")`, key)
	}
	b.wait("the drawing", `!document.querySelector("#digits [aria-pressed=true]")`)
	b.toEnd()
	if says := b.text(`document.getElementById("answer").textContent`); says != "1" {
		t.Errorf("a line downwards is a %s", says)
	}
	if says := b.text(`String([...document.querySelectorAll("button, input, select, canvas[tabindex]")].filter(e => e.checkVisibility() && !e.textContent.trim() && !e.labels?.length && !e.ariaLabel && !e.getAttribute("aria-label")).map(e => e.outerHTML))`); says != "" {
		t.Errorf("without a name: %s", says)
	}
}
