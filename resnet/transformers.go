package resnet

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sresnet/tensor"
)

// renamed is a file whose tensors have torchvision's names, in place of their own.
type renamed struct {
	Tensors
	own map[string]string // By torchvision's name.
}

func (r renamed) Names() []string {
	var names []string
	for name := range r.own {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (r renamed) Shape(name string) (tensor.Shape, bool) { return r.Tensors.Shape(r.own[name]) }

func (r renamed) Tensor(name string) (*tensor.Tensor, error) { return r.Tensors.Tensor(r.own[name]) }

// transformersConv is the first convolution of ResNets in Hugging Face's transformers.
const transformersConv = "embedder.embedder.convolution.weight"

var (
	transformersBlock = regexp.MustCompile(`^encoder\.stages\.([0-9]{1,3})\.layers\.([0-9]{1,3})\.(shortcut|layer\.([0-9]))\.(convolution|normalization)\.`)
	transformersHead  = regexp.MustCompile(`^classifier\.[0-9]\.`)
)

// torchvisionNames returns f with torchvision's names if it has those of ResNets in Hugging
// Face's transformers, which are the same networks; else f.
func torchvisionNames(f Tensors) Tensors {
	names := f.Names()
	first := slices.IndexFunc(names, func(name string) bool { return strings.HasSuffix(name, transformersConv) })
	if first < 0 {
		return f
	}
	body := strings.TrimSuffix(names[first], transformersConv) // "resnet.", or what else stands before.
	head := strings.TrimSuffix(body, "resnet.")
	r := renamed{f, make(map[string]string)}
	for _, own := range names {
		name := own
		if rest, ok := strings.CutPrefix(own, body); ok {
			name = rest
		} else if rest, ok := strings.CutPrefix(own, head); ok {
			name = rest
		}
		r.own[torchvisionName(name)] = own
	}
	if len(r.own) < len(names) { // Two have become one.
		return f
	}
	return r
}

func torchvisionName(name string) string {
	for theirs, ours := range map[string]string{"embedder.embedder.convolution.": "conv1.", "embedder.embedder.normalization.": "bn1."} {
		if rest, ok := strings.CutPrefix(name, theirs); ok {
			return ours + rest
		}
	}
	if at := transformersHead.FindString(name); at != "" {
		return "fc." + name[len(at):]
	}
	m := transformersBlock.FindStringSubmatch(name)
	if m == nil {
		return name
	}
	stage, _ := strconv.Atoi(m[1])
	module := map[string]string{"convolution": "downsample.0", "normalization": "downsample.1"}[m[5]]
	if m[3] != "shortcut" {
		layer, _ := strconv.Atoi(m[4])
		module = fmt.Sprint(map[string]string{"convolution": "conv", "normalization": "bn"}[m[5]], layer+1)
	}
	return fmt.Sprintf("layer%d.%s.%s.%s", stage+1, m[2], module, name[len(m[0]):])
}
