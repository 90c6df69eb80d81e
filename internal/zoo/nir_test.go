package zoo

import (
	"bytes"
	"fmt"
	"io"
	"reflect"

	"sresnet/nir"
	"sresnet/snn"
)

// file is a file in memory.
type file struct {
	b  []byte
	at int64
}

func (f *file) Write(p []byte) (int, error) {
	if n := int(f.at) + len(p); n > len(f.b) {
		f.b = append(f.b, make([]byte, n-len(f.b))...)
	}
	copy(f.b[f.at:], p)
	f.at += int64(len(p))
	return len(p), nil
}

func (f *file) Seek(offset int64, whence int) (int64, error) {
	f.at = offset + []int64{0, f.at, int64(len(f.b))}[whence]
	return f.at, nil
}

var _ io.WriteSeeker = (*file)(nil)

// filed checks that a network comes back from a file as it went into it.
func filed(net *snn.Network) error {
	g, _, err := nir.FromNetwork(net, nir.Generic, nir.Info{Readout: "count"})
	if err != nil {
		return fmt.Errorf("as a NIR graph: %w", err)
	}
	if bad := g.Check(); len(bad) > 0 {
		return fmt.Errorf("as a NIR graph: %q", bad)
	}
	var f file
	if err := nir.Write(&f, g); err != nil {
		return fmt.Errorf("NIR file: %w", err)
	}
	if g, err = nir.Read(bytes.NewReader(f.b), int64(len(f.b)), nir.ReadOptions{}); err != nil {
		return fmt.Errorf("NIR file: %w", err)
	}
	back, err := g.Network()
	if err != nil {
		return fmt.Errorf("from a NIR graph: %w", err)
	}
	if !reflect.DeepEqual(back, net) {
		for i := range net.Layers {
			if i < len(back.Layers) && !reflect.DeepEqual(back.Layers[i], net.Layers[i]) {
				return fmt.Errorf("layer %q differs when it comes back from a NIR file: %+v, was %+v", net.Layers[i].Name, back.Layers[i], net.Layers[i])
			}
		}
		return fmt.Errorf("the network differs when it comes back from a NIR file: %+v, was %+v", back, net)
	}
	return nil
}
