// Package public lists trained ResNets that others have published, and downloads them: files
// of weights alone, which package resnet reads. What is said of each is its publisher's.
package public

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"sresnet/internal/download"
	"sresnet/internal/terminal"
)

// Model is a published network. Its JSON form is an interface.
type Model struct {
	Name       string  `json:"name"`
	Arch       string  `json:"arch"`               // As package resnet calls it.
	Trained    string  `json:"trained_on"`         // The data set.
	Top1       float64 `json:"top1"`               // Percent, of its test images, or those for validation.
	Measured   string  `json:"measured,omitempty"` // How, where that is not on images of 32x32 as they are.
	Parameters int     `json:"parameters"`         // Rounded, where the publisher gives millions.
	Bytes      int64   `json:"bytes,omitempty"`    // 0 if not known.
	Normalize  string  `json:"normalize"`          // What pixels were divided into for training.
	Data       string  `json:"data"`               // What to give as {data}; DIR is the folder.
	Licence    string  `json:"licence"`            // Of the collection; an SPDX identifier.
	By         string  `json:"by"`
	Source     string  `json:"source"` // The page that says all this.
	URL        string  `json:"url"`
	SHA256     string  `json:"sha256"` // All digits, or the first 8 where no more are published.

	// File is the name that it gets: how it ends says what it is.
	File string `json:"file"`
}

// What several have in common.
const (
	cifar100 = "0.507,0.4865,0.4409:0.2673,0.2564,0.2761"

	chenyaofo   = "https://github.com/chenyaofo/pytorch-cifar-models"
	akamaster   = "https://github.com/akamaster/pytorch_resnet_cifar10"
	torchvision = "https://docs.pytorch.org/vision/stable/models/resnet.html"
)

// ofChenyaofo are ResNets with projection shortcuts. Names of files hold the first digits
// of the SHA-256, as the hub of PyTorch checks them.
func ofChenyaofo(depth, classes int, top1 float64, parameters int, bytes int64, digits string) Model {
	data := fmt.Sprintf("cifar%d", classes)
	m := Model{
		Name: fmt.Sprintf("resnet%d-%s", depth, data), Arch: fmt.Sprintf("resnet%d-cifar", depth), Trained: fmt.Sprintf("CIFAR-%d", classes),
		Top1: top1, Parameters: parameters, Bytes: bytes, Normalize: "cifar10", Data: data + ":DIR", Licence: "BSD-3-Clause", By: "chenyaofo", Source: chenyaofo,
		URL:    fmt.Sprintf("%s/releases/download/resnet/%s_resnet%d-%s.pt", chenyaofo, data, depth, digits),
		SHA256: digits,
	}
	if classes == 100 {
		m.Normalize = cifar100
	}
	return m
}

// ofAkamaster are ResNets with the paper's shortcuts, option A.
func ofAkamaster(depth int, top1 float64, parameters int, digits string) Model {
	return Model{
		Name: fmt.Sprintf("resnet%d-cifar10-option-a", depth), Arch: fmt.Sprintf("resnet%d-cifar", depth), Trained: "CIFAR-10",
		Top1: top1, Parameters: parameters, Normalize: "imagenet", Data: "cifar10:DIR", Licence: "BSD-2-Clause", By: "akamaster", Source: akamaster,
		URL:    fmt.Sprintf("%s/raw/master/pretrained_models/resnet%d-%s.th", akamaster, depth, digits),
		SHA256: digits,
	}
}

// ofTorchvision are the ImageNet ResNets of torchvision. Names of files hold the first digits
// of sum.
func ofTorchvision(depth int, suffix string, top1 float64, parameters int, bytes int64, resize int, sum string) Model {
	return Model{
		Name: fmt.Sprintf("resnet%d-imagenet%s", depth, suffix), Arch: fmt.Sprintf("resnet%d", depth), Trained: "ImageNet-1k",
		Top1: top1, Measured: fmt.Sprintf("resized to %d, 224x224 of it", resize), Parameters: parameters, Bytes: bytes, Normalize: "imagenet",
		Data: fmt.Sprintf("folder:DIR?resize=%d&crop=224", resize), Licence: "BSD-3-Clause", By: "torchvision", Source: torchvision,
		URL:    fmt.Sprintf("https://download.pytorch.org/models/resnet%d-%s.pth", depth, sum[:8]),
		SHA256: sum,
	}
}

// ofTimm are ImageNet ResNets of timm, trained by the recipe A1 of "ResNet strikes back".
func ofTimm(depth int, top1 float64, parameters int, sum string) Model {
	page := fmt.Sprintf("https://huggingface.co/timm/resnet%d.a1_in1k", depth)
	return Model{
		Name: fmt.Sprintf("resnet%d-imagenet-a1", depth), Arch: fmt.Sprintf("resnet%d", depth), Trained: "ImageNet-1k",
		Top1: top1, Measured: "288x288, resized with bicubic interpolation", Parameters: parameters, Normalize: "imagenet",
		Data: "folder:DIR?resize=288&crop=288", Licence: "Apache-2.0", By: "timm", Source: page,
		URL: page + "/resolve/main/model.safetensors", SHA256: sum,
	}
}

