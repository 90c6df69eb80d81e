package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// residual is a network for the lines of docs/frameworks.md to export.
const residual = `
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)

    def forward(self, x):
        return torch.relu(x + self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))))

model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), Block(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10), nn.Softmax(1))
model.train()
`

// The line that docs/frameworks.md gives for PyTorch exports a network that converts.
func TestFrameworksPyTorch(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "frameworks.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## PyTorch\n")
	block := regexp.MustCompile("(?s)```python\n(.*?)```").FindStringSubmatch(section)
	if block == nil || !strings.Contains(block[1], "torch.onnx.export(") {
		t.Fatal("no line of Python in the section on PyTorch")
	}
	python := ""
	for _, p := range []string{"python3", "/usr/bin/python3"} { // The second is Debian's, with Debian's torch.
		if exec.Command(p, "-c", "import torch, onnx").Run() == nil {
			python = p
			break
		}
	}
	if python == "" {
		t.Skip("no python3 with torch and onnx to export with")
	}
	cmd := exec.Command(python, "-c", residual+block[1])
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	code, stdout, stderr := sresnet(t, t.Context(), "inspect", filepath.Join(cmd.Dir, "model.onnx"))
	if code != 0 || !strings.Contains(stdout, "takes images of 3x32x32") || !strings.Contains(stdout, "The network converts.") {
		t.Errorf("inspect: exit code %d\n%s%s", code, stdout, stderr)
	}
}
