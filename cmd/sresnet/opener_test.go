package main

import (
	"os"
	"path/filepath"
	"testing"
)

// Paths of options begin where the user is, also after a change to the folder that a
// run was planned in.
func TestAbsolute(t *testing.T) {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	for spec, want := range map[string]string{
		"":                          "",
		"mnist":                     "mnist",
		"resnet20.onnx":             in("resnet20.onnx"),
		"a:b.onnx":                  in("a:b.onnx"),
		"mnist:digits":              "mnist:" + in("digits"),
		"cifar10:../c":              "cifar10:" + filepath.Join(filepath.Dir(dir), "c"),
		"npz:t.npz":                 "npz:" + in("t.npz"),
		"npy:x.npy,y.npy":           "npy:" + in("x.npy") + "," + in("y.npy"),
		"files:own,own/labels.csv":  "files:" + in("own") + "," + in("own/labels.csv"),
		"tar:val-{000000..000009}":  "tar:" + in("val-{000000..000009}"),
		"folder:" + in("imagenet"):  "folder:" + in("imagenet"),
		"folder:with, comma/images": "folder:" + in("with, comma/images"),
	} {
		if got, err := absolute(spec); err != nil || got != filepath.ToSlash(want) && got != want {
			t.Errorf("%q: got %q, %v; want %q", spec, got, err, want)
		}
	}
}
