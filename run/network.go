package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"sresnet/eval"
	"sresnet/internal/atomic"
	"sresnet/internal/hint"
	"sresnet/nir"
	"sresnet/shard"
	"sresnet/snn"
)

// planned returns the networks of a run that is planned, and the files that say how they
// were made.
func (k *Kept) planned(ctx context.Context, o *Order) (files []shard.File, err error) {
	defer func() {
		for _, name := range slices.Sorted(maps.Keys(o.Networks)) {
			files = append(files, plannedNIR(o.Dir, name, o.Networks[name]))
		}
	}()
	if o.Like != nil {
		return k.copied(o.Like)
	}
	net, err := k.Network(ctx)
	if err != nil {
		return nil, err
	}
	if k.Graph == nil {
		return []shard.File{plannedNIR(o.Dir, networkFile, k.File)}, nil
	}
	k.Config.Conversion = k.Made
	if o.Kind == eval.PlanKind {
		list, err := k.conversionFiles(ctx)
		if err != nil {
			return nil, err
		}
		for _, f := range list {
			files = append(files, shard.File(f))
		}
		rule, err := k.exitFiles(ctx, o.Dir)
		if err != nil {
			return nil, err
		}
		files = append(files, rule...)
	}
	g, err := k.GraphOf(net, "")
	if err != nil {
		return nil, err
	}
	files = append(files, plannedNIR(o.Dir, networkFile, g))
	if !o.Real || k.Real == nil {
		return files, nil
	}
	if g, err = k.GraphOf(k.Real, "before weights were rounded to whole numbers"); err != nil {
		return nil, err
	}
	return append(files, plannedNIR(o.Dir, realFile, g)), nil
}

// GraphOf returns net, a network of the experiment, as a NIR file; change says what was
// done to it after the conversion.
func (k *Kept) GraphOf(net *snn.Network, change string) (*nir.Graph, error) {
	info, err := k.Info(Version())
	if err != nil {
		return nil, err
	}
	info.ModelSHA256 = k.Config.Manifest.Model.SHA256
	if change != "" {
		info.Conversion = change
	}
	g, _, err := nir.FromNetwork(net, nir.Generic, info)
	return g, err
}

// copied takes from another run the network and what else it was planned with, but for
// its images.
func (k *Kept) copied(like *shard.Run) (files []shard.File, err error) {
	c, err := readConfig(like)
	if err != nil {
		return nil, err
	}
	k.Config.Conversion = c.Conversion
	for _, name := range slices.Sorted(maps.Keys(like.Plan().Files)) {
		if name == imagesFile || name == realFile {
			continue
		}
		b, err := like.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files = append(files, shard.File{Name: name, Write: func(w io.Writer) error { _, err := w.Write(b); return err }})
	}
	return files, nil
}

// plannedNIR is a network as a file of a plan. It is made in dir, which has room for it if
// the run has.
func plannedNIR(dir, name string, g *nir.Graph) shard.File {
	return shard.File{Name: name, Write: func(w io.Writer) error {
		f, err := os.CreateTemp(dir, atomic.Unfinished(name))
		if err != nil {
			return err
		}
		defer func() { _ = os.Remove(f.Name()) }()
		if err := errors.Join(f.Close(), nir.WriteFile(f.Name(), g)); err != nil {
			return err
		}
		b, err := os.ReadFile(f.Name())
		if err != nil {
			return err
		}
		_, err = w.Write(b)
		return err
	}}
}

// readNetwork reads the network of the run. It takes the place of the one that was
// written, so that all processes simulate the same.
func (k *Kept) readNetwork() error {
	net, err := k.NetworkIn(networkFile)
	if err != nil {
		return err
	}
	var real *snn.Network
	if _, planned := k.Run.Plan().Files[realFile]; planned {
		if real, err = k.NetworkIn(realFile); err != nil {
			return err
		}
	}
	k.Experiment = k.Experiment.Has(net, real, k.Config.Conversion)
	return nil
}

// NetworkIn reads a network that the run was planned with; "" is the one that it is of.
func (k *Kept) NetworkIn(name string) (*snn.Network, error) {
	if name == "" {
		name = networkFile
	}
	b, err := k.Run.ReadFile(name)
	if err != nil {
		return nil, hint.Error(err, "without the network that it was planned with, the run cannot continue; plan it again in another folder")
	}
	var net *snn.Network
	g, err := nir.Read(bytes.NewReader(b), int64(len(b)), nir.ReadOptions{})
	if err == nil {
		net, err = g.Network()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(k.Run.Dir(), name), err)
	}
	return net, nil
}
