package dataset

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseSpec(t *testing.T) {
	for text, want := range map[string]Spec{
		"mnist":                           {Source: "mnist"},
		"mnist?images=5":                  {Source: "mnist", Images: 5},
		"folder:d?resize=256&crop=224":    {Source: "folder:d", Resize: 256, Crop: 224},
		"tar:v-{0..9}.tar?skip-bad=3":     {Source: "tar:v-{0..9}.tar", SkipBad: 3},
		"folder:what?":                    {Source: "folder:what?"},
		"folder:what?/in":                 {Source: "folder:what?/in"},
		"folder:what?/in?images=1&crop=2": {Source: "folder:what?/in", Images: 1, Crop: 2},
	} {
		got, err := ParseSpec(text)
		if err != nil || got != want {
			t.Errorf("ParseSpec(%q): got %+v, %v; want %+v", text, got, err, want)
		}
		if got.String() != text {
			t.Errorf("ParseSpec(%q).String(): got %q", text, got)
		}
	}
	for _, text := range []string{
		"mnist?image=5", "mnist?images=", "mnist?images=0", "mnist?images=-1", "mnist?images=many", "mnist?images=1e3",
		"mnist?images=1&images=2", "mnist?=1", "mnist?images=1&", "mnist?images=99999999999999999999",
	} {
		var bad *SpecError
		if got, err := ParseSpec(text); !errors.As(err, &bad) {
			t.Errorf("ParseSpec(%q): got %+v, %v; want a SpecError", text, got, err)
		}
	}
}

// Relative paths begin where the caller says; what is built in has none.
func TestSpecMap(t *testing.T) {
	dir := t.TempDir()
	below := func(path string) string {
		if filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(dir, path)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	for source, want := range map[string]string{
		"":                          "",
		"mnist":                     "mnist",
		"mnist:digits":              "mnist:" + in("digits"),
		"cifar10:../c":              "cifar10:" + filepath.Join(filepath.Dir(dir), "c"),
		"npz:t.npz":                 "npz:" + in("t.npz"),
		"npy:x.npy,y.npy":           "npy:" + in("x.npy") + "," + in("y.npy"),
		"files:own,own/labels.csv":  "files:" + in("own") + "," + in("own/labels.csv"),
		"tar:val-{000000..000009}":  "tar:" + in("val-{000000..000009}"),
		"folder:" + in("imagenet"):  "folder:" + in("imagenet"),
		"folder:with, comma/images": "folder:" + in("with, comma/images"),
		"tulips:here":               "tulips:here",
	} {
		if got := (Spec{Source: source, Crop: 8}).Map(below); got != (Spec{Source: want, Crop: 8}) {
			t.Errorf("%q: got %+v, want %q", source, got, want)
		}
	}
}

func TestParsePicture(t *testing.T) {
	for text, want := range map[string]struct {
		spec   Spec
		invert bool
	}{
		"cat.jpg":                     {Spec{Source: "cat.jpg"}, false},
		"digit.png?invert":            {Spec{Source: "digit.png"}, true},
		"digit.png?resize=32&crop=28": {Spec{Source: "digit.png", Resize: 32, Crop: 28}, false},
		"digit.png?resize=32&invert":  {Spec{Source: "digit.png", Resize: 32}, true},
		"what?.png":                   {Spec{Source: "what?.png"}, false},
	} {
		if s, invert, err := ParsePicture(text); err != nil || s != want.spec || invert != want.invert {
			t.Errorf("ParsePicture(%q): got %+v, %t, %v", text, s, invert, err)
		}
	}
	for _, text := range []string{"cat.jpg?images=3", "cat.jpg?skip-bad=1", "cat.jpg?invert=1"} {
		if _, _, err := ParsePicture(text); err == nil {
			t.Errorf("ParsePicture(%q): no error", text)
		}
	}
}

// Every kind says what it takes, in the form that the help lists.
func TestHolds(t *testing.T) {
	for _, k := range kinds {
		if !strings.Contains(Specs, k.form) || !strings.HasPrefix(k.form, k.name) || Holds(k.name+":x") != k.form+" is "+k.holds || Holds(k.name) == "" {
			t.Errorf("%s: %q, and help %q", k.name, Holds(k.name+":x"), Specs)
		}
	}
	if got := Holds("nothing:x"); got != "" {
		t.Errorf("an unknown kind: %q", got)
	}
}
