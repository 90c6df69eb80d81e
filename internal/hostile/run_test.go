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
		changed("manifest of files elsewhere", manifest, set("files", `{"../../etc/passwd": "00", "/etc/passwd": "00"}`), "accuracy.csv"),
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
		{name: "result of layers of null", args: "report r -o page.html", want: []string{"spikes.csv"}, make: func(f *files) {
			f.copy("run", "r")
			f.edit("r/result.json", set("layers", "null"))
			sign(f, "result.json")
		}},
		changed("result of accuracies of text", result, set("snn", `{"top1": ["a"]}`)),
		changed("accuracy empty", "accuracy.csv", of("")),
		changed("accuracy without columns", "accuracy.csv", of("a,b\n1,2\n")),
		changed("accuracy of text", "accuracy.csv", replace("\n2,", "\ntwo,")),
		changed("accuracy of lines of other length", "accuracy.csv", replace("\n2,", "\n2,1,1,1,1,1,1,1,1,")),
		changed("accuracy of a line too many", "accuracy.csv", func(b []byte) []byte {
			return append(b, b[bytes.LastIndexByte(b[:len(b)-1], '\n')+1:]...)
		}),
		changed("predictions of class -1", "predictions.csv", replace("\n0,", "\n-1,")),
		changed("predictions of class of giant number", "predictions.csv", func(b []byte) []byte {
			lines := strings.SplitAfter(string(b), "\n")
			lines[1] = "0,999999999,0,0" + strings.Repeat(",0", strings.Count(lines[0], ",")-3) + "\n"
			return []byte(strings.Join(lines, ""))
		}),
		changed("spikes of other layers", "spikes.csv", replace("relu/Relu", "elsewhere")),
		changed("spikes of half the lines", "spikes.csv", func(b []byte) []byte { return b[:bytes.IndexByte(b[len(b)/2:], '\n')+len(b)/2+1] }),
		changed("choice of another timestep", "choice.csv", func(b []byte) []byte {
			i := bytes.IndexByte(b, '\n')
			return append(append(b[:i+1:i+1], "99999"...), b[i+2:]...)
		}),
		changed("activations of more bins than edges", activations, of(`{"layers":[{"name":"relu/Relu","edges":[0,1],"counts":[1,2,3]}]}`)),
		changed("activations of another type", activations, of(`{"layers":7}`)),
		changed("energy of another type", "energy.json", of(`[1e999]`)),
		changed("changed images of no shape", changedImages, set("shape", "[]")),
		changed("changed images that overflow", changedImages, set("shape", "[2147483647,2147483647,2147483647]")),
		changed("changed images of shape below 0", changedImages, set("shape", "[-1,28,28]")),
		changed("changed images at no timestep", changedImages, set("timesteps", "[]")),
		changed("changed images without pixels", changedImages, func(b []byte) []byte {
			return []byte(`{"shape":[1,28,28],"timesteps":[1],"images":[{"index":0,"pixels":"","evidence":[[1]]}]}`)
		}),
		changed("changed images of base64 that is none", changedImages, set("images", `[{"pixels":"!!!"}]`)),
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
			f.write("r/diagnosis.json", []byte(`{"timesteps":[1e30]}`))
			sign(f, "diagnosis.json")
		}},
		{name: "run of no network", args: "diagnose BASE/model.onnx --data mnist:BASE/digits --images 2 --out r", want: []string{"r"}, make: func(f *files) { f.folder("r") }},
		{name: "run of which the manifest is a pipe", args: "diagnose BASE/model.onnx --data mnist:BASE/digits --images 2 --out r", want: []string{"manifest.json"}, make: func(f *files) { f.pipe("r/manifest.json") }},
		{name: "sweep into a file", args: "sweep BASE/model.onnx --data mnist:BASE/digits --calibration-images 10 --selection-images 10 --out r", want: []string{"r"}, make: func(f *files) { f.write("r", nil) }},
		{
			name: "sweep over a manifest of another type", args: "sweep BASE/model.onnx --data mnist:BASE/digits --calibration-images 10 --selection-images 10 --percentile 99 --v-init 0 --compensation none --out r",
			want: []string{"manifest.json"}, make: func(f *files) { f.write("r/p99-v0-none/manifest.json", []byte("[]")) },
		},
		{
			name: "sweep over a manifest that is a pipe", args: "sweep BASE/model.onnx --data mnist:BASE/digits --calibration-images 10 --selection-images 10 --percentile 99 --v-init 0 --compensation none --out r",
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
