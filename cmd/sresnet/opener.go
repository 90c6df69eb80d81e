package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sresnet/dataset"
	"sresnet/internal/hint"
	"sresnet/internal/regular"
	"sresnet/internal/terminal"
	"sresnet/run"
	"sresnet/shard"
)

// where says where the files of a run lie on this machine, if not where they lay when
// it was planned.
type where struct{ model, data, calibrate string }

// absolute makes the paths independent of the folder that the user is in.
func (o *where) absolute() error {
	for _, path := range []*string{&o.model, &o.data, &o.calibrate} {
		var err error
		if *path, err = absolute(*path); err != nil {
			return err
		}
	}
	return nil
}

// opener opens runs with all that it takes to work on them, one after the other: what
// any machine that shares their folders and the files can do.
type opener struct {
	command  string
	progress terminal.Progress
	workers  int
	where    where    // With absolute paths.
	last     *keptRun // That it opened; nil for none.
}

// open opens a run, whose folder must be an absolute path.
func (op *opener) open(ctx context.Context, r *shard.Run) (*keptRun, error) {
	p := &pipeline{settings: defaultSettings(), command: op.command, progress: op.progress}
	p.workers = op.workers
	k := &keptRun{pipeline: p, run: r}
	c, err := readConfig(r)
	if err != nil {
		return nil, err
	}
	k.config = *c
	if err := p.restore(c.Manifest.Options); err != nil {
		return nil, hint.Error(fmt.Errorf("the plan in %s: %w", r.Dir(), err), "use the version of sresnet that planned it")
	}
	if was := c.Manifest.Version; was != version() {
		return nil, hint.Error(fmt.Errorf("%s was planned by version %s of sresnet, this is %s", r.Dir(), was, version()), "use that version, as numbers may differ")
	}
	_ = os.Chdir(c.Dir) // Where there is no such folder here, the paths below say what is missing.
	p.data, p.model = cmp.Or(op.where.data, p.data), cmp.Or(op.where.model, c.Manifest.Model.Name)
	if err := p.check(p.command); err != nil {
		return nil, err
	}
	if k.folder, err = run.OpenFolder(r.Dir()); err != nil {
		return nil, hint.Error(err, "the folder of a run must be writable on every machine that works on it")
	}
	if err := k.readNetwork(); err != nil {
		return nil, err
	}
	if l := op.last; l != nil && l.sameFiles(k) {
		k.graph, k.test = l.graph, l.test
	} else if err := k.openFiles(ctx, op.where); err != nil {
		return nil, hint.Error(err, "paths begin in %s, where the run was planned; --model, --data and --calibrate say where the files lie on this machine", c.Dir)
	}
	op.last = k
	return k, nil
}

// sameFiles reports whether two runs are of the same trained network and images.
func (k *keptRun) sameFiles(other *keptRun) bool {
	a, b := &k.config.Manifest, &other.config.Manifest
	return a.Model.SHA256 == b.Model.SHA256 && a.Data.SHA256 == b.Data.SHA256 && k.normalize == other.normalize
}

// absolute makes the path of a file, or the one in a SPEC, absolute.
func absolute(spec string) (string, error) {
	word, path := specPath(spec)
	if path == "" {
		return spec, nil
	}
	names := []string{path}
	if word == "npy:" || word == "files:" { // IMAGES,LABELS and DIR,CSV
		names = strings.SplitN(path, ",", 2)
	}
	for i, name := range names {
		var err error
		if names[i], err = filepath.Abs(name); err != nil {
			return "", err
		}
	}
	return word + strings.Join(names, ","), nil
}

// specPath splits a SPEC into the word that it begins with and the path behind it, which
// is "" where images are built in. All of a path that is no SPEC is path.
func specPath(spec string) (word, path string) {
	word, path, ok := strings.Cut(spec, ":")
	switch {
	case !ok && slices.Contains(specWords, spec):
		return spec, ""
	case ok && (slices.Contains(specWords, word+":") || slices.Contains(specWords, word)):
		return word + ":", path
	}
	return "", spec
}

// openFiles opens the model and the images of the run, and proves that they are
// those that it was planned with. Where the plan lists files, and they have not moved,
// each proves it when it is read.
func (k *keptRun) openFiles(ctx context.Context, o where) error {
	m := &k.config.Manifest
	hash, err := regular.Hash(k.model)
	if err != nil {
		return err
	}
	if hash != m.Model.SHA256 {
		return fmt.Errorf("%s is not the model that the run was planned with: its SHA-256 begins with %.8s, not with %.8s", k.model, hash, m.Model.SHA256)
	}
	spec, split, flag := k.data, dataset.Test, "--data"
	moved := o.data != ""
	t := k.config.Training
	if t != nil {
		spec, split, flag = cmp.Or(o.calibrate, o.data, t.Spec), dataset.Train, "--calibrate"
		moved = moved || o.calibrate != ""
	}
	_, listed := k.run.Plan().Files[imagesFile]
	listed = listed && !moved
	var d *dataset.Dataset
	if listed {
		d, err = k.listedImages()
	} else {
		d, err = k.openDataset(spec, split, flag)
	}
	if err != nil {
		return err
	}
	if !isNIR(k.model) {
		if err := k.load(k.model, d); err != nil {
			return err
		}
	}
	if _, d, err = k.resized(d, d); err != nil {
		return err
	}
	if err := k.fits(d); err != nil {
		return err
	}
	switch {
	case listed: // The list has no more than those.
	case t != nil:
		d, err = d.Slice(t.From, t.End)
	default:
		d, err = k.firstImages(d)
	}
	if err != nil {
		return err
	}
	if k.test, err = k.testImages(ctx, d); err != nil {
		return err
	}
	if hash := k.test.Hash(); hash != m.Data.SHA256 {
		return fmt.Errorf("the images of %s are not those that the run was planned with: their SHA-256 begins with %.8s, not with %.8s", spec, hash, m.Data.SHA256)
	}
	return nil
}

// listedImages opens the images that the plan lists.
func (k *keptRun) listedImages() (*dataset.Dataset, error) {
	b, err := k.run.ReadFile(imagesFile)
	if err != nil {
		return nil, hint.Error(err, "plan the run again in another folder")
	}
	v := new(dataset.Inventory)
	if err := json.Unmarshal(b, v); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(k.run.Dir(), imagesFile), err)
	}
	return v.Open()
}
