package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sresnet/diagnose"
	"sresnet/eval"
	"sresnet/internal/atomic"
	"sresnet/internal/hint"
	"sresnet/internal/shell"
	"sresnet/internal/terminal"
	"sresnet/nir"
	"sresnet/run"
	"sresnet/shard"
	"sresnet/snn"
)

// imagesPerShard is how large shards are where nobody says how many there shall be.
const imagesPerShard = 250

// keepEvery is how often a run keeps what is done; 0 for the default. Tests change it.
var keepEvery time.Duration

// networkFile is the spiking network in the folder of a run: every process that works
// on it simulates this one.
const networkFile = "network.nir"

// imagesFile lists the test images in the folder of a run, if they are files: a process
// that works on some of them reads no others.
const imagesFile = "images.json"

// config is all that the work on a run depends on. It is the Config of its plan.
type config struct {
	Dir        string       `json:"dir"`      // Where relative paths begin.
	Manifest   run.Manifest `json:"manifest"` // Of the run, without what only its end can tell.
	Conversion *conversion  `json:"conversion,omitempty"`
	Training   *part        `json:"training,omitempty"` // The images, where they are training images.

	Trials []diagnose.Trial `json:"trials,omitempty"` // That are the work, on every image.
}

// part is images From to End-1 of a data set.
type part struct {
	Spec string `json:"spec"`
	From int    `json:"from"`
	End  int    `json:"end"`
}

// order is a run that is asked for, of a pipeline's network on its images.
type order struct {
	dir      string
	kind     string // One of kinds.
	shards   int    // 0 for one every imagesPerShard images,
	most     int    // but no more than so many, if that is not 0.
	manifest run.Manifest
	training *part            // The images, where they are training images.
	trials   *diagnose.Trials // What is tried on each of them, if that is the work.

	// How its network is made, if there is no such run: by prepare, or taken from
	// another run, or without either from the NIR file that the model is.
	prepare func(context.Context) error
	like    *shard.Run
}

// kinds are the kinds of plans that there are.
var kinds = []string{eval.PlanKind, measurementKind, trialsKind}

// keptRun is a run in its folder, opened for work on it.
type keptRun struct {
	*pipeline
	run    *shard.Run
	config config
	folder *run.Folder
}

// planRun opens the run in the folder of o, where there is one of the same model,
// images and options, and plans it where there is none.
func (p *pipeline) planRun(ctx context.Context, o order) (*keptRun, error) {
	// Before the work, so that a folder that cannot be written costs none.
	folder, err := run.OpenFolder(o.dir)
	if err != nil {
		return nil, hint.Error(err, "give another folder with --out, or make room in this one")
	}
	k, err := p.findRun(o)
	if err != nil {
		return nil, err
	}
	if k == nil {
		k = &keptRun{pipeline: p}
		err = k.plan(ctx, o)
		if errors.Is(err, fs.ErrExist) { // Another process was faster.
			k, err = p.findRun(o)
		}
		if err != nil {
			return nil, err
		}
	}
	k.folder = folder
	return k, k.readNetwork()
}

// findRun returns the run in the folder of o, without its network, nil if there is
// none. It is an error if that is not the run that o asks for, but for the options that
// are named.
func (p *pipeline) findRun(o order, ignore ...string) (*keptRun, error) {
	r, err := shard.Open(o.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hint.Error(vacant(o.dir), "give another folder with --out, or remove what is there")
	}
	if err != nil {
		return nil, hint.Error(err, "give another folder with --out")
	}
	k := &keptRun{pipeline: p, run: r}
	return k, k.same(o, ignore)
}

