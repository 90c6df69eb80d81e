package zoo

import (
	"fmt"
	"os"
	"reflect"

	"sresnet/nir"
	"sresnet/snn"
)

// filed checks that a network comes back from a file as it went into it.
func filed(net *snn.Network) error {
	g, _, err := nir.FromNetwork(net, nir.Generic, nir.Info{Readout: "count"})
	if err != nil {
		return fmt.Errorf("as a NIR graph: %w", err)
	}
	if bad := g.Check(); len(bad) > 0 {
		return fmt.Errorf("as a NIR graph: %q", bad)
	}
	f, err := os.CreateTemp("", "zoo-*.nir")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := f.Close(); err != nil {
		return err
	}
	if err := nir.WriteFile(f.Name(), g); err != nil {
		return err
	}
	if g, err = nir.ReadFile(f.Name()); err != nil {
		return err
	}
	back, err := g.Network()
	if err != nil {
		return fmt.Errorf("from a NIR graph: %w", err)
	}
	for i := range min(len(back.Layers), len(net.Layers)) {
		if !reflect.DeepEqual(back.Layers[i], net.Layers[i]) {
			return fmt.Errorf("layer %q differs when it comes back from a NIR file: %+v, was %+v", net.Layers[i].Name, back.Layers[i], net.Layers[i])
		}
	}
	if !reflect.DeepEqual(back, net) {
		return fmt.Errorf("the network differs when it comes back from a NIR file: %+v, was %+v", back, net)
	}
	return nil
}
