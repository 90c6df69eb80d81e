package torch

import (
	"fmt"
	"strconv"
	"strings"

	"sresnet/snn"
)

// head returns what comes before the interpreter: what the file is, and constants.
func (w *writer) head(sum string) string {
	n, a := w.net, &w.about
	var b strings.Builder
	fmt.Fprintf(&b, `"""%s: a spiking network for PyTorch, written by sresnet%s%s.

`, w.module, before(" ", a.Version), before(" from ", a.Model))
	for _, l := range []struct{ code, comment string }{
		{"import " + w.module, ""},
		{"", ""},
		{fmt.Sprintf("net = %s.load()", w.module), fmt.Sprintf("the weights are in %s.safetensors, beside this file", w.module)},
		{"scores = net(images)", fmt.Sprintf("normalised images (N, %d, %d, %d); scores (N, %d)", n.Input.Shape[0], n.Input.Shape[1], n.Input.Shape[2], n.Output().Shape[0])},
		{"for step in net.steps(images):", "timestep by timestep"},
		{fmt.Sprintf("    z = step.spikes.get(%s)", plain(quoted(n.Layers[0].Name))), "booleans (N, C, H, W), if the layer fires at that one"},
	} {
		if l.comment != "" {
			l.code = fmt.Sprintf("%-34s  # %s", l.code, l.comment)
		}
		b.WriteString(strings.TrimRight("    "+l.code, " ") + "\n")
	}
	b.WriteString("\n")
	if a.Normalization != "" {
		b.WriteString("normalize() makes images of pixels. ")
	}
	b.WriteString(`layers(), at the end, is the network. The module
needs PyTorch from 1.10 on and nothing else, and runs where its tensors are: net.to("cuda")
moves it.

`)
	if n.Integer() {
		fmt.Fprintf(&b, `Weights are whole numbers of %d bits, and all sums stay below 2^24, where float32 has every
whole number: in whichever order they are added up, every neuron fires at the same timesteps
as in sresnet.
`, n.Bits)
	} else {
		b.WriteString(`Weights are real numbers, which PyTorch adds up in another order than sresnet: where a
potential just reaches its threshold, a spike may come a timestep earlier or later. In a
network of whole numbers, sresnet's option bits, every spike is the same.
`)
	}
	if n.Input.Encoding.Spikes() {
		b.WriteString("Pixels enter as random spikes, which are others than those of sresnet.\n")
	}
	b.WriteString(`"""
import hashlib
import json
import os
from collections import namedtuple
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

`)
	poisson, levels, coding, most := float32(0), n.Input.Levels, n.Coding, float32(0)
	if n.Input.Encoding.Spikes() {
		poisson = n.Input.Amplitude
	}
	if n.Integer() {
		most = n.Saturates()
	}
	for _, c := range []struct{ name, value, comment string }{
		{"WEIGHTS", quoted(w.module + ".safetensors"), ""},
		{"WEIGHTS_SHA256", quoted(sum), ""},
		{"SHAPE", tuple(n.Input.Shape...), "Of an image: channels, rows, columns."},
		{"TIMESTEPS", fmt.Sprint(a.Timesteps), timesteps(n)},
		{"READOUT", quoted(a.Readout), "How outputs become scores."},
		{"CODING", quoted(coding.String()), `What spikes say: their number, or with "first-spike" their time.`},
		{"POISSON", number(poisson), "Magnitude of the random spikes that pixels enter as; 0 if they enter as numbers."},
		{"PIXEL_UNIT", strconv.FormatFloat(float64(n.Input.Unit), 'g', -1, 64), "Pixels are rounded to whole numbers of it; 0 if they are not."},
		{"PIXEL_LEVELS", fmt.Sprint(levels), "The largest such number."},
		{"POTENTIAL_MAX", fmt.Sprintf("%.0f", most), "Where potentials, whole numbers, saturate; 0 if they are real numbers."},
	} {
		fmt.Fprintf(&b, "%s = %s%s\n", c.name, c.value, before("  # ", c.comment))
	}
	return b.String()
}

// timesteps says what TIMESTEPS are.
func timesteps(n *snn.Network) string {
	switch {
	case n.Schedule != snn.Synchronous && n.TunedFor > 0:
		return "Of a window, which the network was calibrated for."
	case n.Schedule != snn.Synchronous:
		return "Of a window."
	case n.TunedFor > 0:
		return "Which the network was calibrated for."
	}
	return "Unless you say how many."
}

// normalize returns the function that makes images of pixels, if there is one.
func (w *writer) normalize() string {
	a := &w.about
	if a.Normalization == "" {
		return ""
	}
	body := "    return pixels.float()\n"
	if a.Mean != nil {
		list := func(x []float32) string {
			s := make([]string, len(x))
			for i, v := range x {
				s[i] = number(v)
			}
			return strings.Join(s, ", ")
		}
		body = fmt.Sprintf(`    mean, std = torch.tensor([%s]), torch.tensor([%s])
    pixels = pixels.float() / pixels.new_full((1, 1, 1), 255, dtype=torch.float32)  # Which divides on every device.
    return (pixels - mean.to(pixels)[:, None, None]) / std.to(pixels)[:, None, None]
`, list(a.Mean), list(a.Std))
	}
	return fmt.Sprintf(`

def normalize(pixels):
    """Returns images of pixels 0..255, (..., C, H, W), as the network was trained on them (%s)."""
%s`, plain(a.Normalization), body)
}

// before returns s with a prefix, and nothing for nothing.
func before(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + plain(s)
}

// plain returns s as it may stand in a comment, or between three quotes.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\\' {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(s, "_"))
	return strings.ReplaceAll(s, `"""`, `___`)
}