// vacant returns an error if a folder without a plan holds runs of another kind.
func vacant(dir string) error {
	if _, err := run.ReadManifest(dir); err == nil {
		return fmt.Errorf("%s holds a run that was not kept in shards", dir)
	}
	g, err := shard.OpenGroup(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%s holds several runs, of 'sresnet %s'", dir, g.Command().Args[0])
}

// plan makes the network and the plan.
func (k *keptRun) plan(ctx context.Context, o order) error {
	k.config = config{Manifest: o.manifest, Training: o.training}
	images := k.test.Len()
	if o.trials != nil {
		k.config.Trials = o.trials.List
		images *= len(o.trials.List)
	}
	var err error
	if k.config.Dir, err = os.Getwd(); err != nil {
		return err
	}
	plan := shard.Plan{Kind: o.kind, Images: images, Shards: cmp.Or(o.shards, defaultShards(images, o.most))}
	if plan.Shards > images {
		return &usageError{k.command, fmt.Errorf("--shards %d: there are only %d images", plan.Shards, images)}
	}
	if o.prepare != nil {
		if err := o.prepare(ctx); err != nil {
			return err
		}
	}
	// That may have taken minutes, in which another process has planned a run here.
	if err := shard.Vacant(o.dir); err != nil {
		return err
	}
	files, err := k.planned(o)
	if err != nil {
		return err
	}
	if k.test.Resizable() {
		v, err := k.test.Inventory()
		if err != nil {
			return err
		}
		files = append(files, shard.File{Name: imagesFile, Write: func(w io.Writer) error { return json.NewEncoder(w).Encode(v) }})
	}
	if plan.Config, err = json.Marshal(&k.config); err != nil {
		return err
	}
	k.run, err = shard.Create(o.dir, plan, files...)
	return hint.Error(err, "give another folder with --out, or make room in this one")
}

// defaultShards returns how many shards some images are divided into where nobody says
// how many: at most so many, if most is not 0.
func defaultShards(images, most int) int {
	return min(max((images+imagesPerShard-1)/imagesPerShard, 1), cmp.Or(most, shard.MaxShards))
}

// planned returns the networks of a run that is planned, and the files that say how they
// were made.
func (k *keptRun) planned(o order) (files []shard.File, err error) {
	switch {
	case o.like != nil:
		if files, err = k.copyFiles(o); err != nil || o.trials == nil {
			return files, err
		}
		more, err := k.trialNetworks(o)
		return append(files, more...), err
	case o.prepare == nil:
		return []shard.File{plannedNIR(o.dir, networkFile, k.file)}, nil
	}
	k.config.Conversion = k.conversionNow()
	if o.kind == eval.PlanKind {
		for _, f := range k.conversionFiles() {
			files = append(files, shard.File(f))
		}
	}
	g, _, err := nir.FromNetwork(k.network, nir.Generic, k.nirInfo(k.config.Manifest.Model.SHA256))
	if err != nil {
		return nil, err
	}
	return append(files, plannedNIR(o.dir, networkFile, g)), nil
}

// copyFiles takes from another run the network and what else it was planned with.
func (k *keptRun) copyFiles(o order) (files []shard.File, err error) {
	c, err := readConfig(o.like)
	if err != nil {
		return nil, err
	}
	k.config.Conversion = c.Conversion
	for _, name := range slices.Sorted(maps.Keys(o.like.Plan().Files)) {
		if name == imagesFile {
			continue // The images may be others.
		}
		b, err := o.like.ReadFile(name)
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

// same checks that the run in the folder is the one that is asked for, but for the
// options that are named, and takes over how its network was made.
func (k *keptRun) same(o order, ignore []string) error {
	c, err := readConfig(k.run)
	if err != nil {
		return err
	}
	refuse := func(difference string) error {
		return hint.Error(fmt.Errorf("%s holds another run: %s", o.dir, difference), "give another folder with --out, or the options and files that this one was made with")
	}
	if kind := k.run.Plan().Kind; kind != o.kind {
		return refuse(fmt.Sprintf("its kind is %q, not %q", kind, o.kind))
	}
	// Where the images lie is of no matter, nor how many workers there are.
	ignore = append(slices.Clone(ignore), "data", "calibrate", "workers")
	if o.training != nil {
		ignore = append(ignore, "images") // The user calls it selection_images.
	}
	if d := c.Manifest.Difference(&o.manifest, ignore...); d != "" {
		return refuse(d)
	}
	if was, is := c.Manifest.Version, o.manifest.Version; was != is {
		return refuse(fmt.Sprintf("version of sresnet is %s, not %s", was, is))
	}
	if o.shards != 0 && o.shards != k.run.Shards() {
		return refuse(fmt.Sprintf("it has %d shards, not %d", k.run.Shards(), o.shards))
	}
	k.config = *c
	return nil
}

func readConfig(r *shard.Run) (*config, error) {
	wrong := func(err error) error {
		return hint.Error(fmt.Errorf("the plan in %s is not of a run that this version of sresnet knows: %w", r.Dir(), err), "use the version that planned it")
	}
	if kind := r.Plan().Kind; !slices.Contains(kinds, kind) {
		return nil, wrong(fmt.Errorf("its kind is %q", kind))
	}
	c := new(config)
	d := json.NewDecoder(bytes.NewReader(r.Plan().Config))
	d.UseNumber() // A seed of 64 bits is more than a float64 holds.
	if err := d.Decode(c); err != nil {
		return nil, wrong(err)
	}
	return c, nil
}

// readNetwork reads the network of the run. It takes the place of the one that was
// written, so that all processes simulate the same.
func (k *keptRun) readNetwork() (err error) {
	k.pipeline.conversion = k.config.Conversion
	if k.network, err = networkIn(k.run, networkFile); err != nil {
		return err
	}
	k.nameNetwork()
	return nil
}

// networkIn reads a network that a run was planned with.
func networkIn(r *shard.Run, name string) (*snn.Network, error) {
	b, err := r.ReadFile(name)
	if err != nil {
		return nil, hint.Error(err, "without the network that it was planned with, the run cannot go on; plan it again in another folder")
	}
	var net *snn.Network
	g, err := nir.Read(bytes.NewReader(b), int64(len(b)), nir.ReadOptions{})
	if err == nil {
		net, err = g.Network()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(r.Dir(), name), err)
	}
	return net, nil
}

// complete does what is missing of the run, writes its files and shows the result.
func (k *keptRun) complete(ctx context.Context, w io.Writer, asJSON bool) error {
	e, err := k.evaluator()
	if err != nil {
		return err
	}
	runErr := k.present(ctx, e, allShards(k.run))
	if runErr != nil && ctx.Err() == nil {
		return runErr
	}
	r, err := k.gather(e)
	if err != nil {
		return err
	}
	if r == nil {
		return cmp.Or(runErr, context.Canceled)
	}
	if err := k.publish(w, r, asJSON); err != nil {
		return err
	}
	return k.interrupted(runErr, r.Images, "what is done is kept in "+k.run.Dir()+": the same command goes on from there")
}

func allShards(r interface{ Shards() int }) []int {
	list := make([]int, r.Shards())
	for i := range list {
		list[i] = i
	}
	return list
}

// evaluator makes the networks and the images ready.
func (k *keptRun) evaluator() (*eval.Evaluator, error) {
	o, err := k.evaluation()
	if err != nil {
		return nil, err
	}
	return eval.New(k.graph, k.network, k.test, o)
}

// present presents the images of shards that are not done.
func (k *keptRun) present(ctx context.Context, e *eval.Evaluator, shards []int) error {
	return k.work(ctx, "simulating", func(update func(done, total int)) error { return e.PresentShards(ctx, k.run, shards, update) })
}

// work shows a bar while some work on the run is done, and says what to do about its
// errors.
func (k *keptRun) work(ctx context.Context, label string, do func(update func(done, total int)) error) error {
	update, stop := k.progress.Bar(label)
	defer stop()
	err := do(update)
	if errors.Is(err, shard.ErrDamaged) {
		return damaged(err)
	}
	if err != nil && ctx.Err() == nil {
		return hint.Error(err, "what is done is kept in %s: the same command goes on from there", k.run.Dir())
	}
	return err
}

// damaged says what to do about a shard that is not as it was written.
func damaged(err error) error {
	var file *shard.FileError
	if !errors.As(err, &file) {
		return err
	}
	return hint.Error(err, "remove that file: its images are then presented again; and see why the disk damaged it")
}

// gather adds up the shards; nil if there is nothing.
func (k *keptRun) gather(e *eval.Evaluator) (*eval.Result, error) {
	r, err := e.GatherShards(k.run)
	if r != nil {
		r.Skipped = k.test.Skipped()
	}
	return r, damaged(err)
}

// publish writes the files of the run and shows the result.
func (k *keptRun) publish(w io.Writer, r *eval.Result, asJSON bool) error {
	err := k.write(r)
	return errors.Join(err, k.show(w, r, asJSON)) // The work is done: at least show it.
}

// write writes the files of the run, unless that has been done.
func (k *keptRun) write(r *eval.Result) error {
	if m, err := run.ReadManifest(k.run.Dir()); err == nil && m.Complete && m.Check(k.run.Dir()) == nil {
		return nil
	}
	m := k.config.Manifest
	m.Finished = time.Now().UTC()
	var files []run.File
	for _, name := range slices.Sorted(maps.Keys(k.run.Plan().Files)) {
		if _, err := k.run.ReadFile(name); err != nil {
			return hint.Error(err, "plan the run again in another folder")
		}
		if name != networkFile && name != imagesFile { // These are the plan's, and large: a run whose tables are copied without them is whole.
			files = append(files, run.File{Name: name})
		}
	}
	return hint.Error(k.folder.Write(m, r, append(files, k.reportFiles(r)...)...),
		"all that was simulated is kept: when that is mended, 'sresnet merge %s' writes the files", shell.Quote(k.run.Dir()))
}

// describe says what was planned and what to do with it.
func (k *keptRun) describe(w io.Writer) error {
	missing, err := k.run.Missing()
	if err != nil {
		return err
	}
	terminal.Printf(w, "%s: %d images in %d shards, %d of them to do\n", k.run.Dir(), k.test.Len(), k.run.Shards(), len(missing))
	printHowToDo(w, k.run.Dir())
	return nil
}

// printHowToDo says what to do with what is planned in a folder.
func printHowToDo(w io.Writer, dir string) {
	dir = shell.Quote(dir)
	terminal.Printf(w, "'sresnet run %s --shard K' does one, 'sresnet submit %s' all of them on a cluster, 'sresnet merge %s' makes the result.\n", dir, dir, dir)
}
