package run

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"sresnet/dataset"
	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/shard"
)

// Opener opens runs with all that it takes to work on them, one after the other: what
// any machine that shares their folders and the files can do.
type Opener struct {
	Workers  int
	Progress func(step string) (update func(done, total int), stop func())
	Warn     func(text string)
	Moved    []experiment.Move

	last *Kept // That it opened; nil for none.
}

// Here returns the options of a run, or of a study, that was planned in dir, as they are
// for this machine.
func (op *Opener) Here(o experiment.Options, dir string) experiment.Options {
	o.Dir, o.Moved = dir, op.Moved
	o.Workers, o.Progress, o.Warn = op.Workers, op.Progress, op.Warn
	return o
}

// Open opens a run.
func (op *Opener) Open(ctx context.Context, r *shard.Run) (*Kept, error) {
	c, err := readConfig(r)
	if err != nil {
		return nil, err
	}
	planned, err := c.Manifest.options()
	if err != nil {
		return nil, hint.Error(fmt.Errorf("the plan in %s: %w", r.Dir(), err), "use the version of sresnet that planned it")
	}
	if was := c.Manifest.Version; was != Version() {
		return nil, hint.Error(fmt.Errorf("%s was planned by version %s of sresnet, this is %s", r.Dir(), was, Version()), "use that version, as numbers may differ")
	}
	k := &Kept{Run: r, Config: *c}
	if k.folder, err = OpenFolder(r.Dir()); err != nil {
		return nil, hint.Error(err, "the folder of a run must be writable on every machine that works on it")
	}
	o := op.Here(planned, c.Dir)
	if l := op.last; l != nil && l.sameFiles(k) {
		k.Experiment = l.With(o, l.Test)
	} else if err := k.openFiles(ctx, o); err != nil {
		return nil, hint.Error(err, "paths begin in %s, where the run was planned; {map} FROM=TO says where the files lie on this machine", c.Dir)
	}
	op.last = k
	return k, k.readNetwork()
}

// Files returns the paths of the model and the images that work on a run reads, absolute.
func (op *Opener) Files(r *shard.Run) ([]string, error) {
	c, err := readConfig(r)
	if err != nil {
		return nil, err
	}
	o, err := c.Manifest.options()
	if err != nil {
		return nil, err
	}
	o = op.Here(o, c.Dir)
	spec := o.Data
	if c.Training != nil {
		spec = o.Calibrate
	}
	paths := []string{o.Path(experiment.ModelFile(o.Model))}
	if images, err := dataset.ParseSpec(spec); err == nil {
		images.Map(func(path string) string {
			paths = append(paths, o.Path(path))
			return path
		})
	}
	return paths, nil
}

// sameFiles reports whether two runs are of the same trained network and images.
func (k *Kept) sameFiles(other *Kept) bool {
	a, b := &k.Config.Manifest, &other.Config.Manifest
	return a.Model.SHA256 == b.Model.SHA256 && a.Data.SHA256 == b.Data.SHA256 && a.Options["normalize"] == b.Options["normalize"]
}

// openFiles opens the model and the images of the run, and proves that they are those
// that it was planned with. Where the plan lists files, and they have not moved, each
// proves it when it is read.
func (k *Kept) openFiles(ctx context.Context, o experiment.Options) error {
	m := &k.Config.Manifest
	file := o.Path(experiment.ModelFile(o.Model))
	hash, err := o.HashModel(o.Model)
	if err != nil {
		return err
	}
	if hash != m.Model.SHA256 {
		return fmt.Errorf("%s is not the model that the run was planned with: its SHA-256 begins with %.8s, not with %.8s", file, hash, m.Model.SHA256)
	}
	var p experiment.Part
	if t := k.Config.Training; t != nil {
		p = experiment.Part{Training: true, From: t.From, End: t.End}
	}
	if _, listed := k.Run.Plan().Files[imagesFile]; listed && !o.HasMoved() {
		if p.Listed, err = k.listedImages(&o); err != nil {
			return err
		}
	}
	if p.Network, err = k.NetworkIn(networkFile); err != nil {
		return err
	}
	if k.Experiment, err = experiment.OpenPart(ctx, o, p); err != nil {
		return err
	}
	if hash := k.Test.Hash(); hash != m.Data.SHA256 {
		return fmt.Errorf("the images of %s are not those that the run was planned with: their SHA-256 begins with %.8s, not with %.8s", k.Test.Spec(), hash, m.Data.SHA256)
	}
	return nil
}

// listedImages opens the images that the plan lists, where o says that they are.
func (k *Kept) listedImages(o *experiment.Options) (*dataset.Dataset, error) {
	b, err := k.Run.ReadFile(imagesFile)
	if err != nil {
		return nil, hint.Error(err, "plan the run again in another folder")
	}
	v := new(dataset.Inventory)
	if err := json.Unmarshal(b, v); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(k.Run.Dir(), imagesFile), err)
	}
	if v.Files != nil {
		v.Files.Root = o.Path(cmp.Or(v.Files.Root, "."))
	}
	return v.Open()
}
