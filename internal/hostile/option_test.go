//go:build linux

package hostile

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

func removeFile(f *files, name string) error { return os.Remove(f.path(name)) }

// tables are bad tables of energies, t.json each.
func tables() []hostile {
	var list []hostile
	for _, c := range []struct{ name, json, want string }{
		{"empty", "", "JSON"},
		{"text", "1.5 pJ", "JSON"},
		{"half", `{"pj_per_ac": `, "JSON"},
		{"another type", `[1.5]`, "JSON"},
		{"null", `null`, "energy"},
		{"in itself", strings.Repeat(`{"name":`, 1<<16), "JSON"},
		{"no energy", `{"name": "chip"}`, "pj_per_ac"},
		{"below 0", `{"pj_per_ac": -1}`, "pj_per_ac"},
		{"a giant number", `{"pj_per_ac": 1e300}`, "pj_per_ac"},
		{"above 64 bits", `{"pj_per_ac": 1e400}`, "pj_per_ac"},
		{"NaN", `{"pj_per_ac": NaN}`, "JSON"},
		{"a number that is text", `{"pj_per_ac": "1"}`, "pj_per_ac"},
		{"a key of another name", `{"pj_per_add": 1}`, "pj_per_add"},
		{"keys that draw on terminals", `{"\u001b[2J": 1}`, "key"},
		{"two objects", `{"pj_per_ac": 1}{"pj_per_ac": 2}`, "follows"},
		{"a name of megabytes", `{"name": "` + strings.Repeat("a", 4<<20), "too large"},
	} {
		list = append(list, hostile{
			name: c.name, args: "eval BASE/model.onnx --data mnist:BASE/digits --device t.json", code: 2, want: []string{"t.json", c.want},
			make: func(f *files) { f.write("t.json", []byte(c.json)) },
		})
	}
	for name, make := range map[string]func(f *files){
		"not there": func(*files) {}, "pipe": func(f *files) { f.pipe("t.json") }, "folder": func(f *files) { f.folder("t.json") },
		"device": func(f *files) { f.link("/dev/zero", "t.json") }, "hole of a terabyte": func(f *files) { f.sparse("t.json", 1<<40) },
		"link in a circle": func(f *files) { f.link("t.json", "t.json") }, "zeros": func(f *files) { f.write("t.json", bytes.Repeat([]byte{0}, 1<<20)) },
	} {
		list = append(list, hostile{name: name, args: "eval BASE/model.onnx --data mnist:BASE/digits --device t.json", code: 2, want: []string{"t.json"}, make: make})
	}
	return list
}