// Models lists the networks, those of a family from small to large.
func Models() []Model {
	list := []Model{
		ofAkamaster(20, 91.73, 270_000, "12fca82f"),
		ofAkamaster(32, 92.63, 460_000, "d509ac18"),
		ofAkamaster(44, 93.10, 660_000, "014dd654"),
		ofAkamaster(56, 93.39, 850_000, "4bfd9763"),
		ofChenyaofo(20, 10, 92.60, 270_000, 1_139_055, "4118986f"),
		ofChenyaofo(32, 10, 93.53, 470_000, 1_944_567, "ef93fc4d"),
		ofChenyaofo(44, 10, 94.01, 660_000, 2_750_015, "2a3cabcb"),
		ofChenyaofo(56, 10, 94.37, 860_000, 3_555_463, "187c023a"),
		ofChenyaofo(20, 100, 68.83, 280_000, 0, "23dac2f1"),
		ofChenyaofo(32, 100, 70.16, 470_000, 0, "84213ce6"),
		ofChenyaofo(44, 100, 71.63, 670_000, 0, "ffe32858"),
		ofChenyaofo(56, 100, 72.63, 860_000, 0, "f2eff4c8"),
		ofTorchvision(18, "", 69.758, 11_689_512, 46_830_571, 256, "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec"),
		ofTorchvision(34, "", 73.314, 21_797_672, 87_319_819, 256, "b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f"),
		ofTorchvision(50, "", 76.130, 25_557_032, 102_530_333, 256, "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a"),
		ofTorchvision(50, "-v2", 80.858, 25_557_032, 102_540_417, 232, "11ad3fa62ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca"),
		ofTimm(18, 73.16, 11_700_000, "80c49dee3da4822c009c5a7fe591e9223c5a2cfcf95a4067ca4dfb5a7b89c612"),
		ofTimm(50, 81.22, 25_600_000, "773525d5821de224f8f30c33377b7a795d7863e08522698200d3217d3f2a41bb"),
	}
	for i, m := range list {
		ext := path.Ext(m.URL)
		if ext == ".th" {
			ext = ".pth" // Which it is.
		}
		list[i].File = m.Name + ext
	}
	return list
}

// Names returns the names of all [Models].
func Names() []string {
	var names []string
	for _, m := range Models() {
		names = append(names, m.Name)
	}
	return names
}

// Sum returns the checksum, as far as it is published.
func (m Model) Sum() download.Sum { return download.SHA256(m.SHA256) }

// Get downloads m to a file, unless it is there already, which it reports. It is an error if
// another file is there. If ctx ends, what has come is kept for the next call. A file that
// could not be had is a [*download.Error].
func (m Model) Get(ctx context.Context, file string, o download.Options) (there bool, err error) {
	return download.File{Path: file, URLs: []string{m.URL}, Sum: m.Sum(), Else: "it is published at " + m.Source}.Get(ctx, o)
}

// Print writes the table of networks.
func Print(w io.Writer, models []Model) {
	t := terminal.NewTable("lrrll", "name", "top-1 %", "parameters", "licence", "by")
	for _, m := range models {
		t.Append(m.Name, fmt.Sprintf("%.2f", m.Top1), fmt.Sprintf("%.2f M", float64(m.Parameters)/1e6), m.Licence, m.By)
	}
	t.Print(w)
}

// Known returns the network of that name, in whatever case.
func Known(name string) (Model, bool) {
	for _, m := range Models() {
		if strings.EqualFold(m.Name, name) {
			return m, true
		}
	}
	return Model{}, false
}

// PrintFile writes what to know of m, which is in a file.
func (m Model) PrintFile(w io.Writer, file string, already bool) {
	verb, checked := "is", "its SHA-256 is the published one"
	if already {
		verb = "was already"
	}
	if !m.Sum().Whole() {
		checked = fmt.Sprintf("its SHA-256 begins with %s, which is all that is published", m.SHA256)
	}
	terminal.Printf(w, "%s %s in %s; %s.\n", m.Name, verb, file, checked)
	how := ""
	if m.Measured != "" {
		how = " (" + m.Measured + ")"
	}
	terminal.Printf(w, "Trained on %s by %s, who give a top-1 accuracy of %.2f %%%s; licence %s: %s\n", m.Trained, m.By, m.Top1, how, m.Licence, m.Source)
}

// DataIn returns m.Data with the folder named after the data set.
func (m Model) DataIn() string {
	dir := strings.TrimSuffix(strings.ToLower(strings.ReplaceAll(m.Trained, "-", "")), "1k")
	return strings.Replace(m.Data, "DIR", dir, 1)
}
