package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParseSresnet(t *testing.T) {
	got, err := parseSresnet([]byte(`{"model":"m","images":4,"timesteps":3,"complete":true,"trained_top1":1,"spiking_top1":[0.25,0.5,0.75],"seconds":2}`))
	if err != nil {
		t.Fatal(err)
	}
	want := sample{Program: sresnet, Setting: "event-driven, one image per core", Timesteps: 3, Accuracy: 0.75, Seconds: 2, Speed: 6}
	if got.images != 4 || got.trained != 1 || !slices.Equal(got.top1, []float64{0.25, 0.5, 0.75}) || !slices.Equal(got.samples, []sample{want}) {
		t.Errorf("got %+v, want a sample %+v", got, want)
	}
}

func TestParseTorch(t *testing.T) {
	got, err := parseTorch([]byte(`{"version":"1.13.0","images":4,"timesteps":3,"threads":1,"runs":[
		{"batch":8,"seconds":2,"image_steps_per_second":6,"accuracy":0.5},
		{"batch":64,"seconds":3,"image_steps_per_second":4,"accuracy":0.5}],"populations":[],"counts":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []sample{
		{Program: pytorch, Setting: "clocked dense loop, batches of up to 8", Timesteps: 3, Accuracy: 0.5, Seconds: 2, Speed: 6},
		{Program: pytorch, Setting: "clocked dense loop, batches of up to 64", Timesteps: 3, Accuracy: 0.5, Seconds: 3, Speed: 4},
	}
	if got.images != 4 || got.version != "1.13.0" || !slices.Equal(got.samples, want) {
		t.Errorf("got %+v, want samples %+v", got, want)
	}
}

func TestParseONNXRuntime(t *testing.T) {
	got, err := parseONNXRuntime([]byte(`{"version":"1.30.0","images":4,"threads":2,"runs":[
		{"batch":8,"sessions":1,"accuracy":0.75,"presented":16,"seconds":2,"images_per_second":8},
		{"batch":8,"sessions":2,"accuracy":0.75,"presented":24,"seconds":2,"images_per_second":12}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []sample{
		{Program: onnxruntime, Setting: "trained network, batches of 8", Timesteps: 1, Accuracy: 0.75, Seconds: 2, Speed: 8},
		{Program: onnxruntime, Setting: "trained network, batches of 8, one session per core", Timesteps: 1, Accuracy: 0.75, Seconds: 2, Speed: 12},
	}
	if got.images != 4 || got.version != "1.30.0" || !slices.Equal(got.samples, want) {
		t.Errorf("got %+v, want samples %+v", got, want)
	}
}

// TestParseErrors gives each parser what must not become a line of the table.
func TestParseErrors(t *testing.T) {
	parsers := map[string]func([]byte) (*output, error){sresnet: parseSresnet, pytorch: parseTorch, onnxruntime: parseONNXRuntime}
	for _, tt := range []struct{ program, text string }{
		{sresnet, ``},
		{sresnet, `{}`},
		{sresnet, `{"images":4,"timesteps":3,"spiking_top1":[0.25,0.5],"seconds":2}`},
		{sresnet, `{"images":4,"timesteps":1,"spiking_top1":[0.25]}`},
		{pytorch, `64 images, 3 timesteps`},
		{pytorch, `{"images":4,"timesteps":3,"runs":[]}`},
		{pytorch, `{"images":4,"timesteps":3,"runs":[{"batch":8}]}`},
		{onnxruntime, `{"images":4,"runs":[]}`},
		{onnxruntime, `{"images":4,"runs":[{"batch":8,"sessions":1,"images_per_second":0}]}`},
	} {
		if out, err := parsers[tt.program]([]byte(tt.text)); err == nil {
			t.Errorf("%s: parsing %s: got %+v, want an error", tt.program, tt.text, out)
		}
	}
}

// measured is a comparison of three rounds on one core. By the median, batches of 8
// are onnxruntime's best, though batches of 64 have the fastest round. Speeds move
// together, so that ratios are steadier than the speeds: 2, 2 and 4 for PyTorch.
func measured() *comparison {
	c := &comparison{
		Model: "net.onnx", Data: "test_batch.bin", Images: 4, Timesteps: 100, DenseTimesteps: 2, Rounds: 3, Processor: "a processor", Bound: true,
		Versions: map[string]string{pytorch: "1.13", onnxruntime: "1.30"}, Missing: map[string]string{},
		Trained: 1, Top1: make([]float64, 100),
		EqualWork: &sample{Program: pytorch, Cores: 1, Timesteps: 100, Accuracy: 0.75, Seconds: 8, Speed: 50},
	}
	c.Top1[1], c.Top1[99] = 0.25, 0.75
	add := func(round int, program, setting string, timesteps int, accuracy, speed float64) {
		c.Samples = append(c.Samples, sample{Round: round, Program: program, Setting: setting, Cores: 1, Timesteps: timesteps, Accuracy: accuracy, Seconds: 1, Speed: speed})
	}
	for i, speed := range []float64{100, 1000, 400} {
		add(i+1, sresnet, "events", 100, 0.75, speed)
		add(i+1, sresnetAVX2, "events", 100, 0.75, speed/2)
		add(i+1, pytorch, "loop", 2, 0.25, []float64{50, 500, 100}[i])
		add(i+1, pytorchAVX2, "loop", 2, 0.25, []float64{10, 50, 40}[i]) // Ratios of 5, 10 and 5.
		add(i+1, onnxruntime, "batches of 64", 1, 1, []float64{20, 5000, 200}[i])
		add(i+1, onnxruntime, "batches of 8", 1, 1, []float64{100, 4000, 400}[i])
	}
	return c
}

func TestPrint(t *testing.T) {
	const want = `net, the first 4 images of test_batch.bin, programs bound to their cores. a processor; medians of 3 rounds, slowest and fastest in brackets.

| cores | program | how | timesteps | accuracy | image-steps/s | sresnet / program | ms per image | images/s |
|--:|---|---|--:|--:|--:|--:|--:|--:|
| 1 | sresnet | events | 100 | 75.00 % | 400 (100 to 1000) |  | 250.00 | 4 |
| 1 | sresnet, AVX2 | events | 100 | 75.00 % | 200 (50 to 500) |  | 500.00 | 2 |
| 1 | PyTorch 1.13 | loop | 100 | 75.00 % | 100 (50 to 500) | 2.00 | 1000.00 | 1 |
| 1 | PyTorch, AVX2 | loop | 100 | 75.00 % | 40 (10 to 50) | 5.00 | 2500.00 | 0 |
| 1 | onnxruntime 1.30 | batches of 8 | 1 | 100.00 % | 400 (100 to 4000) | 1.00 | 2.50 | 400 |

- PyTorch simulated the same 100 timesteps of the same 4 images once, on 1 core: 8.0 s, 50 image-steps/s, accuracy 75.00 %; sresnet's is 75.00 %. In the rounds it simulated 2 timesteps: accuracy 25.00 %, sresnet's after as many is 25.00 %.
- onnxruntime runs the trained network, a pass counted as one timestep: accuracy 100.00 %, that of sresnet's own dense pass is 100.00 %.
`
	var b strings.Builder
	measured().print(&b)
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestPrintMissing leaves out the line of a program, and says why.
func TestPrintMissing(t *testing.T) {
	c := measured()
	delete(c.Versions, pytorch)
	c.Missing[pytorch], c.EqualWork = "PyTorch: no module", nil
	c.Samples = slices.DeleteFunc(c.Samples, func(s sample) bool { return strings.HasPrefix(s.Program, pytorch) })
	var b strings.Builder
	c.print(&b)
	got := b.String()
	if strings.Contains(got, "| PyTorch") || !strings.Contains(got, "- Left out: PyTorch: no module\n") || !strings.Contains(got, "| onnxruntime 1.30 |") {
		t.Errorf("got\n%s\nwant a table without PyTorch, and the reason", got)
	}
}

func TestAccuraciesThatDiffer(t *testing.T) {
	c := measured()
	c.Samples[len(c.Samples)-1].Accuracy = 0.5
	if got, want := c.accuracies(onnxruntime), "100.00 % or 50.00 %"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParseCores(t *testing.T) {
	if got, err := parseCores("1,2"); err != nil || !slices.Equal(got, []int{1, 2}) {
		t.Errorf(`parseCores("1,2"): got %v, %v`, got, err)
	}
	for _, list := range []string{"", "0", "1,", "two", "-1"} {
		if got, err := parseCores(list); err == nil {
			t.Errorf("parseCores(%q): got %v, want an error", list, got)
		}
	}
}

func TestParseCPUList(t *testing.T) {
	for _, tt := range []struct {
		list string
		want []int // Nil for an error.
	}{
		{"0", []int{0}},
		{"0-1", []int{0, 1}},
		{"0-2,5,8-9", []int{0, 1, 2, 5, 8, 9}},
		{"", nil},
		{"0-", nil},
	} {
		got, err := parseCPUList(tt.list)
		if !slices.Equal(got, tt.want) || (err == nil) != (tt.want != nil) {
			t.Errorf("parseCPUList(%q): got %v, %v, want %v", tt.list, got, err, tt.want)
		}
	}
}

func TestBind(t *testing.T) {
	for _, tt := range []struct {
		allowed []int
		n       int
		want    string
	}{
		{[]int{3, 5, 6}, 2, "taskset -c 3,5 node x.mjs"},
		{[]int{3}, 1, "taskset -c 3 node x.mjs"},
		{[]int{3}, 2, "node x.mjs"},
		{nil, 1, "node x.mjs"},
	} {
		if got := strings.Join(bind(tt.allowed, tt.n, []string{"node", "x.mjs"}), " "); got != tt.want {
			t.Errorf("bind(%v, %d): got %q, want %q", tt.allowed, tt.n, got, tt.want)
		}
	}
}

// TestFailure keeps an error with its hint, and of a trace the last line.
func TestFailure(t *testing.T) {
	exit := errors.New("exit status 1")
	for _, tt := range []struct{ stderr, want string }{
		{"", "exit status 1"},
		{"no module\n", "exit status 1: no module"},
		{"error: no file\nhint: give one\n", "exit status 1: error: no file; hint: give one"},
		{"Traceback:\n  File x\n    y\nValueError: z\n", "exit status 1: ValueError: z"},
	} {
		if got := failure(exit, tt.stderr); got.Error() != tt.want || !errors.Is(got, exit) {
			t.Errorf("failure(%q): got %q, want %q", tt.stderr, got, tt.want)
		}
	}
}

func TestPath(t *testing.T) {
	for spec, want := range map[string]string{"cifar10:a/b.bin": "a/b.bin", "a/b.bin": "", "mnist": "", "cifar100:x": "", "": ""} {
		if got := path(spec); got != want {
			t.Errorf("path(%q): got %q, want %q", spec, got, want)
		}
	}
}
