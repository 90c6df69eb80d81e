package lab

import "sresnet/calibrate"

// Percentiles are those that a page offers.
var Percentiles = []float64{99, 99.5, 99.9, 99.99, 100}

// Calibrated is [Read] for a network that is known to convert and calibrated already, so that a
// page need not carry calibration images, and first spikes need not wait: list has what they
// showed, for each of [Percentiles].
func Calibrated(data []byte, list []*calibrate.Statistics) (*Model, error) {
	m, err := read(data, false)
	if err != nil {
		return nil, err
	}
	m.statistics = make(map[float64]*calibrate.Statistics)
	for _, s := range list {
		m.statistics[s.Percentile] = s
	}
	return m, nil
}
