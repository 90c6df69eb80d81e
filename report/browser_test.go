package report

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"sresnet/run"
)

var (
	shots = flag.String("shots", "", "keep screenshots of the browser test in this folder")
	shown = flag.String("folder", "", "with -shots: show these folders of runs, divided by commas, instead of made-up ones")
)

// complaints gathers what a page must not do.
type complaints struct {
	mu   sync.Mutex
	list []string
}

func (c *complaints) add(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, fmt.Sprintf(format, args...))
}

// watch notes every message of the console, every exception, every dialog and every
// request but that for the page itself.
func (c *complaints) watch(ctx context.Context, self string) error {
	return chromedp.Listen(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *runtime.EventConsoleAPICalled:
			c.add("console %s: %v", ev.Type, ev.Args)
		case *runtime.EventExceptionThrown:
			c.add("exception: %v", ev.ExceptionDetails)
		case *log.EventEntryAdded:
			c.add("log %s: %s", ev.Entry.Level, ev.Entry.Text)
		case *cdpage.EventJavascriptDialogOpening:
			c.add("dialog: %s", ev.Message)
		case *network.EventRequestWillBeSent:
			if u := ev.Request.URL; u != self && !strings.HasPrefix(u, "data:") {
				c.add("request: %s", u)
			}
		}
	})
}

// ink is a script that lists charts without marks: canvases of one colour, drawings
// without shapes, pictures that do not decode. It also finds a page that is wider
// than its window.
const ink = `(() => {
	const blank = [];
	const canvases = [...document.querySelectorAll(".plot canvas")];
	for (const c of canvases) {
		const copy = new OffscreenCanvas(c.width, c.height).getContext("2d", {willReadFrequently: true});
		copy.drawImage(c, 0, 0);
		const p = new Uint32Array(copy.getImageData(0, 0, c.width, c.height).data.buffer);
		const colors = new Set(p);
		if (colors.size < 10) blank.push("canvas " + c.closest(".plot").dataset.chart);
	}
	if (canvases.length < document.querySelectorAll(".plot").length) blank.push("a chart without a canvas");
	for (const d of document.querySelectorAll("[data-draw]")) {
		if (!d.querySelector("svg circle, svg rect, svg polyline")) blank.push("drawing " + d.dataset.draw);
	}
	for (const s of document.querySelectorAll("table.bars")) {
		if (![...s.querySelectorAll("rect")].some(r => r.getBoundingClientRect().width > 1)) blank.push("bars");
	}
	for (const s of document.querySelectorAll(".matrix svg")) {
		if (s.querySelectorAll("rect").length < 4) blank.push("matrix");
	}
	for (const s of document.querySelectorAll(".evidence svg")) if (!s.querySelector("polyline")) blank.push("evidence");
	for (const i of document.images) if (!i.complete || !i.naturalWidth) blank.push("picture " + i.alt);
	const wide = document.documentElement.scrollWidth;
	if (wide > innerWidth) blank.push("the page is " + wide + " wide in a window of " + innerWidth);
	return blank;
})()`

