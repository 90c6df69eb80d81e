//go:build linux

package hostile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// runs are bad folders of runs, r each.
func runs() []hostile {
	// changed is the good run with one file changed, whose hash is in the manifest.
	changed := func(name, file string, change func(b []byte) []byte, want ...string) hostile {
		return hostile{
			name: name, args: "report r -o page.html", want: append(want, file),
			make: func(f *files) {
				f.copy("run", "r")
				f.edit("r/"+file, change)
				if file != "manifest.json" {
					sign(f, file)
				}
			},
		}
	}
	// unsigned is the good run with a file that is not that of the manifest.
	unsigned := func(name string, make func(f *files), want ...string) hostile {
		return hostile{
			name: name, args: "report r -o page.html", want: append(want, "r:"),
			make: func(f *files) { f.copy("run", "r"); make(f) },
		}
	}
	replace := func(old, with string) func([]byte) []byte {
		return func(b []byte) []byte {
			if !bytes.Contains(b, []byte(old)) {
				panic(fmt.Sprintf("%q is not in the file", old))
			}
			return bytes.Replace(b, []byte(old), []byte(with), 1)
		}
	}
	// set changes a value of a JSON object.
	set := func(key, value string) func([]byte) []byte {
		return func(b []byte) []byte {
			var m map[string]json.RawMessage
			if err := json.Unmarshal(b, &m); err != nil {
				panic(err)
			}
			if m[key] == nil {
				panic(key + " is not in the file")
			}
			m[key] = json.RawMessage(value)
			b, err := json.Marshal(m)
			if err != nil { // The value is none.
				return []byte(`{"` + key + `":` + value + `}`)
			}
			return b
		}
	}
	of := func(s string) func([]byte) []byte { return func([]byte) []byte { return []byte(s) } }
	half := func(b []byte) []byte { return b[:len(b)/2] }
	deep := strings.Repeat("[", 1<<20)
	const manifest, result, changedImages, activations = "manifest.json", "result.json", "changed.json", "activations.json"
	list := []hostile{
		{name: "no folder", args: "report r -o page.html", want: []string{"r"}},
		{name: "a file", args: "report r -o page.html", want: []string{"r"}, make: func(f *files) { f.write("r", nil) }},
		{name: "empty folder", args: "report r -o page.html", want: []string{"manifest.json"}, make: func(f *files) { f.folder("r") }},
		{name: "pipe", args: "report r -o page.html", want: []string{"r"}, make: func(f *files) { f.pipe("r") }},
		changed("manifest empty", manifest, of("")),
		changed("half a manifest", manifest, half),
		changed("manifest of another type", manifest, of("[1, 2, 3]")),
		changed("manifest of null", manifest, of("null")),
		changed("manifest of text", manifest, of(`"run"`)),
		changed("manifest in itself", manifest, of(deep)),
		changed("manifest of options in options", manifest, of(`{"version":"1","files":{"a":"b"},"options":{"a":`+deep)),
		changed("manifest without files", manifest, set("files", "{}")),
		changed("manifest of files that are numbers", manifest, set("files", `{"accuracy.csv": 1}`)),
		changed("manifest of images of giant number", manifest, set("images", "1e400")),
		changed("manifest of images of -1", manifest, set("images", "-1"), "result.json"),
		changed("manifest of time that is none", manifest, set("started", `"yesterday"`)),
		changed("manifest of files elsewhere", manifest, set("files", `{"../../etc/passwd": "00", "/etc/passwd": "00"}`), "result.json"),
		unsigned("file that was changed", func(f *files) { f.edit("r/accuracy.csv", half) }, "accuracy.csv", "SHA-256"),
		unsigned("file that is missing", func(f *files) { f.check(removeFile(f, "r/layers.csv")) }, "layers.csv"),
		unsigned("file that is a pipe", func(f *files) { f.check(removeFile(f, "r/layers.csv")); f.pipe("r/layers.csv") }, "layers.csv"),
		unsigned("file that is a device", func(f *files) { f.check(removeFile(f, "r/layers.csv")); f.link("/dev/zero", "r/layers.csv") }, "layers.csv"),
		unsigned("file that is a folder", func(f *files) { f.check(removeFile(f, "r/layers.csv")); f.folder("r/layers.csv") }, "layers.csv"),
		unsigned("file that is a hole of a terabyte", func(f *files) { f.sparse("r/layers.csv", 1<<40) }, "layers.csv"),
		unsigned("file that is a link out of the folder", func(f *files) {
			f.write("elsewhere.csv", f.read("run/layers.csv"))
			f.check(removeFile(f, "r/layers.csv"))
			f.link("../elsewhere.csv", "r/layers.csv")
		}, "layers.csv"),
		unsigned("manifest that is a pipe", func(f *files) { f.check(removeFile(f, "r/manifest.json")); f.pipe("r/manifest.json") }, "manifest.json"),
		unsigned("manifest that is a device", func(f *files) { f.check(removeFile(f, "r/manifest.json")); f.link("/dev/zero", "r/manifest.json") }, "manifest.json"),
		unsigned("manifest that is a hole of a terabyte", func(f *files) { f.sparse("r/manifest.json", 1<<40) }, "manifest.json"),
		changed("result empty", result, of("")),
		changed("half a result", result, half),
		changed("result of another type", result, of("[]")),
		changed("result in itself", result, of(deep)),
		changed("result of no timesteps", result, set("timesteps", "0")),
		changed("result of timesteps of giant number", result, set("timesteps", "9223372036854775807")),
		changed("result of timesteps below 0", result, set("timesteps", "-9223372036854775808")),
		changed("result of timesteps above 64 bits", result, set("timesteps", "1e30")),
		changed("result of images of another number", result, set("images", "1000000000")),
		changed("result of layers of null", result, set("layers", "null")),
		changed("result of accuracies of text", result, set("spiking_top1", `["a"]`)),
		changed("result of fewer accuracies", result, set("spiking_top1", "[1]")),
		changed("result of an accuracy of 7", result, replace(`"spiking_top1":[`, `"spiking_top1":[7,`)),
		changed("result of spikes below 0", result, replace(`"spikes_per_image":[`, `"spikes_per_image":[-`)),
		changed("result of spikes of giant number", result, set("spikes_per_image", "[1e999]")),
		changed("result of additions of a timestep too many", result, replace(`"acs_per_image":[`, `"acs_per_image":[1,`)),
		changed("result of a layer of a timestep too many", result, replace(`"spikes_at":[`, `"spikes_at":[1,`)),
		changed("result of half a trained network", result, set("trained_top1", "null")),
		changed("result of no predictions", result, set("predictions", "null")),
		changed("result of fewer predictions", result, set("predictions", `{"image":[0],"label":[0],"trained_class":[0],"spiking_class":[0]}`)),
		changed("result of predictions of class -1", result, replace(`"spiking_class":[`, `"spiking_class":[-1`)),
		changed("result of predictions of class of giant number", result, replace(`"label":[`, `"label":[99999999`)),
		changed("result of energy of another type", result, set("energy", `[1e999]`)),
		{name: "run of an earlier version", args: "report r -o page.html", want: []string{"r was kept by an earlier version", "format 1"}, make: func(f *files) {
			f.copy("run", "r")
			f.edit("r/manifest.json", set("format", "1"))
		}},
		{name: "run of a later version", args: "report r -o page.html", want: []string{"r was kept by a later version", "format 1000000"}, make: func(f *files) {
			f.copy("run", "r")
			f.edit("r/manifest.json", set("format", "1000000"))
		}},
		{name: "result of an earlier version", args: "report r -o page.html", want: []string{"r was kept by an earlier version", "format 1"}, make: func(f *files) {
			f.copy("run", "r")
			f.edit("r/result.json", set("format", "1"))
			sign(f, "result.json")
		}},
		{name: "eval into a run of an earlier version", args: "eval BASE/model.onnx --data mnist:BASE/digits --out r", want: []string{"r was kept by an earlier version", "format 1"}, make: func(f *files) {
			f.write("r/manifest.json", []byte(`{"version":"v1","files":{"result.json":"00"}}`))
		}},
		{name: "eval into a plan of an earlier version", args: "eval BASE/model.onnx --data mnist:BASE/digits --out r", want: []string{"r was kept by an earlier version", "format 1"}, make: func(f *files) {
			f.write("r/plan.json", []byte(`{"format":1,"kind":"eval","images":4,"shards":2}`))
		}},
		changed("activations of more bins than edges", activations, of(`{"layers":[{"name":"relu/Relu","edges":[0,1],"counts":[1,2,3]}]}`)),
		changed("activations of another type", activations, of(`{"layers":7}`)),
		changed("changed images of no shape", changedImages, set("shape", "[]")),
		changed("changed images that overflow", changedImages, set("shape", "[2147483647,2147483647,2147483647]")),
		changed("changed images of shape below 0", changedImages, set("shape", "[-1,28,28]")),
		changed("changed images at no timestep", changedImages, set("t", "[]")),
		changed("changed images without pixels", changedImages, func(b []byte) []byte {
			return []byte(`{"shape":[1,28,28],"t":[1],"changed":[{"image":0,"pixels":"","evidence":[[1]]}]}`)
		}),
		changed("changed images of base64 that is none", changedImages, set("changed", `[{"pixels":"!!!"}]`)),
		{name: "two runs, one of them bad", args: "report BASE/run r -o page.html", want: []string{"r:"}, make: func(f *files) { f.folder("r") }},
		{name: "page that is a folder", args: "report BASE/run -o page", want: []string{"page"}, make: func(f *files) { f.folder("page") }},
		{name: "page that is a pipe", args: "report BASE/run -o page", want: []string{"page"}, make: func(f *files) { f.pipe("page") }},
		{name: "NIR file over a pipe", args: "convert BASE/model.onnx --calibrate mnist:BASE/digits -o net.nir", want: []string{"net.nir"}, make: func(f *files) { f.pipe("net.nir") }},
		{name: "recording over a pipe", args: "record BASE/model.onnx --data mnist:BASE/digits -o r.npz", want: []string{"r.npz"}, make: func(f *files) { f.pipe("r.npz") }},
		{name: "page in a folder that is not there", args: "report BASE/run -o no/page.html", want: []string{"page.html"}},
		{name: "page in a file", args: "report BASE/run -o file/page.html", want: []string{"page.html"}, make: func(f *files) { f.write("file", nil) }},
		{name: "figures in a file", args: "report BASE/run -o file --format png", want: []string{"file"}, make: func(f *files) { f.write("file", nil) }},
		{name: "diagnosis of another network", args: "report r -o page.html", want: []string{"diagnosis.json"}, make: func(f *files) {
			f.copy("run", "r")
			f.write("r/diagnosis.json", []byte(`{"model":"another","layers":[]}`))
			sign(f, "diagnosis.json")
		}},
		{name: "diagnosis of giant numbers", args: "report r -o page.html", want: []string{"diagnosis.json"}, make: func(f *files) {
			f.copy("run", "r")
			f.write("r/diagnosis.json", []byte(`{"t":[1e30]}`))
			sign(f, "diagnosis.json")
		}},
		{name: "run of no network", args: "diagnose BASE/model.onnx --data mnist:BASE/digits --images 2 --out r", want: []string{"r"}, make: func(f *files) { f.folder("r") }},
		{name: "run of which the manifest is a pipe", args: "diagnose BASE/model.onnx --data mnist:BASE/digits --images 2 --out r", want: []string{"manifest.json"}, make: func(f *files) { f.pipe("r/manifest.json") }},
		{name: "sweep into a file", args: "sweep BASE/model.onnx --data mnist:BASE/digits --calibrate mnist:BASE/digits?images=10 --selection-images 10 --out r", want: []string{"r"}, make: func(f *files) { f.write("r", nil) }},
		{
			name: "sweep over a manifest of another type", args: "sweep BASE/model.onnx --data mnist:BASE/digits --calibrate mnist:BASE/digits?images=10 --selection-images 10 --percentile 99 --v-init 0 --compensation none --out r",
			want: []string{"manifest.json"}, make: func(f *files) { f.write("r/p99-v0-none/manifest.json", []byte("[]")) },
		},
		{
			name: "sweep over a manifest that is a pipe", args: "sweep BASE/model.onnx --data mnist:BASE/digits --calibrate mnist:BASE/digits?images=10 --selection-images 10 --percentile 99 --v-init 0 --compensation none --out r",
			want: []string{"manifest.json"}, make: func(f *files) { f.pipe("r/p99-v0-none/manifest.json") },
		},
		{name: "eval into a file", args: "eval BASE/model.onnx --data mnist:BASE/digits --out r", want: []string{"r"}, make: func(f *files) { f.write("r", nil) }},
		{name: "eval below a file", args: "eval BASE/model.onnx --data mnist:BASE/digits --out r/s", want: []string{"r"}, make: func(f *files) { f.write("r", nil) }},
	}
	return list
}

// sign gives the manifest of r the hash of a file.
func sign(f *files, file string) {
	var content []byte
	f.edit("r/"+file, func(b []byte) []byte { content = b; return b })
	f.edit("r/manifest.json", func(b []byte) []byte {
		var m map[string]any
		f.check(json.Unmarshal(b, &m))
		sum := sha256.Sum256(content)
		m["files"].(map[string]any)[file] = hex.EncodeToString(sum[:])
		b, err := json.Marshal(m)
		f.check(err)
		return b
	})
}
