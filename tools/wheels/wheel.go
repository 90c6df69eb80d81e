package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"sresnet/internal/atomic"
)

// wheel is a wheel to be written. Files come in the order in which they were added.
type wheel struct {
	version string
	tag     string
	files   []file
}

// file is one of a wheel.
type file struct {
	name string
	data []byte
	mode fs.FileMode
}

// moment is when all files of a wheel were changed: the first that a zip can say.
var moment = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// info returns the name of a file about the package.
func (w *wheel) info(name string) string { return "sresnet-" + w.version + ".dist-info/" + name }

func (w *wheel) add(name string, data []byte) {
	w.files = append(w.files, file{name, data, 0o644})
}

// addFile adds a copy of a file.
func (w *wheel) addFile(name, from string, mode fs.FileMode) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	w.files = append(w.files, file{name, data, mode})
	return nil
}

// addFolder adds the sources in a folder, in the order of their names; not what Python keeps
// beside them, or what belongs to one platform.
func (w *wheel) addFolder(from, to string) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "__pycache__" || d.Name() == "_bin"):
			return fs.SkipDir
		case d.IsDir() || d.Name() == "_version.py" || path.Ext(d.Name()) != ".py" && d.Name() != "py.typed":
			return nil
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		return w.addFile(path.Join(to, filepath.ToSlash(rel)), name, 0o644)
	})
}

const metadata = `Metadata-Version: 2.1
Name: sresnet
Version: %s
Summary: Turn a trained network into a spiking one, without training, and see where accuracy is lost
License: Apache-2.0
License-File: LICENSE
License-File: THIRD-PARTY
Keywords: spiking neural networks,conversion,neuromorphic,PyTorch,ONNX,NIR
Classifier: License :: OSI Approved :: Apache Software License
Classifier: Programming Language :: Python :: 3
Classifier: Topic :: Scientific/Engineering :: Artificial Intelligence
Classifier: Typing :: Typed
Requires-Python: >=3.9
Requires-Dist: numpy
Provides-Extra: all
Requires-Dist: torch; extra == 'all'
Requires-Dist: pandas; extra == 'all'
Requires-Dist: matplotlib; extra == 'all'
Requires-Dist: tqdm; extra == 'all'
Description-Content-Type: text/markdown

%s`

// link is one of Markdown to another page of the repository, which a wheel has not.
var link = regexp.MustCompile(`\[([^\]]+)\]\([^):]+\)`)

// describe adds what a package says of itself; page is its description.
func (w *wheel) describe(page []byte) {
	w.add(w.info("METADATA"), fmt.Appendf(nil, metadata, w.version, link.ReplaceAll(page, []byte("$1"))))
	var tags strings.Builder
	for _, t := range strings.Split(w.tag, ".") {
		fmt.Fprintf(&tags, "Tag: py3-none-%s\n", t)
	}
	w.add(w.info("WHEEL"), fmt.Appendf(nil, "Wheel-Version: 1.0\nGenerator: sresnet\nRoot-Is-Purelib: false\n%s", tags.String()))
	w.add(w.info("entry_points.txt"), []byte("[console_scripts]\nsresnet = sresnet.__main__:main\n"))
	w.add(w.info("top_level.txt"), []byte("sresnet\n"))
}

// record lists all files with their hashes.
func (w *wheel) record() []byte {
	var b bytes.Buffer
	for _, f := range w.files {
		sum := sha256.Sum256(f.data)
		fmt.Fprintf(&b, "%s,sha256=%s,%d\n", f.name, base64.RawURLEncoding.EncodeToString(sum[:]), len(f.data))
	}
	fmt.Fprintf(&b, "%s,,\n", w.info("RECORD"))
	return b.Bytes()
}

// write writes the wheel into a folder, as a whole or not at all.
func (w *wheel) write(dir string) (name string, size int64, err error) {
	name = filepath.Join(dir, fmt.Sprintf("sresnet-%s-py3-none-%s.whl", w.version, w.tag))
	if err := atomic.WriteFile(name, w.zip); err != nil {
		return name, 0, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return name, 0, err
	}
	return name, info.Size(), nil
}

func (w *wheel) zip(to io.Writer) error {
	z := zip.NewWriter(to)
	for _, f := range append(w.files[:len(w.files):len(w.files)], file{w.info("RECORD"), w.record(), 0o644}) {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: moment}
		h.SetMode(f.mode) // pip makes executable what is so here.
		out, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := out.Write(f.data); err != nil {
			return err
		}
	}
	return z.Close()
}