// options are command lines that make no sense.
func options() []hostile {
	var list []hostile
	// of adds a command line; the error names every word of want.
	of := func(command string, want ...string) {
		list = append(list, hostile{name: command, args: command, code: 2, want: want})
	}
	for option, values := range map[string]string{
		"images":       "-1 1e9 9223372036854775808 NaN ten 0x -9223372036854775808",
		"timesteps":    "0 -1 1000000000 9223372036854775807 9223372036854775808 1.5 NaN",
		"percentile":   "0 -1 100.1 NaN Inf -Inf 1e400 high",
		"v-init":       "-0.1 1 NaN Inf 0.99999999999 half",
		"workers":      "-1 1025 1000000000 9223372036854775808 many",
		"seed":         "-1 18446744073709551616 random",
		"neuron":       "LIF if,lif leaky",
		"leak":         "0 -0.5 1.1 NaN Inf 1e-60 0.5 some",
		"refractory":   "-1 1 65536 9223372036854775808 1.5",
		"compensation": "layers LAYER none,layer",
		"encoding":     "phase direct,poisson",
		"reset":        "soft",
		"readout":      "max",
		"normalize":    "bright : 0: :1 0:0 0:-1 NaN:1 0:NaN 0:Inf 1e400:1 0,0:1 1,2,3,4:1 " + strings.Repeat("0,", 5000) + "0:1",
		"data":         "tulips:here :x cifar10: cifar10 npz: npy: folder: files: ../..",
		"calibrate":    "tulips:here cifar10:",
		"preset":       "fast Paper few-steps,one-spike",
		"schedule":     "phases SYNCHRONOUS",
		"coding":       "burst first-spike",
		"lambdas":      "neuron 2",
		"match":        "weights bias+bias",
		"exit":         "-0.1 1 NaN Inf half",
		"plan":         "0 -1 1000000000 9223372036854775808 many",
		"device":       "65nm",
	} {
		for value := range strings.FieldsSeq(values) {
			data := "--data mnist:BASE/digits "
			if option == "data" {
				data = ""
			}
			c := hostile{
				name: fmt.Sprintf("--%s %.20s", option, value), code: 2, want: []string{"--" + option},
				args: "eval BASE/model.onnx " + data + "--" + option + "=" + value,
			}
			list = append(list, c)
		}
		list = append(list, hostile{name: "--" + option + " without a value", args: "eval BASE/model.onnx --data mnist:BASE/digits --" + option, code: 2, want: []string{"--" + option}})
	}
	for _, line := range []string{
		"--schedule phased --neuron lif", "--schedule phased --reset zero", "--preset one-spike --schedule synchronous",
		"--preset few-steps --percentile 99", "--preset calibrated --compensation layer", "--preset calibrated --encoding poisson",
		"--preset few-steps --refit --calibration-images 100", "--preset few-steps --match start", "--preset few-steps -T 0",
		"--preset few-steps -T 1 --exit 0.1", "--refit",
	} {
		of("eval BASE/model.onnx --data mnist:BASE/digits "+line, "hint:")
	}
	of("nothing", "nothing")
	of("eval", "is missing")
	of("eval a b", "too many arguments")
	of("eval BASE/model.onnx --nothing", "--nothing")
	of("eval BASE/model.onnx --data", "--data")
	of("eval BASE/model.onnx?zoom=3 --data mnist:BASE/digits", "zoom")
	of("eval BASE/model.onnx?arch=resnet18 --data mnist:BASE/digits", "arch")
	of("eval BASE/model.onnx?arch= --data mnist:BASE/digits", "arch")
	for option, values := range map[string]string{
		"images":   "0 -1 9223372036854775808 all",
		"resize":   "-1 9223372036854775808 large",
		"crop":     "-1 9223372036854775808 small",
		"skip-bad": "-1 9223372036854775808 all",
		"zoom":     "3",
	} {
		for value := range strings.FieldsSeq(values) {
			of("eval BASE/model.onnx --data mnist:BASE/digits --calibrate mnist:BASE/digits?"+option+"="+value, "--calibrate", option)
			of("data info mnist:BASE/digits?"+option+"="+value, option)
		}
	}
	of("inspect", "is missing")
	of("inspect BASE/model.onnx?input=3x224", "input=3x224")
	of("inspect BASE/model.onnx?input=3x0x224", "input=3x0x224")
	of("inspect BASE/model.onnx?input=3x-1x224", "input=3x-1x224")
	of("inspect BASE/model.onnx?input=999999999x999999999x999999999", "input=999999999x999999999x999999999")
	of("inspect BASE/model.onnx?input=9223372036854775808x1x1", "input=9223372036854775808x1x1")
	of("inspect BASE/model.onnx?input=NaN", "input=NaN")
	of("sweep BASE/model.onnx --data mnist:BASE/digits --percentile 99,99", "twice")
	of("sweep BASE/model.onnx --data mnist:BASE/digits --percentile 99,NaN", "--percentile")
	of("sweep BASE/model.onnx --data mnist:BASE/digits --percentile ,", "--percentile")
	of("sweep BASE/model.onnx --data mnist:BASE/digits --v-init 0,2", "--v-init")
	of("sweep BASE/model.onnx --data mnist:BASE/digits --at 1000000", "--at")
	of("sweep BASE/model.onnx --data mnist:BASE/digits --at -1", "--at")
	of("sweep BASE/model.onnx --data mnist:BASE/digits --selection-images -1", "--selection-images")
	of("sweep BASE/model.onnx --data mnist:BASE/digits --compensation all", "--compensation")
	of("bench BASE/model.onnx --rounds 0", "--rounds")
	of("bench BASE/model.onnx --rounds 1000000000000", "--rounds")
	of("bench BASE/model.onnx?input=1x2", "input=1x2")
	of("watch BASE/model.onnx --data mnist:BASE/digits --speed NaN --image 0", "--speed")
	of("watch BASE/model.onnx --data mnist:BASE/digits --speed 0 --image 0", "--speed")
	of("watch BASE/model.onnx --data mnist:BASE/digits --speed -1 --image 0", "--speed")
	of("watch BASE/model.onnx --data mnist:BASE/digits", "--image")
	of("report", "is missing")
	of("report r --format pdf -o x", "--format")
	of("report r", "-o")
	of("convert BASE/model.onnx --calibrate mnist:BASE/digits", "-o")
	of("data info", "is missing")
	of("data info tulips", "tulips")
	of("data info mnist:BASE/digits --split all", "--split")
	of("data get imagenet", "imagenet")
	of("data get ../../etc", "../../etc")
	of("data get cifar10 a b", "too many arguments")
	of("nir", "is missing")
	of("completion tcsh", "tcsh")
	of("demo --images -1", "--images")
	of("demo extra", "extra")
	list = append(
		list,
		hostile{name: "empty command", argv: []string{""}, code: 2, want: []string{"command"}},
		hostile{name: "empty model", argv: []string{"inspect", ""}, code: 2, want: []string{"MODEL", "onnx"}},
		hostile{name: "empty data", argv: []string{"eval", good + "/model.onnx", "--data", ""}, code: 2, want: []string{"--data"}},
		hostile{name: "empty page", argv: []string{"report", good + "/run", "-o", ""}, code: 2, want: []string{"-o"}},
		hostile{name: "command of control characters", argv: []string{"\x1b[2J\x00"[:4]}, code: 2, want: []string{"command"}},
		hostile{name: "option of control characters", argv: []string{"eval", "m.onnx", "--data", "\x1b[2J\a"}, code: 2, want: []string{"--data"}},
		hostile{name: "option of a megabyte", argv: []string{"eval", "m.onnx", "--data", strings.Repeat("a", 100000)}, code: 2, want: []string{"--data"}},
		hostile{name: "more images than there are", args: "eval BASE/model.onnx --data mnist:BASE/digits --images 11", code: 2, want: []string{"--images 11"}},
		hostile{name: "images of files resized that are none", args: "eval BASE/model.onnx --data mnist:BASE/digits?resize=8", code: 2, want: []string{"resize"}},
		hostile{name: "options of a trained network for a spiking one", args: "eval BASE/model.nir --data mnist:BASE/digits --percentile 99", code: 2, want: []string{"--percentile"}},
		hostile{name: "convert into a folder that is not there", args: "convert BASE/model.onnx --calibrate mnist:BASE/digits -o no/x.nir", want: []string{"x.nir"}},
		hostile{name: "convert into a folder", args: "convert BASE/model.onnx --calibrate mnist:BASE/digits -o x.nir", want: []string{"x.nir"}, make: func(f *files) { f.folder("x.nir") }},
		hostile{name: "sheet into a folder that is not there", args: "data info mnist:BASE/digits -o no/x.png", want: []string{"x.png"}},
		hostile{name: "download from nowhere", args: "data get mnist d --from file:///etc/", want: []string{"file"}, make: func(f *files) { f.folder("d") }},
		hostile{name: "download into a file", args: "data get mnist d --from http://127.0.0.1:1/", want: []string{"d"}, make: func(f *files) { f.write("d", nil) }},
		hostile{name: "download over another file", args: "data get mnist d --from http://127.0.0.1:1/", want: []string{"train-images-idx3-ubyte.gz"}, make: func(f *files) { f.write("d/train-images-idx3-ubyte.gz", []byte("x")) }},
		hostile{name: "download over a pipe", args: "data get mnist d --from http://127.0.0.1:1/", want: []string{"train-images-idx3-ubyte.gz"}, make: func(f *files) { f.pipe("d/train-images-idx3-ubyte.gz") }},
		hostile{name: "download over half a pipe", args: "data get mnist d --from http://127.0.0.1:1/", want: []string{"train-images-idx3-ubyte.gz"}, make: func(f *files) { f.pipe("d/train-images-idx3-ubyte.gz.part") }},
	)
	return list
}
