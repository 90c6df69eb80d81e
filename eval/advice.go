package eval

import (
	"fmt"
	"strings"
)

// Compared says in a sentence how the answers of both networks differ in the end; "" without a
// trained network.
func (r *Result) Compared() string {
	if r.Alone() {
		return ""
	}
	p := r.Paired(r.Timesteps)
	s := r.Difference()
	if r.Lost == nil { // How many there are at most is no count.
		return s
	}
	by := fmt.Sprintf("p = %.2g", p.PValue())
	if p.PValue() < 0.001 {
		by = "p < 0.001"
	}
	return s + fmt.Sprintf("; on %d images only the trained one is right, on %d only the spiking one, %s (McNemar)", p.Lost, p.Gained, by)
}

// Found says what a choice found beside the T that it recommends, in sentences of a line or two.
func (c *Choice) Found(r *Result) []string {
	var lines, within []string
	for i, x := range c.Within {
		from, before := "not shown", "within "
		if x.Sure > 0 {
			from = fmt.Sprintf("from T = %d on", x.Sure)
		}
		of := ""
		if i == 0 {
			before, of = "with 95 % confidence within ", " points of the trained network"
		}
		within = append(within, fmt.Sprintf("%s%v%s: %s", before, x.Points, of, from))
	}
	if len(within) > 0 {
		lines = append(lines, strings.Join(within, "; "))
	}
	switch {
	case c.Rises && r.Timesteps > 1:
		lines = append(lines, fmt.Sprintf("accuracy still rises at the end, T = %d", r.Timesteps))
	case c.Best < r.Timesteps:
		lines = append(lines, fmt.Sprintf("accuracy peaks at T = %d", c.Best))
	}
	return lines
}
