package chip

// Names of limits that code looks for.
const weightBits = "bits of weights"

// Sources that several limits have.
const (
	brief    = "Intel's technology brief of Loihi 2, 2021"
	lava     = "Lava, lava/proc/lif/models.py, PyLifModelBitAcc"
	sinabs   = "Sinabs, docs/speck/overview.md"
	builder  = "Sinabs, backend/dynapcnn/chips/dynapcnn.py"
	discrete = "Sinabs, backend/dynapcnn/discretize.py"
	pys2     = "py-spinnaker2, s2_nir.py"
	s2sheet  = "SpiNNaker2 datasheet 0.03, 2021"
)

// chips are all that are known. Where a chip is programmed, limits are those of the programs
// that its makers publish.
var chips = []Chip{
	{
		Name: "spinnaker2", Title: "SpiNNaker2", Profile: "spinnaker2", cores: processors,
		Limits: []Limit{
			{Name: weightBits, Column: "weight bits", Most: 8, needs: wholeWeights, Source: pys2 + ": lif_no_delay and lif_conv2d, int8"},
			{Name: "bits of potentials", Column: "state bits", Most: 32, each: potential, Source: s2sheet + ": ARM Cortex M4F"},
			{Name: "timesteps of delay", Column: "delay", Most: 0, needs: delay, Source: pys2 + ": Conv2DProjection; lif_no_delay"},
			{Name: "firing windows", Most: 0, needs: windows, Source: pys2 + ": neurons fire at every timestep"},
			{Name: "charge handed on as a number", Most: 0, needs: remainders, Source: pys2 + ": spikes carry none"},
			{Name: "pixels that enter as numbers", Most: 0, needs: numbers, Source: pys2 + ": what enters is a list of spikes"},
			{Name: "max pools", Most: 0, needs: gates, Source: pys2 + ": sum and average pools"},
			{Name: "cores", Most: 152, Whole: true, needs: allCores, Source: s2sheet + ": 152 processors with 128 KiB each, for code, too"},
		},
		Notes: []string{
			"neurons per core: 128 KiB hold a program beside weights and potentials; how much it takes is not published, so that more cores than stated may be needed",
			"fan-in and fan-out: no limit of them is published",
			"thresholds, biases and start potentials are numbers of each neuron",
			"delays: neurons of the kind lif have up to 7 timesteps, with weights of -15 to 15 and no convolutions",
		},
	},
	{
		Name: "loihi2", Title: "Loihi 2", Profile: "generic", cores: neuroCores,
		Limits: []Limit{
			{Name: weightBits, Column: "weight bits", Most: 8, needs: shiftedWeights, Source: "Timcheck et al., arXiv:2601.10035; Lava, lava/proc/dense/models.py: beside a power of two, weight_exp"},
			{Name: "bits of potentials", Column: "state bits", Most: 24, each: potential, Source: lava + ": u and v"},
			{Name: "bits of thresholds", Column: "θ bits", Most: 17, each: threshold, Source: lava + ": vth, without a sign"},
			{Name: "bits of biases", Column: "bias bits", Most: 13, each: loihiBias, Source: lava + ": bias_mant, times a power of two up to 2^7"},
			{Name: "timesteps of delay", Column: "delay", Most: 62, needs: delay, Source: "Lava-DL, lava/lib/dl/slayer/block: Delay(max_delay=62)"},
			{Name: "bits of a graded spike", Most: 32, needs: graded, Source: brief + ": payloads of up to 32 bits"},
			{Name: "neurons", Most: 1_000_000, Whole: true, needs: allNeurons, Source: brief},
			{Name: "weights", Most: 120_000_000, Whole: true, needs: allWeights, Source: brief + ": 120 million synapses"},
			{Name: "cores", Most: 128, Whole: true, needs: allCores, Source: brief + ": 128 cores of 8,192 neurons and 128 KB for synapses"},
		},
		Notes: []string{
			"fan-in, fan-out and axons of a core: their limits are not published",
			"reset by subtraction, thresholds of each neuron, firing windows, max-pool gates: neurons are programs, which may have them; Lava's own LIF neuron has none of them",
			"potentials: Lava's own LIF neuron shifts what arrives by 6 bits, which leaves 18 of the 24",
			"start potentials are states of the neurons, which may be anything",
		},
	},
	{
		Name: "speck", Title: "Speck 2", Profile: "sinabs", cores: func(v *view, i int) int { return min(v.neurons(i), 1) },
		Limits: []Limit{
			{Name: weightBits, Column: "weight bits", Most: 8, needs: wholeWeights, Source: sinabs},
			{Name: "bits of potentials", Column: "state bits", Most: 16, each: potential, Source: sinabs},
			{Name: "bits of thresholds", Column: "θ bits", Most: 15, each: threshold, Source: discrete + ": 16 with a sign"},
			{Name: "different thresholds", Column: "θ values", Most: 1, needs: differentThresholds, Source: builder + ": threshold_high of a core"},
			{Name: "bits of biases", Most: 8, each: bias, Source: discrete},
			{Name: "bits of start potentials", Most: 16, each: start, Source: discrete + "; neurons_initial_value of a core"},
			{Name: "populations that spikes go to", Column: "goes to", Most: 2, needs: destinations, Source: sinabs + ": fanout"},
			{Name: "channels", Most: 1024, needs: channels, Source: sinabs},
			{Name: "rows and columns", Most: 64, needs: side, Source: sinabs + ": largest output feature map"},
			{Name: "rows and columns of a kernel", Most: 16, needs: kernelSide, Source: sinabs},
			{Name: "padding", Most: 7, needs: padding, Source: sinabs},
			{Name: "different strides into a population", Most: 1, needs: differentStrides, Source: sinabs + ": one convolution a core"},
			{Name: "strides that are not 1, 2, 4 or 8", Most: 0, needs: oddStrides, Source: sinabs},
			{Name: "kernels with more rows than columns, or fewer", Most: 0, needs: oblong, Source: builder},
			{Name: "entries of kernel memory", Column: "kernel memory", Most: 64 << 10, needs: kernelMemory, Source: builder + ": get_constraints"},
			{Name: "entries of neuron memory", Column: "neuron memory", Most: 64 << 10, needs: neuronMemory, Source: builder + ": get_constraints"},
			{Name: "leaks that multiply", Most: 0, needs: leaks, Source: sinabs + ": a leak is a constant"},
			{Name: "max pools", Most: 0, needs: gates, Source: "Sinabs, docs/speck/faqs/available_algorithmic_operation.md"},
			{Name: "firing windows", Most: 0, needs: windows, Source: sinabs + ": cores work when spikes arrive"},
			{Name: "charge handed on as a number", Most: 0, needs: remainders, Source: sinabs + ": spikes carry none"},
			{Name: "pixels that enter as numbers", Most: 0, needs: numbers, Source: sinabs + ": spikes enter"},
			{Name: "rows and columns of the image", Most: 128, Whole: true, needs: imageSide, Source: sinabs + ": largest input dimension"},
			{Name: "cores", Most: len(speckCores), Whole: true, needs: allCores, Source: sinabs + ": 9 cores"},
			{Name: "populations without a core of their size", Most: 0, Whole: true, needs: homeless, Source: builder + ": get_constraints, memory of each core"},
		},
		Notes: []string{
			"a core is one convolution: synapses into a population are taken as one of all channels of their sources, with zeros where they are narrower",
			"fan-in: no limit but those of channels, kernels and memory is published",
			"time: cores have no timesteps; neurons fire as soon as a spike makes them, several times if they can",
			"biases are added by a clock that runs beside the spikes",
		},
	},
}
