package zoo

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"testing"
)

func stack() string { return string(debug.Stack()) }

// judge is a process that computes graphs with PyTorch.
type judge struct {
	in  io.Writer
	out *bufio.Reader
}

// newJudge starts one; nil where there is no PyTorch.
func newJudge(t *testing.T) *judge {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} { // The second is Debian's, with Debian's torch.
		if exec.Command(python, "-c", "import torch, onnx").Run() != nil {
			continue
		}
		cmd := exec.Command(python, filepath.Join("testdata", "judge.py"))
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			in.Close()
			if err := cmd.Wait(); err != nil {
				t.Errorf("judge.py: %v\n%s", err, said.Bytes())
			}
		})
		return &judge{in, bufio.NewReader(out)}
	}
	return nil
}

// ask returns what PyTorch computes for the named values of a file.
func (j *judge) ask(data []byte, names []string, image []float64) ([][]float64, error) {
	var b []byte
	number := func(n int) { b = binary.LittleEndian.AppendUint64(b, uint64(n)) }
	number(len(data))
	b = append(b, data...)
	number(len(names))
	for _, s := range names {
		number(len(s))
		b = append(b, s...)
	}
	number(len(image))
	for _, x := range image {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	if _, err := j.in.Write(b); err != nil {
		return nil, err
	}
	var all [][]float64
	for range names {
		var n int64
		if err := binary.Read(j.out, binary.LittleEndian, &n); err != nil {
			return nil, err
		}
		if n < 0 {
			if err := binary.Read(j.out, binary.LittleEndian, &n); err != nil {
				return nil, err
			}
			text := make([]byte, n)
			_, err := io.ReadFull(j.out, text)
			return nil, fmt.Errorf("judge.py: %s %w", text, err)
		}
		x := make([]float64, n)
		if err := binary.Read(j.out, binary.LittleEndian, x); err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return all, nil
}

// ties reports whether the logits of an image have their largest twice.
func (m *maker) ties() bool {
	all := m.values[m.logits]
	n := len(all.x) / m.batch
	for b := range m.batch {
		row := slices.Sorted(slices.Values(all.x[b*n : (b+1)*n]))
		if n > 1 && row[n-1]-row[n-2] < 1e-9 {
			return true
		}
	}
	return false
}

// agrees checks that PyTorch computes from the file what the maker has computed, the
// logits and what the file ends in.
func (j *judge) agrees(data []byte, m *maker) error {
	names := []string{m.logits, m.head}
	all, err := j.ask(data, names, m.values[m.input].x)
	if err != nil {
		return err
	}
	for i, name := range names {
		want := m.values[name]
		if want.kind == integers && m.ties() {
			continue
		}
		if len(all[i]) != len(want.x) {
			return fmt.Errorf("%s has %d values, and %d by PyTorch", name, len(want.x), len(all[i]))
		}
		for k, x := range want.x {
			if d := math.Abs(all[i][k] - x); !(d <= 1e-9*(1+want.largest())) {
				return fmt.Errorf("%s: value %d is %v, and %v by PyTorch", name, k, x, all[i][k])
			}
		}
	}
	return nil
}
