package report

// Energy is what a page shows of energy.json: operations of both networks for one
// image, and joules where a device was chosen.
type Energy struct {
	Timesteps int `json:"timesteps"`
	Device    *struct {
		Name   string `json:"name"`
		Source string `json:"source"`
	} `json:"device,omitempty"`
	SNN        Account  `json:"snn"`
	ANN        *Account `json:"ann"` // Nil without a trained network.
	NotCounted []string `json:"not_counted,omitempty"`
	BreakEven  struct {
		Spikes num `json:"spikes_per_synapse"`
		Dense  *struct {
			Joules num `json:"joules"`
			Spikes num `json:"spikes_per_synapse"`
			T      int `json:"timesteps"`
		} `json:"dense,omitempty"`
	} `json:"break_even"`
}

// Operations are means an image.
type Operations struct {
	ACs       num `json:"effective_acs"`
	MACs      num `json:"effective_macs"`
	DenseACs  num `json:"dense_acs"`
	DenseMACs num `json:"dense_macs"`
	Updates   num `json:"membrane_updates"`
}

// Account is what one network does.
type Account struct {
	Operations
	ActivationSparsity num            `json:"activation_sparsity"`
	ConnectionSparsity num            `json:"connection_sparsity"`
	FootprintBytes     num            `json:"footprint_bytes"`
	Joules             *num           `json:"joules,omitempty"`
	Contributions      []Contribution `json:"contributions"`
}

// Contribution is one part of an Account.
type Contribution struct {
	Part  string `json:"part"`
	Layer string `json:"layer"`
	Kind  string `json:"kind"`
	Operations
	Joules *num `json:"joules,omitempty"`
}

// trained returns the joules of the trained network if it multiplies everything,
// or what is known of it.
func (e *Energy) trained() *num {
	if d := e.BreakEven.Dense; d != nil {
		return &d.Joules
	}
	if e.ANN == nil {
		return nil
	}
	return e.ANN.Joules
}
