package main

import (
	"fmt"
	"path/filepath"
	"strconv"
)

// network is a trained network with the images it is for.
type network struct {
	Name      string  // Begins the names of its runs.
	Title     string  // On the page.
	File      string  // Under the folder of --data, or in the repository if dataset is MNIST.
	Dataset   string  // On the page.
	Normalize string  // As --normalize takes it.
	Published float64 // Top-1 in percent on the test images, as its makers give it.
	Source    string  // Who made it.
}

var (
	resnet20 = network{
		"resnet20_akamaster", "ResNet-20, option-A shortcuts", "models/resnet20_cifar10_akamaster.onnx",
		"CIFAR-10", "imagenet", 91.73, "akamaster/pytorch_resnet_cifar10",
	}
	resnet20Projection = network{
		"resnet20_chenyaofo", "ResNet-20, projection shortcuts", "models/resnet20_cifar10_chenyaofo.onnx",
		"CIFAR-10", "cifar10", 92.60, "chenyaofo/pytorch-cifar-models",
	}
	resnet8 = network{
		"resnet8_mlperftiny", "ResNet-8", "models/resnet8_cifar10_mlperftiny_bn.onnx",
		"CIFAR-10", "none", 87.19, "mlcommons/tiny",
	}
	resnet44 = network{
		"resnet44_akamaster", "ResNet-44, option-A shortcuts", "models/resnet44_cifar10_akamaster.onnx",
		"CIFAR-10", "imagenet", 93.10, "akamaster/pytorch_resnet_cifar10",
	}
	resnet20BatchNorm = network{
		"resnet20_akamaster_bn", "the first ResNet-20, batch norm not folded in the file", "models/resnet20_cifar10_akamaster_bn.onnx",
		"CIFAR-10", "imagenet", 91.73, "akamaster/pytorch_resnet_cifar10",
	}
	mnist = network{
		"resnet8_mnist", "ResNet-8 of the demo", "models/resnet8_mnist.onnx",
		"MNIST", "mnist", 99.45, "this project (training/)",
	}

	// networks run and stand on the page in this order: the two of medium size, the
	// quick ones, the large one. resnet20BatchNorm is none of its own.
	networks = []network{resnet20, resnet20Projection, resnet8, mnist, resnet44}
)

// model is the path of the ONNX file.
func (n network) model(o options) string {
	if n.Dataset == mnist.Dataset {
		return filepath.FromSlash(n.File)
	}
	return filepath.Join(o.data, filepath.FromSlash(n.File))
}

// specs are what --data and --calibrate take.
func (n network) specs(o options) (test, calibration string) {
	if n.Dataset == mnist.Dataset {
		return "mnist", "mnist"
	}
	return "cifar10:" + filepath.Join(o.data, "cifar10", "test_batch.bin"),
		"cifar10:" + filepath.Join(o.data, "cifar10", "data_batch_1.bin")
}

// What all runs have in common.
const (
	timesteps         = 350
	percentile        = 99.9
	calibrationImages = 1000

	compensationImages = 200 // The first of them: each is simulated for every factor that is tried.
)

// checked is how many test images the independent simulation ran on.
const checked = 1000

// setting is what the runs of one table share.
type setting struct {
	vInit        float64
	compensation string
	readout      string
}

// The read-outs.
const (
	byCount   = "count+potential"
	byCurrent = "potential"
)

// String says what the setting is.
func (s setting) String() string {
	switch {
	case s.readout == byCurrent:
		return fmt.Sprintf("V[0] = %v, read-out by current", s.vInit)
	case s.compensation == "none":
		return fmt.Sprintf("V[0] = %v, no compensation", s.vInit)
	}
	return fmt.Sprintf("V[0] = %v, compensation %s", s.vInit, s.compensation)
}

