package report

import "sresnet/energy"

// What a spiking network is compared with is one thing wherever operations and energy are
// shown: the trained network with all its products, those of zeros included, which
// is what dense hardware computes.

// allProducts says so, in a sentence.
const allProducts = "The trained network is counted with all its products, those of zeros included."

// operations returns the operations of the spiking network up to p.
func (run *Run) operations(p *Point) num {
	if e := run.Result.Energy; e != nil {
		return p.ACs + num(e.MACsAt(p.T))
	}
	return p.ACs + num(run.Result.MACsPerImage)
}

// trainedOperations returns those of the trained network; NaN if there is none.
func (run *Run) trainedOperations() num {
	switch e := run.Result.Energy; {
	case run.Result.Alone():
		return nan
	case e != nil && e.ANN != nil && e.ANN.DenseMACs > 0:
		return num(e.ANN.DenseMACs + e.ANN.DenseACs)
	}
	return num(run.Result.DenseMACsPerImage)
}

// trainedJoules returns the energy of the trained network; NaN if it is not known.
func (run *Run) trainedJoules() num {
	e := run.Result.Energy
	if run.device() == nil || e.ANN == nil || e.ANN.Joules == nil {
		return nan
	}
	return joulesOf(e.Device, &e.ANN.Operations)
}

// joulesOf prices operations, those of zeros included; NaN if the device lacks a price.
func joulesOf(d *energy.Device, o *energy.Operations) num {
	x, ok := d.Joules(o.Dense())
	if !ok {
		return nan
	}
	return num(x)
}
