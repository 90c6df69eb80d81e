// Package torch writes a spiking network as a program for PyTorch: one Python file that shows
// the layers and runs them, and the weights beside it as safetensors. It says all that a
// network of package snn does, so that neurons fire as those of package sim do.
package torch

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sresnet/internal/atomic"
	"sresnet/internal/hint"
	"sresnet/safetensors"
	"sresnet/snn"
)

// About is what the Python file says beside the network.
type About struct {
	Version   string // Of sresnet.
	Model     string // File of the trained network.
	Readout   string // How outputs become a class: "count+potential", "count" or "potential".
	Timesteps int    // T, unless the caller of the network gives another.

	// Normalization is the word for it, and Mean and Std what it does to pixels over 255, one
	// number per channel or one for all; without them pixels enter as they are.
	Normalization string
	Mean, Std     []float32
}

// readouts are those that the Python file has.
var readouts = []string{"count+potential", "count", "potential"}

//go:embed interpreter.py
var interpreter string

// keywords cannot be names of Python modules.
const keywords = " False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield torch nn json os hashlib "

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Files returns the files that [Write] writes for a name, which may end in .py, .safetensors or
// neither, or an error with a hint if Python could not import that.
func Files(name string) (program, weights string, err error) {
	base := strings.TrimSuffix(strings.TrimSuffix(name, ".py"), ".safetensors")
	_, module := filepath.Split(base)
	if !identifier.MatchString(module) || strings.Contains(keywords, " "+module+" ") {
		return "", "", hint.Error(fmt.Errorf("torch: Python cannot import %q", module), "give a name of letters, digits and underscores that begins with a letter and is no word of Python's, such as resnet20")
	}
	return base + ".py", base + ".safetensors", nil
}

// Write writes the Python file and the weights of net under that name; see [Files], which it
// returns. Each file is there as a whole or not at all. If the second cannot be written, the
// first is removed. A layer of a kind that the Python file does not have is an error that
// names it.
func Write(name string, net *snn.Network, a About) (program, weights string, err error) {
	program, weights, err = Files(name)
	if err != nil {
		return "", "", err
	}
	if err := net.Validate(); err != nil {
		return "", "", fmt.Errorf("torch: %w", err)
	}
	if !slices.Contains(readouts, a.Readout) {
		return "", "", fmt.Errorf("torch: there is no read-out %q, only %s", a.Readout, strings.Join(readouts, ", "))
	}
	w := writer{net: net, about: a, module: strings.TrimSuffix(filepath.Base(program), ".py")}
	text, err := w.layers()
	if err != nil {
		return "", "", fmt.Errorf("torch: %w", err)
	}
	var data bytes.Buffer
	if err := safetensors.Write(&data, w.tensors); err != nil {
		return "", "", fmt.Errorf("torch: %w", err)
	}
	sum := sha256.Sum256(data.Bytes())
	text = w.head(hex.EncodeToString(sum[:])) + interpreter + w.normalize() + "\n\n" + text
	if err := atomic.WriteFile(weights, bytesOf(data.Bytes())); err != nil {
		return "", "", fmt.Errorf("torch: %w", err)
	}
	if err := atomic.WriteFile(program, bytesOf([]byte(text))); err != nil {
		return "", "", fmt.Errorf("torch: %w", errors.Join(err, os.Remove(weights)))
	}
	return program, weights, nil
}

func bytesOf(b []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	}
}

// Differences says what the Python file of net does otherwise than sresnet.
func Differences(net *snn.Network) []string {
	var list []string
	if !net.Integer() {
		list = append(list, "adds up weights, which are real numbers, in another order: a potential that just reaches its threshold may do so a timestep earlier or later; in networks of whole numbers every spike is the same")
	}
	if net.Input.Encoding.Spikes() {
		list = append(list, "draws random numbers of its own for the spikes that pixels enter as")
	}
	return list
}
