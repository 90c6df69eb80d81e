package report

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
)

var (
	shots = flag.String("shots", "", "keep screenshots of the browser test in this folder")
	shown = flag.String("folder", "", "with -shots: show this folder of a run instead of a made-up one")
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
		run, err := Read(*shown)
		if err != nil {
			t.Fatal(err)
		}
		one = &Report{Runs: []*Run{run}}
	}
	for name, r := range map[string]*Report{
		"one": one, "hostile": open(t, hostile(), hostile2()), "large": open(t, resnet50()), "phased": open(t, small(), phasedSample(8), phasedSample(40), phasedSample(20)),
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
	{"phone", "light", "", 390, true},
	{"print", "dark", "print", 794, false}, // A4 at 96 dots per inch.
}

// browse looks at one page in all ways.
func browse(t *testing.T, browser context.Context, name string, r *Report) {
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, []byte(html(t, r)), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, view := range views {
		if (name == "large" || name == "phased") && view.name != "light" || name == "hostile" && view.name == "dark" {
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
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, what := range c.list {
				t.Error(what)
			}
		})
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
