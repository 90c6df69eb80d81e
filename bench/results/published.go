package main

import "strconv"

// publishedLine is one published accuracy and the run of ours that is nearest to
// it, if any.
type publishedLine struct {
	Method, Data, Network string
	Trained               string // Accuracy of the trained network in percent, "–" if not given.
	Spiking               string // With the timesteps.
	Ours                  string
}

// published lists the published results that a reader will compare ours with.
func published(o options, r runs) []publishedLine {
	const none = "not run: needs ImageNet"
	ours := func(n network, steps ...int) string {
		out := r.of(n, settings[0], o)
		if out == nil {
			return "not run"
		}
		s := n.Title + ", trained " + percent(out.Result.TrainedTop1) + ":"
		for i, t := range steps {
			if i > 0 {
				s += ","
			}
			s += " " + percent(out.Result.SpikingTop1[t-1]) + " at " + strconv.Itoa(t)
		}
		return s
	}
	return []publishedLine{
		{"Hu et al. [hu2023]", "CIFAR-10", "ResNet-44", "–", "92.37 at 350 (a)", ours(resnet44, 350)},
		{"Hu et al. [hu2023]", "ImageNet", "ResNet-34", "–", "71.61 at 350 (b)", none},
		{"Hu et al. [hu2023]", "ImageNet", "ResNet-50", "–", "72.75 at 350 (b)", none},
		{"SNN Calibration [li2021]", "CIFAR-10", "ResNet-18", "95.46", "94.78 at 32, 95.30 at 64", ours(resnet20, 32, 64)},
		{"SNN Calibration [li2021]", "ImageNet", "ResNet-34", "75.66", "64.65 at 32, 71.30 at 64, 73.94 at 128", none},
		{"Inference-scale conversion [bu2025]", "ImageNet", "ResNet-18", "69.76", "65.55 at 32, 68.53 at 64, 69.03 at 128", none},
	}
}
