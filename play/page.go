// Package play is the playground: one page in the browser in which a spiking ResNet looks at
// what is drawn, timestep by timestep, and networks that are dropped on it are converted and
// simulated. [Page] is the page, a single file, and [Server] serves the same bytes on this
// machine.
//
// The engine in the page is package play/lab, compiled to WebAssembly by package play/generate
// and committed, so that a plain build has it. Nothing in the page asks for anything outside
// of it, and its policy forbids that, too.
package play

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"strings"
	"sync"

	"sresnet/dataset"
	"sresnet/models"
	"sresnet/play/lab"
)

//go:generate go run ./generate

// The files that make the page; package play/generate writes those that are not in a folder.
var (
	//go:embed engine.wasm.gz
	engine []byte
	//go:embed wasm_exec.js
	wasmExec string
	//go:embed statistics.json
	statistics []byte
	//go:embed digits.bin
	digits []byte
	//go:embed page
	files embed.FS
)

// perClass is how many digits of each class there are.
var perClass = len(digits) / (10 * 28 * 28)

// scripts are the files of the script of the page, in order. They share one scope.
var scripts = []string{"engine.js", "image.js", "pad.js", "maps.js", "charts.js", "work.js", "view.js", "controls.js"}

// page is the page and its policy, made when it is first asked for.
var page = sync.OnceValues(func() (html []byte, policy string) { return build() })

// Page returns the page as one file of HTML, which needs no other.
func Page() []byte {
	p, _ := page()
	return p
}

// build puts the page together. The policy lets only this style and this script run, and
// nothing be asked for.
func build() (out []byte, policy string) {
	var script strings.Builder
	for _, name := range scripts {
		script.WriteString(read(name))
	}
	style := read("style.css")
	policy = fmt.Sprintf("default-src 'none'; script-src '%s' 'wasm-unsafe-eval'; worker-src blob:; style-src '%s'; img-src data: blob:; connect-src 'none'; base-uri 'none'; form-action 'none'",
		hash(script.String()), hash(style))
	text := strings.NewReplacer(
		"{{policy}}", html.EscapeString(policy),
		"{{style}}", style,
		"{{worker}}", inElement(wasmExec+"\n"+read("worker.js")),
		"{{engine}}", base64.StdEncoding.EncodeToString(engine),
		"{{model}}", base64.StdEncoding.EncodeToString(models.ResNet8MNIST),
		"{{digits}}", base64.StdEncoding.EncodeToString(digits),
		"{{facts}}", inElement(facts()),
		"{{script}}", inElement(script.String()),
	).Replace(read("page.html"))
	return []byte(text), policy
}

// read returns a file of the page.
func read(name string) string {
	b, err := files.ReadFile("page/" + name)
	if err != nil {
		panic(err) // It is embedded; a test reads them all.
	}
	return string(b)
}

// hash is how a policy names a script or a style.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// inElement returns the text of a script element, which must not end it.
func inElement(text string) string {
	if low := strings.ToLower(text); strings.Contains(low, "</script") || strings.Contains(low, "<!--") {
		panic("play: a script of the page would end its element") // A test builds the page.
	}
	return text
}

// facts returns what the script of the page needs to know from Go, as JSON.
func facts() string {
	type normalization struct {
		Name  string    `json:"name"`
		Words string    `json:"words"`
		Mean  []float32 `json:"mean"`
		Std   []float32 `json:"std"`
		Raw   bool      `json:"raw"`
	}
	words := map[string]string{"none": "none: 0 to 255", "unit": "unit: 0 to 1"}
	var list []normalization
	for _, name := range dataset.NormalizationNames() {
		for _, channels := range []int{3, 1} {
			n, err := dataset.ParseNormalization(name, channels)
			if err != nil {
				continue // Of images of other channels.
			}
			w := words[name]
			if w == "" {
				w = "those of " + name
			}
			list = append(list, normalization{name, w, n.Mean, n.Std, n.Raw})
			break
		}
	}
	var known bytes.Buffer
	if err := json.Compact(&known, statistics); err != nil {
		panic(err) // It is generated; a test builds the page.
	}
	b, err := json.Marshal(map[string]any{
		"normalizations": list, "percentiles": lab.Percentiles, "channels": lab.Channels, "close": lab.CloseChannels,
		"maxFile": lab.MaxFile, "each": perClass, "statistics": json.RawMessage(known.Bytes()),
	})
	if err != nil {
		panic(err)
	}
	return string(b)
}
