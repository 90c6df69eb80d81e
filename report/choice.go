package report

// Choice is what result.json says about the length T of a presentation.
type Choice struct {
	Within []struct {
		Points    num `json:"points"`    // Below the trained network.
		Timesteps int `json:"timesteps"` // T, or 0.
	} `json:"within"`
	Best        int    `json:"best"`
	Recommended int    `json:"recommended"`
	Reason      string `json:"reason"`
	Pareto      []struct {
		Timesteps int `json:"timesteps"`
	} `json:"pareto"`
}
