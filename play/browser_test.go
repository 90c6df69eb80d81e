package play

import (
	"context"
	"encoding/base64"
	"encoding/json"
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
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var shots = flag.String("shots", "", "keep screenshots of the browser test in this folder")

// tab is the page in a tab of its own.
type tab struct {
	*testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// chromium starts a browser; the test is skipped where there is none.
func chromium(t *testing.T) context.Context {
	t.Helper()
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
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Skipf("chromium does not start: %v", err)
	}
	return ctx
}

// view is a way in which a page is looked at.
type view struct {
	name, scheme, motion string
	width                int64
	mobile               bool
}

var plain = view{"light", "light", "no-preference", 1280, false}

// open opens an address as v says. The tab fails the test for every message of the console,
// every exception and every request but that for the page itself.
func open(t *testing.T, browser context.Context, url string, v view) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	b := &tab{T: t, ctx: ctx}
	b.try(chromedp.Do(ctx))
	b.try(chromedp.Listen(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *runtime.EventConsoleAPICalled:
			b.complain("console %s: %v", ev.Type, ev.Args)
		case *runtime.EventExceptionThrown:
			b.complain("exception: %s", ev.ExceptionDetails.Exception.Description)
		case *log.EventEntryAdded:
			b.complain("log %s: %s", ev.Entry.Level, ev.Entry.Text)
		case *network.EventRequestWillBeSent:
			if u := ev.Request.URL; u != url && !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "blob:") {
				b.complain("request: %s", u)
			}
		}
	}))
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	b.try(err)
	_, err = chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: v.width, Height: 900, DeviceScaleFactor: 1, Mobile: v.mobile})
	b.try(err)
	_, err = chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: v.scheme}, {Name: "prefers-reduced-motion", Value: v.motion},
	}})
	b.try(err)
	b.try(chromedp.Do(ctx, chromedp.Navigate(url)))
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, what := range b.complaints {
			t.Error(what)
		}
	})
	return b
}

func (b *tab) complain(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, fmt.Sprintf(format, args...))
}

func (b *tab) try(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// run runs a script.
func (b *tab) run(script string) {
	b.Helper()
	b.try(chromedp.Do(b.ctx, chromedp.Evaluate[chromedp.Void](script)))
}

// text returns what a script does.
func (b *tab) text(script string) string {
	b.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](script))
	b.try(err)
	return s
}

// wait waits until a script returns true.
func (b *tab) wait(what, script string) {
	b.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](script))
		b.try(err)
		if ok {
			return
		}
		if time.Now().After(end) {
			b.keep("late")
			b.Fatalf("no %s; %s", what, b.text(`document.body.innerText.slice(0, 600)`))
		}
	}
}

// keep saves a screenshot if -shots is given.
func (b *tab) keep(name string) {
	if *shots == "" {
		return
	}
	data, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	b.try(err)
	b.try(os.WriteFile(filepath.Join(*shots, name+".png"), data, 0o644))
}

// toEnd shows the last timestep.
func (b *tab) toEnd() {
	b.Helper()
	b.run(`document.getElementById("speed").value = 6; document.getElementById("speed").oninput(); if (document.getElementById("play").textContent === "Play") document.getElementById("play").click();`)
	b.wait("end", `document.getElementById("play").textContent === "Again"`)
}

// drop drops files on the page: their names and contents.
func (b *tab) drop(name, kind string, data []byte) {
	b.Helper()
	args, err := json.Marshal([]string{name, kind, base64.StdEncoding.EncodeToString(data)})
	b.try(err)
	b.run(`{
		const [name, type, text] = ` + string(args) + `;
		const data = new DataTransfer();
		data.items.add(new File([Uint8Array.from(atob(text), c => c.charCodeAt(0))], name, {type}));
		dispatchEvent(new DragEvent("dragenter", {dataTransfer: data, cancelable: true, bubbles: true}));
		document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: data, cancelable: true, bubbles: true}));
	}`)
}

// written writes the page to a file and returns its address.
func written(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "play.html")
	if err := os.WriteFile(file, Page(), 0o644); err != nil {
		t.Fatal(err)
	}
	return "file://" + file
}
