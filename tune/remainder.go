package tune

import (
	"context"

	"sresnet/snn"
)

// handOn lets the identity shortcuts of a phased network bring what their sources have left,
// so that a stream through many blocks is not rounded by every one of them. Activations that
// the trained network bounds end at the bound, of which a remainder knows nothing.
func (t *tuner) handOn() {
	if t.net.Schedule == snn.Phased {
		for i := range t.net.Layers[:len(t.net.Layers)-1] {
			l := &t.net.Layers[i]
			for j, s := range l.Synapses {
				if t.handsOn(s) {
					k := *s.Connection.(*snn.Shortcut)
					k.Remainder = true
					l.Synapses[j].Connection = &k
				}
			}
		}
	}
	t.remains = t.net.Remains()
}

func (t *tuner) handsOn(s snn.Synapse) bool {
	k, ok := s.Connection.(*snn.Shortcut)
	if !ok || t.net.Layers[s.From].IsGate() || t.activation(s.From).Max != 0 {
		return false
	}
	c := *k
	c.Remainder = true
	_, err := c.Out(t.net.ShapeOf(s.From))
	return err == nil // It is the identity.
}

// keepWhole keeps what layer i has of every image, before it is rounded to spikes.
func (t *tuner) keepWhole(ctx context.Context, i int) error {
	t.whole[i] = make([][]float32, t.images.Len())
	return t.currentsOf(ctx, i, func(image int, z []float32) {
		a := make([]float32, len(z))
		for j, x := range z {
			a[j] = max(x, 0)
		}
		t.whole[i][image] = a
	})
}
