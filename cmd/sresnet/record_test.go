package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sresnet/internal/hdf5"
	"sresnet/nir"
)

// Recordings have the spikes that eval counts, under the names of the nodes of the
// NIR file.
func TestRecordIsEval(t *testing.T) {
	for preset, latency := range map[string]int{"paper": 20, "few-steps": 180, "one-spike": 180} {
		t.Run(preset, func(t *testing.T) { testRecordIsEval(t, preset, latency) })
	}
}

func testRecordIsEval(t *testing.T, preset string, latency int) {
	dir := t.TempDir()
	digits := filepath.Join(dir, "digits")
	writeDigits(t, digits)
	file, out := filepath.Join(dir, "net.nir"), filepath.Join(dir, "rec.h5")
	run := func(args ...string) []byte {
		t.Helper()
		code, stdout, stderr := sresnet(t, t.Context(), args...)
		if code != 0 {
			t.Fatalf("%s: exit code %d: %s", args[0], code, stderr)
		}
		return []byte(stdout)
	}
	run("convert", model, "--calibrate", "mnist:"+digits, "--calibrate", "mnist?images=20", "--preset", preset, "-T", "20", "-o", file)
	common := []string{file, "--data", "mnist:" + digits, "--images", "4", "--timesteps", "20", "--json"}
	var e struct {
		Layers []struct {
			Name   string  `json:"layer"`
			Spikes float64 `json:"spikes_per_image"`
		}
	}
	if err := json.Unmarshal(run(append([]string{"eval"}, common...)...), &e); err != nil {
		t.Fatal(err)
	}
	var r recordResult
	if err := json.Unmarshal(run(append([]string{"record", "-o", out}, common...)...), &r); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(out); err != nil || info.Size() != r.FileBytes {
		t.Errorf("%d bytes, error %v, want %d", info.Size(), err, r.FileBytes)
	}

	if r.Timesteps != 20 || r.Latency != latency {
		t.Errorf("T = %d, latency %d, want 20 and %d", r.Timesteps, r.Latency, latency)
	}

	g, err := nir.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := hdf5.OpenFile(out, hdf5.Options{MaxBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i, l := range e.Layers {
		p := &r.Populations[i]
		if p.Layer != l.Name || float64(p.Spikes) != 4*l.Spikes {
			t.Errorf("layer %q: %d spikes, want those of eval, %v in each of 4 images of %q", p.Layer, p.Spikes, l.Spikes, l.Name)
		}
		if n := g.Node(p.Node); n == nil || n.Type != "IF" {
			t.Errorf("layer %q: the NIR file has no IF node %q", p.Layer, p.Node)
		}
		sum := uint64(0)
		err := f.Walk(func(path string, o hdf5.Object) error {
			d, ok := o.(*hdf5.Dataset)
			if !ok || !strings.HasPrefix(path, "/nodes/"+p.Node+"/") {
				return nil
			}
			if !slices.Equal(d.Shape(), []int{4, latency, p.Neurons}) {
				t.Errorf("%s: shape %v", path, d.Shape())
			}
			z, err := d.Bools()
			for _, z := range z {
				if z {
					sum++
				}
			}
			return err
		})
		if err != nil || sum != p.Spikes {
			t.Errorf("%s: %d spikes in the file, error %v, want %d", p.Node, sum, err, p.Spikes)
		}
	}
}

// Ctrl-C leaves the file as it was before.
func TestRecordInterrupted(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "rec.h5")
	if err := os.WriteFile(out, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx := when(t, filepath.Join(dir, ".rec.h5.*.tmp"), 0)
	code, _, stderr := sresnet(t, ctx, "record", model, "--data", "mnist", "--calibrate", "mnist?images=10", "--images", "400", "-o", out)
	if code != exitInterrupted || !strings.Contains(stderr, "interrupted: "+out+" is as it was before") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	b, err := os.ReadFile(out)
	if list, _ := os.ReadDir(dir); err != nil || string(b) != "before" || len(list) != 1 {
		t.Errorf("left %v, error %v", list, err)
	}
}