// About says in a sentence or two what to expect of the setting.
func (s setting) About() string {
	switch s {
	case setting{0.5, "none", byCount}:
		return "Every neuron starts at half its threshold, as in the authors' released scripts. That removes the mean of the charge that a neuron still holds at the end."
	case setting{0.5, "none", byCurrent}:
		return "The same spikes, but the class is that of the output neuron with the largest accumulated current (`--readout potential`). Spike counts cannot tell negative logits apart. If an image has no positive logit, as is common with the ResNet-8 for CIFAR-10, counts are decided by stray spikes of the first timesteps, while the accumulated current still separates the classes. PyTorch gives the same spikes for that network (`go test ./bench`), so the loss by count comes from the method."
	case setting{0, "none", byCount}:
		return "Neurons start empty. At the end each lacks half a spike on average, and the shortfall is passed on and grows with depth."
	case setting{0, "global", byCount}:
		return "One factor on all weights, searched on calibration images: the one for which most classes agree with those of the trained network at the last timestep."
	case setting{0, "layer", byCount}:
		return "One factor per layer, from calibration images: the sum of the trained network's activations divided by the sum of the spiking layer's rates, starting from the input, with the layers below already corrected."
	case setting{0.5, "global", byCount}:
		return "Both at once. Half a threshold at the start already compensates for what the factor is meant to correct. Together they should overshoot, unless the search chooses a factor close to 1."
	}
	return ""
}

// settings are the tables, in the order in which they run and stand on the page.
var settings = []setting{
	{0.5, "none", byCount},
	{0.5, "none", byCurrent},
	{0, "none", byCount},
	{0, "global", byCount},
	{0, "layer", byCount},
	{0.5, "global", byCount},
}

// networks returns the networks that are run with s.
func (s setting) networks() []network {
	switch s {
	case setting{0.5, "none", byCurrent}:
		return []network{resnet8, resnet20, mnist}
	case setting{0.5, "global", byCount}:
		return []network{resnet20} // Expected to be the wrong thing to do.
	}
	return networks
}

// configuration is one run of sresnet eval.
type configuration struct {
	network network
	setting setting  // Of a run of the paper.
	few     fewSteps // Of another.
	images  int      // 0 for all.
}

// check is the run that is held against the independent simulation.
var check = paperRun(resnet20, settings[0], checked)

// paperRun is the run of a network under a setting.
func paperRun(n network, s setting, images int) configuration {
	return configuration{n, s, fewSteps{}, images}
}

// configurations lists all runs of the paper, the most telling first. images is that of
// the option.
func configurations(images int) []configuration {
	list := []configuration{check}
	for _, s := range settings {
		for _, n := range s.networks() {
			list = append(list, paperRun(n, s, images))
		}
	}
	return append(list, paperRun(resnet20BatchNorm, settings[0], images))
}

// name is that of the run and its folder.
func (c configuration) name() string {
	s := c.network.Name + c.few.name()
	if c.ofPaper() {
		s = fmt.Sprintf("%s-v%v-%s", c.network.Name, c.setting.vInit, c.setting.compensation)
		if c.setting.readout != byCount {
			s += "-" + c.setting.readout
		}
	}
	if c.images > 0 {
		s += fmt.Sprintf("-first-%d", c.images)
	}
	return s
}

// ofPaper reports whether c has no few steps.
func (c configuration) ofPaper() bool { return c.few == fewSteps{} }

// timesteps is T of the run.
func (c configuration) timesteps() int {
	if c.ofPaper() {
		return timesteps
	}
	return c.few.timesteps
}

// calibrationImages is how many there are.
func (c configuration) calibrationImages() int {
	if c.ofPaper() {
		return calibrationImages
	}
	return fewCalibrationImages
}

// values are the options that a run's manifest must have. Those that change only
// its speed are left out.
func (c configuration) values() map[string]any {
	v := c.few.values()
	if c.ofPaper() {
		v = map[string]any{
			"calibration_images": calibrationImages, "timesteps": timesteps, "percentile": percentile,
			"v_init": c.setting.vInit, "compensation": c.setting.compensation, "readout": c.setting.readout,
		}
		if c.setting.compensation != "none" {
			v["compensation_images"] = compensationImages
		}
	}
	v["images"], v["normalize"] = c.images, c.network.Normalize
	v["encoding"], v["reset"], v["engine"] = "direct", "subtract", "event"
	return v
}

// arguments are those of sresnet, but for the folder of the run.
func (c configuration) arguments(o options) []string {
	test, calibration := c.network.specs(o)
	args := []string{
		"eval", c.network.model(o), "--data", test, "--calibrate", calibration + "?images=" + strconv.Itoa(c.calibrationImages()), "--normalize", c.network.Normalize,
		"--images", strconv.Itoa(c.images),
	}
	if !c.ofPaper() {
		return append(args, c.few.arguments()...)
	}
	return append(
		args,
		"--timesteps", strconv.Itoa(timesteps), "--percentile", fmt.Sprint(percentile),
		"--v-init", fmt.Sprint(c.setting.vInit), "--compensation", c.setting.compensation, "--readout", c.setting.readout,
	)
}
