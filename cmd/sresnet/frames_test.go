package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"sresnet/dataset"
)

// frames is a command of scripts: it writes the first N images of a split as frames, whose
// mean the normalised pixels are, each a file in the folder of its class.
func frames(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 5 {
		ts.Fatalf("usage: frames DIR SPEC SPLIT N FRAMES")
	}
	split := dataset.Test
	if args[2] == dataset.Train.String() {
		split = dataset.Train
	}
	kind, path, _ := strings.Cut(args[1], ":")
	d, err := dataset.OpenImages(kind+":"+ts.MkAbs(path), split, "mnist", 0)
	ts.Check(err)
	n, err := strconv.Atoi(args[3])
	ts.Check(err)
	each, err := strconv.Atoi(args[4])
	ts.Check(err)
	ts.Check(writeFrames(ts.MkAbs(args[0]), d, n, each))
}

// writeFrames has frames of 1/2, 3/2, 1/2, ... times the image.
func writeFrames(dir string, d *dataset.Images, n, each int) error {
	c, h, w := d.Shape().CHW()
	x := make([]float32, c*h*w)
	for i := range n {
		if err := d.Image(i, x); err != nil {
			return err
		}
		header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d, %d, %d), }\n", each, c, h, w)
		b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
		b = append(b, header...)
		for k := range each {
			y := make([]float32, len(x))
			for j, v := range x {
				y[j] = v * (0.5 + float32(k%2))
			}
			var part bytes.Buffer
			if err := binary.Write(&part, binary.LittleEndian, y); err != nil {
				return err
			}
			b = append(b, part.Bytes()...)
		}
		class := filepath.Join(dir, strconv.Itoa(d.Label(i)))
		if err := os.MkdirAll(class, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(class, fmt.Sprintf("%03d.npy", i)), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}