// layout is a script that lists what does not fit: boxes that reach beyond a window, but for what scrolls by
// itself, and words that are broken in two, but for hashes, commands, and what is wider
// than the window by itself. A word ends where its name may break.
const layout = `(() => {
	const bad = [];
	const scrolls = e => e.closest(".wide, nav, .defs, .u-over, script, style, head");
	for (const e of document.querySelectorAll("body *")) {
		if (scrolls(e) || e.closest("svg") && e.tagName !== "svg") continue;
		const r = e.getBoundingClientRect();
		if (r.width > 0 && r.right > innerWidth + 0.5) bad.push("beyond the window: " + e.tagName + "." + e.className + " " + e.textContent.slice(0, 40));
	}
	const range = document.createRange();
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let n; n = walk.nextNode();) {
		const p = n.parentElement;
		if (p.closest("script, style, noscript, pre, .hashes code, option, svg")) continue;
		for (const m of n.data.matchAll(/[\p{L}\p{N}]+/gu)) {
			if (m[0].length > 30) continue;
			range.setStart(n, m.index);
			range.setEnd(n, m.index + m[0].length);
			const tops = new Set([...range.getClientRects()].filter(r => r.width > 0).map(r => Math.round(r.top)));
			if (tops.size > 1) bad.push("broken in two: " + m[0] + " in " + p.tagName + "." + p.className);
		}
	}
	const data = JSON.parse(document.getElementById("data").textContent);
	const pen = document.createElement("canvas").getContext("2d");
	pen.font = "12px system-ui, sans-serif"; // Of titles of axes, which are drawn.
	for (const p of document.querySelectorAll(".plot")) {
		const c = data.charts.find(c => c.id === p.dataset.chart);
		const title = c.x + (c.log ? innerWidth < 500 ? ", log" : " (logarithmic)" : "");
		if (pen.measureText(title).width > p.clientWidth - 52) bad.push("cut off: " + title);
	}
	for (const f of document.querySelectorAll("figure")) {
		const b = f.querySelector("figcaption .basis");
		if (!b || !/\d+ (calibration )?images?/.test(b.textContent)) bad.push("no number of images: " + f.textContent.trim().slice(0, 60));
	}
	for (const t of document.querySelectorAll("table")) {
		if (!t.closest("figure, .uplot, .inputs")) bad.push("a table that is no figure: " + t.textContent.slice(0, 60));
	}
	return bad;
})()`

// keys is a script that returns how the lines of a chart are drawn in its legend, by their names.
const keys = `[...document.querySelectorAll('[data-chart="accuracy"] .u-series:not(.hidden)')].filter(r => r.querySelector(".u-marker line")).map(r => {
	const l = r.querySelector(".u-marker line");
	return [r.querySelector(".u-label").textContent, l.getAttribute("stroke-dasharray"), l.getAttribute("stroke"), l.getAttribute("stroke-width")];
})`

// TestBrowser opens pages in a real browser: no message, no request, and ink in
// every chart, in light and dark, on a wide screen, a phone and paper, and after
// another layer was chosen.
func TestBrowser(t *testing.T) {
	var browser string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		t.Skip("no chromium; on Debian: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(browser), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	if err := chromedp.Do(ctx); err != nil {
		t.Skipf("chromium does not start: %v", err)
	}

	one := open(t, small())
	if *shown != "" {
		var runs []*Run
		for _, dir := range strings.Split(*shown, ",") {
			run, err := Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			runs = append(runs, run)
		}
		var err error
		if one, err = New(runs...); err != nil {
			t.Fatal(err)
		}
	}
	for name, r := range map[string]*Report{
		"one": one, "four": four(t), "hostile": open(t, hostile(), hostile2()), "large": open(t, resnet50()), "phased": open(t, small(), phasedSample(8), phasedSample(40), phasedSample(20)),
	} {
		t.Run(name, func(t *testing.T) { browse(t, ctx, name, r) })
	}
}

// views are the ways in which a page is looked at.
var views = []struct {
	name, scheme, media string
	width               int64
	mobile              bool
}{
	{"light", "light", "", 1280, false},
	{"dark", "dark", "", 1280, false},
	{"phone", "light", "", 360, true},
	{"print", "dark", "print", 794, false}, // A4 at 96 dots per inch.
}

