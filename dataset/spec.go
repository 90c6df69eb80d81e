package dataset

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sresnet/internal/nearest"
)

// Spec is a data set with what is asked of its images: "folder:DIR?resize=256&crop=224"
// as a value. Fields that are zero ask for nothing.
type Spec struct {
	Source  string // Without options, as [Open] takes it.
	Images  int    // images=N: the first N of a split; 0 for all.
	Resize  int    // resize=N: the shorter side of image files, in pixels.
	Crop    int    // crop=N: N x N pixels out of their middle.
	SkipBad int    // skip-bad=N: up to N image files that cannot be read are left out.
}

// SpecOptions describes the options of a spec, for a command's help.
const SpecOptions = "images=N, resize=N, crop=N and skip-bad=N"

var specOptions = []string{"images", "resize", "crop", "skip-bad"}

// option returns the field with that name; nil for none.
func (s *Spec) option(name string) *int {
	switch name {
	case "images":
		return &s.Images
	case "resize":
		return &s.Resize
	case "crop":
		return &s.Crop
	case "skip-bad":
		return &s.SkipBad
	}
	return nil
}

// ParseSpec reads a spec: a source and, after a question mark, options with & between
// them. A question mark without options is part of a path. An unknown option, or one
// whose value is not a number of images or pixels, is a [*SpecError].
func ParseSpec(text string) (Spec, error) {
	s := Spec{Source: text}
	i := strings.LastIndexByte(text, '?')
	if i < 0 || !strings.Contains(text[i:], "=") {
		return s, nil
	}
	s.Source = text[:i]
	seen := make(map[string]bool)
	for part := range strings.SplitSeq(text[i+1:], "&") {
		name, value, _ := strings.Cut(part, "=")
		at := s.option(name)
		if at == nil {
			return s, &SpecError{fmt.Errorf("dataset %s: there is no option %q: give %s, separated by &%s", s.Source, name, SpecOptions, nearest.DidYouMean(name, specOptions))}
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return s, &SpecError{fmt.Errorf("dataset %s: %s=%s: give a number from 1 on", s.Source, name, value)}
		}
		if seen[name] {
			return s, &SpecError{fmt.Errorf("dataset %s: %s is there twice", s.Source, name)}
		}
		seen[name] = true
		*at = n
	}
	return s, nil
}

// ParsePicture reads the name of one image file with options as [ParseSpec] has them:
// resize, crop, and invert, which swaps dark and light.
func ParsePicture(text string) (s Spec, invert bool, err error) {
	if cut, ok := strings.CutSuffix(text, "?invert"); ok {
		return Spec{Source: cut}, true, nil
	}
	if cut, ok := strings.CutSuffix(text, "&invert"); ok {
		text, invert = cut, true
	}
	if s, err = ParseSpec(text); err == nil && (s.Images > 0 || s.SkipBad > 0) {
		err = &SpecError{fmt.Errorf("%s: an image file has the options resize=N, crop=N and invert", s.Source)}
	}
	return s, invert, err
}

// String returns the spec as [ParseSpec] takes it.
func (s Spec) String() string {
	var list []string
	for _, name := range specOptions {
		if n := *s.option(name); n != 0 {
			list = append(list, fmt.Sprintf("%s=%d", name, n))
		}
	}
	if list == nil {
		return s.Source
	}
	return s.Source + "?" + strings.Join(list, "&")
}

// Kinds lists the words that a spec may begin with, with a colon after those that a path
// must follow.
func Kinds() []string {
	var list []string
	for _, k := range kinds {
		if !k.builtin {
			k.name += ":"
		}
		list = append(list, k.name)
	}
	return list
}

// Map returns s with every path in its source replaced.
func (s Spec) Map(path func(string) string) Spec {
	word, paths := s.split()
	for i := range paths {
		paths[i] = path(paths[i])
	}
	if len(paths) > 0 {
		s.Source = word + strings.Join(paths, ",")
	}
	return s
}

// split returns the word that the source begins with, with its colon, and the paths
// after it.
func (s Spec) split() (word string, paths []string) {
	word, path, colon := strings.Cut(s.Source, ":")
	if !colon || path == "" || !slices.ContainsFunc(kinds, func(k kind) bool { return k.name == word }) {
		return s.Source, nil
	}
	if word == "npy" || word == "files" { // IMAGES,LABELS and DIR,CSV
		return word + ":", strings.SplitN(path, ",", 2)
	}
	return word + ":", []string{path}
}
