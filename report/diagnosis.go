package report

// Diagnosis is the form of diagnosis.json: where the spiking network errs, and why.
type Diagnosis struct {
	Model     string      `json:"model"`
	Images    int         `json:"images"`
	Timesteps []int       `json:"timesteps"` // Marks, ascending.
	ANNTop1   num         `json:"ann_top1"`
	SNNTop1   []num       `json:"snn_top1"` // At the marks.
	Layers    []Diagnosed `json:"layers"`

	Counterfactuals []Counterfactual `json:"counterfactuals"`
	Verdict         []Finding        `json:"verdict"`
}

// Diagnosed is one layer.
type Diagnosed struct {
	Name      string  `json:"name"`
	Kind      string  `json:"kind"`
	Neurons   int     `json:"neurons"`
	Lambda    num     `json:"lambda"`
	Clipped   num     `json:"clipped"` // Shares of units, at the last mark.
	Dead      num     `json:"dead"`
	Saturated num     `json:"saturated"`
	At        []Split `json:"at"`

	// Scatter has pairs of activation, in units of lambda, and rate.
	Scatter [][2]num `json:"scatter"`
}

// Split is the error of a layer after some timesteps, in units of lambda, and its
// parts.
type Split struct {
	Timesteps    int  `json:"timesteps"`
	Correlation  num  `json:"correlation"` // Of rate and activation.
	Total        Size `json:"total"`
	Clipping     Size `json:"clipping"`
	Inherited    Size `json:"inherited"`
	Quantisation Size `json:"quantisation"`
	Unevenness   Size `json:"unevenness"`
}

// Size is the mean and the root mean square of an error.
type Size struct {
	Bias num `json:"bias"`
	RMS  num `json:"rms"`
}

// Counterfactual is the accuracy if one thing had been otherwise.
type Counterfactual struct {
	Change    string `json:"change"`
	Layer     string `json:"layer"`
	Timesteps int    `json:"timesteps"`
	Top1      num    `json:"top1"`
	Gain      num    `json:"gain"`     // Points.
	Regained  int    `json:"regained"` // Images that only the change gets right,
	Lost      int    `json:"lost"`     // and that it gets wrong.
}

// Finding is a sentence of the verdict.
type Finding struct {
	Text   string `json:"text"`
	Layer  string `json:"layer"`
	Cause  string `json:"cause"`
	Points num    `json:"points"`
}

// parts are the four parts of an error in the order of a stack.
var parts = []struct {
	name, says string
	of         func(*Split) Size
}{
	{"clipping", "activations above lambda", func(s *Split) Size { return s.Clipping }},
	{"inherited", "errors of earlier layers", func(s *Split) Size { return s.Inherited }},
	{"quantisation", "T timesteps allow T+1 rates", func(s *Split) Size { return s.Quantisation }},
	{"unevenness", "spikes that later input would have taken back", func(s *Split) Size { return s.Unevenness }},
}