// browse looks at one page in all ways.
func browse(t *testing.T, browser context.Context, name string, r *Report) {
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, []byte(html(t, r)), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, view := range views {
		if *shown != "" && name != "one" || name == "phased" && view.name != "light" && view.name != "phone" || name == "large" && view.name != "light" && view.name != "phone" || name == "hostile" && view.name == "dark" {
			continue // The other pages show the rest.
		}
		t.Run(view.name, func(t *testing.T) {
			ctx, cancel := chromedp.NewContext(browser) // A tab of its own.
			defer cancel()
			try := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			try(chromedp.Do(ctx))
			var c complaints
			try(c.watch(ctx, "file://"+file))
			_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
			try(err)
			_, err = chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: view.width, Height: 900, DeviceScaleFactor: 1, Mobile: view.mobile})
			try(err)
			_, err = chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Media: view.media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: view.scheme}},
			})
			try(err)
			try(chromedp.Do(ctx, chromedp.Navigate("file://"+file)))
			keep(t, ctx, name+"-"+view.name)
			for _, script := range []string{"", `for (const s of document.querySelectorAll(".explorer select")) { s.selectedIndex = 1; s.onchange(); }`} {
				try(chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](script)))
				blank, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](ink))
				try(err)
				for _, what := range blank {
					t.Errorf("no ink: %s", what)
				}
			}
			if name != "hostile" { // Whose names no page can break well.
				bad, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](layout))
				try(err)
				for _, what := range bad {
					t.Error(what)
				}
			}
			if name == "four" && *shown == "" {
				list, err := chromedp.Run(ctx, chromedp.Evaluate[[][]string](keys))
				try(err)
				checkKeys(t, list)
			}
			if view.name == "light" && name == "one" {
				checkNumbers(t, ctx)
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, what := range c.list {
				t.Error(what)
			}
		})
	}
}

// four are runs of four networks.
func four(t *testing.T) *Report {
	var list []sample
	for i := range 4 {
		s := small()
		s.model = fmt.Sprintf("resnet%d_cifar10", 20+8*i)
		s.manifest = func(m *run.Manifest) { m.Model.SHA256 = s.model }
		list = append(list, s)
	}
	return open(t, list...)
}

// checkKeys makes sure that four networks have lines with four dashes, and that their trained
// networks have thin ones of four dashes, too.
func checkKeys(t *testing.T, list [][]string) {
	t.Helper()
	if len(list) != 8 {
		t.Fatalf("lines %q, want those of four networks, trained and spiking", list)
	}
	for _, of := range [][][]string{list[:4], list[4:]} {
		dashes, colours := make(map[string]bool), make(map[string]bool)
		for _, l := range of {
			dashes[l[1]], colours[l[2]] = true, true
		}
		if len(dashes) != 4 || len(colours) != 4 {
			t.Errorf("%d dashes and %d colours: %q", len(dashes), len(colours), of)
		}
	}
	if list[0][3] == list[4][3] {
		t.Errorf("a trained network is drawn as the spiking one: %q", list)
	}
}

// checkNumbers makes sure that the script formats numbers as this package does.
func checkNumbers(t *testing.T, ctx context.Context) {
	t.Helper()
	start, end := strings.Index(pageJS, "// short formats"), strings.Index(pageJS, "const shows")
	if start < 0 || end < start {
		t.Fatal("the script has no functions that format numbers")
	}
	for _, x := range []float64{0, 1, -2.5, 0.123456, 12.3456, 999.4, 999.96, 1000, 12345, 123456, 1.2345e6, 2e9, 1.343e12, 4.5e15, 0.00012, 0.00001234, 1e-7, 3e-12, 2.55e-6, 0.0123, 7} {
		b, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		got, err := chromedp.Run(ctx, chromedp.Evaluate[[]string]("(() => {"+pageJS[start:end]+"return [short("+string(b)+"), joules("+string(b)+")]; })()"))
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{count(num(x)), joules(num(x))}; !slices.Equal(got, want) {
			t.Errorf("%v: the script says %q, the page %q", x, got, want)
		}
	}
}

// keep saves a screenshot, and the page as it is printed, if -shots is given.
func keep(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	if *shots == "" {
		return
	}
	for ending, action := range map[string]chromedp.Action[[]byte]{".png": chromedp.FullScreenshot(100), ".pdf": chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4))} {
		b, err := chromedp.Run(ctx, action)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*shots, name+ending), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
