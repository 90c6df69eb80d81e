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
	"strings"
	"time"

	"sresnet/dataset"
	"sresnet/eval"
	"sresnet/internal/shell"
	"sresnet/nir"
	"sresnet/shard"
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
	Dir        string        `json:"dir"`      // Where relative paths begin.
	Manifest   eval.Manifest `json:"manifest"` // Of the run, without what only its end can tell.
	Conversion *conversion   `json:"conversion,omitempty"`
}

// keptRun is a run in its folder, opened for work on it.
type keptRun struct {
	*pipeline
	run    *shard.Run
	config config
	folder *eval.Folder
}

// planRun opens the run in the folder of o, where there is one of the same model,
// images and options, and plans it where there is none.
func (p *pipeline) planRun(ctx context.Context, o evalOptions, started time.Time) (*keptRun, error) {
	hash, err := eval.HashFile(p.model)
	if err != nil {
		return nil, err
	}
	source := eval.Source{Name: p.model, SHA256: hash}
	k := &keptRun{pipeline: p, config: config{Manifest: p.manifest(source, started)}}
	// Before the work, so that a folder that cannot be written costs none.
	if k.folder, err = eval.OpenFolder(o.out); err != nil {
		return nil, hinted(err, "give another folder with --out, or make room in this one")
	}
	k.run, err = shard.Open(o.out)
	if errors.Is(err, fs.ErrNotExist) {
		if err = k.plan(ctx, o); err == nil {
			return k, k.readNetwork()
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		k.run, err = shard.Open(o.out) // Another process was faster.
	}
	if err != nil {
		return nil, hinted(err, "give another folder with --out")
	}
	if err := k.same(o); err != nil {
		return nil, err
	}
	return k, k.readNetwork()
}

// plan makes the network and the plan.
func (k *keptRun) plan(ctx context.Context, o evalOptions) error {
	if _, err := eval.ReadManifest(o.out); err == nil {
		return hinted(fmt.Errorf("%s holds a run that was not kept in shards", o.out), "give another folder with --out")
	}
	var err error
	if k.config.Dir, err = os.Getwd(); err != nil {
		return err
	}
	images := k.test.Len()
	plan := shard.Plan{Kind: eval.PlanKind, Images: images, Shards: o.shards}
	if plan.Shards == 0 {
		plan.Shards = min(max((images+imagesPerShard-1)/imagesPerShard, 1), shard.MaxShards)
	}
	if plan.Shards > images {
		return &usageError{k.command, fmt.Errorf("--shards %d: there are only %d images", plan.Shards, images)}
	}
	var files []shard.File
	if k.graph == nil {
		if err := nir.WriteFile(filepath.Join(o.out, networkFile), k.file); err != nil {
			return hinted(err, "give another folder with --out, or make room in this one")
		}
	} else {
		if err := k.prepare(ctx); err != nil {
			return err
		}
		k.config.Conversion = k.conversionNow()
		for _, f := range k.conversionFiles() {
			files = append(files, shard.File(f))
		}
		if err := k.writeNetwork(o.out); err != nil {
			return err
		}
	}
	hash, err := eval.HashFile(filepath.Join(o.out, networkFile))
	if err != nil {
		return err
	}
	plan.Files = map[string]string{networkFile: hash}
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
	k.run, err = shard.Create(o.out, plan, files...)
	return hinted(err, "give another folder with --out, or make room in this one")
}

func (k *keptRun) writeNetwork(dir string) error {
	g, _, err := nir.FromNetwork(k.network, nir.Generic, k.nirInfo(k.config.Manifest.Model.SHA256))
	if err != nil {
		return err
	}
	return hinted(nir.WriteFile(filepath.Join(dir, networkFile), g), "give another folder with --out, or make room in this one")
}

// same checks that the run in the folder is the one that the user asks for, and
// takes over how its network was made.
func (k *keptRun) same(o evalOptions) error {
	c, err := readConfig(k.run)
	if err != nil {
		return err
	}
	refuse := func(difference string) error {
		return hinted(fmt.Errorf("%s holds another run: %s", o.out, difference), "give another folder with --out, or the options and files that this one was made with")
	}
	// Where the images lie is of no matter, nor how many workers there are.
	if d := c.Manifest.Difference(&k.config.Manifest, "data", "calibrate", "workers"); d != "" {
		return refuse(d)
	}
	if was, is := c.Manifest.Version, k.config.Manifest.Version; was != is {
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
		return hinted(fmt.Errorf("the plan in %s is not of a run that this version of sresnet knows: %w", r.Dir(), err), "use the version that planned it")
	}
	if kind := r.Plan().Kind; kind != eval.PlanKind {
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
func (k *keptRun) readNetwork() error {
	b, err := k.run.ReadFile(networkFile)
	if err != nil {
		return hinted(err, "without the network that it was planned with, the run cannot go on; plan it again in another folder")
	}
	g, err := nir.Read(bytes.NewReader(b), int64(len(b)), nir.ReadOptions{})
	if err == nil {
		k.network, err = g.Network()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(k.run.Dir(), networkFile), err)
	}
	k.pipeline.conversion = k.config.Conversion
	return nil
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

func allShards(r *shard.Run) []int {
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
	update, stop := k.progress.bar("simulating")
	defer stop()
	err := e.PresentShards(ctx, k.run, shards, update)
	if errors.Is(err, shard.ErrDamaged) {
		return damaged(err)
	}
	if err != nil && ctx.Err() == nil {
		return hinted(err, "what is done is kept in %s: the same command goes on from there", k.run.Dir())
	}
	return err
}

// damaged says what to do about a shard that is not as it was written.
func damaged(err error) error {
	var file *shard.FileError
	if !errors.As(err, &file) {
		return err
	}
	return hinted(err, "remove that file: its images are then presented again; and see why the disk damaged it")
}

// gather adds up the shards; nil if there is nothing.
func (k *keptRun) gather(e *eval.Evaluator) (*eval.Result, error) {
	r, err := e.GatherShards(k.run)
	if r != nil {
		r.Skipped = k.test.Skipped()
	}
	return r, damaged(err)
}

// publish writes the files of the run, unless that has been done, and shows the
// result.
func (k *keptRun) publish(w io.Writer, r *eval.Result, asJSON bool) error {
	if m, err := eval.ReadManifest(k.run.Dir()); err != nil || !m.Complete || m.Check(k.run.Dir()) != nil {
		if err := k.write(r); err != nil {
			return errors.Join(err, k.show(w, r, asJSON)) // The work is done: at least show it.
		}
	}
	return k.show(w, r, asJSON)
}

// write writes the files of the run.
func (k *keptRun) write(r *eval.Result) error {
	m := k.config.Manifest
	m.Finished = time.Now().UTC()
	var files []eval.File
	for _, name := range slices.Sorted(maps.Keys(k.run.Plan().Files)) {
		if _, err := k.run.ReadFile(name); err != nil {
			return hinted(err, "plan the run again in another folder")
		}
		if name != networkFile && name != imagesFile { // These are the plan's, and large: a run whose tables are copied without them is whole.
			files = append(files, eval.File{Name: name})
		}
	}
	return hinted(k.folder.Write(m, r, append(files, k.reportFiles(r)...)...),
		"all that was simulated is kept: when that is mended, 'sresnet merge %s' writes the files", shell.Quote(k.run.Dir()))
}

// describe says what was planned and what to do with it.
func (k *keptRun) describe(w io.Writer) error {
	missing, err := k.run.Missing()
	if err != nil {
		return err
	}
	dir := shell.Quote(k.run.Dir())
	fmt.Fprintf(w, "%s: %d images in %d shards, %d of them to do\n", k.run.Dir(), k.test.Len(), k.run.Shards(), len(missing))
	fmt.Fprintf(w, "'sresnet run %s --shard K' does one, 'sresnet submit %s' all of them on a cluster, 'sresnet merge %s' makes the result.\n", dir, dir, dir)
	return nil
}

// where says where the files of a run lie on this machine, if not where they lay when
// it was planned.
type where struct{ model, data string }

// openRun opens the run in a folder with all that it takes to work on it: what any
// machine that shares the folder and the files can do.
func openRun(ctx context.Context, p *pipeline, dir string, o where) (*keptRun, error) {
	k := &keptRun{pipeline: p}
	var err error
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if k.run, err = shard.Open(dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, noRun(dir, err)
		}
		return nil, err
	}
	c, err := readConfig(k.run)
	if err != nil {
		return nil, err
	}
	k.config = *c
	if err := p.restore(c.Manifest.Options); err != nil {
		return nil, hinted(fmt.Errorf("the plan in %s: %w", dir, err), "use the version of sresnet that planned it")
	}
	if was := c.Manifest.Version; was != version() {
		return nil, hinted(fmt.Errorf("%s was planned by version %s of sresnet, this is %s", dir, was, version()), "use that version, as numbers may differ")
	}
	for _, path := range []*string{&o.model, &o.data} { // These begin where the user is.
		if *path, err = absolute(*path); err != nil {
			return nil, err
		}
	}
	_ = os.Chdir(c.Dir) // Where there is no such folder here, the paths below say what is missing.
	p.data, p.model = cmp.Or(o.data, p.data), cmp.Or(o.model, c.Manifest.Model.Name)
	if err := p.check(p.command); err != nil {
		return nil, err
	}
	if k.folder, err = eval.OpenFolder(dir); err != nil {
		return nil, hinted(err, "the folder of a run must be writable on every machine that works on it")
	}
	if err := k.readNetwork(); err != nil {
		return nil, err
	}
	return k, hinted(k.openFiles(ctx, o.data != ""), "paths begin in %s, where the run was planned; --model and --data say where the files lie on this machine", c.Dir)
}

// absolute makes the path of a file, or the one in a SPEC, absolute.
func absolute(spec string) (string, error) {
	if spec == "" {
		return "", nil
	}
	word, path, ok := strings.Cut(spec, ":")
	if !ok {
		if slices.Contains(specWords, spec) {
			return spec, nil
		}
		return filepath.Abs(spec)
	}
	if !slices.Contains(specWords, word+":") && !slices.Contains(specWords, word) {
		return filepath.Abs(spec) // A file with a colon in its name.
	}
	path, err := filepath.Abs(path)
	return word + ":" + path, err
}

// openFiles opens the model and the images of the run, and proves that they are
// those that it was planned with. Where the plan lists files, and they have not moved,
// each proves it when it is read.
func (k *keptRun) openFiles(ctx context.Context, moved bool) error {
	m := &k.config.Manifest
	hash, err := eval.HashFile(k.model)
	if err != nil {
		return err
	}
	if hash != m.Model.SHA256 {
		return fmt.Errorf("%s is not the model that the run was planned with: its SHA-256 begins with %.8s, not with %.8s", k.model, hash, m.Model.SHA256)
	}
	_, listed := k.run.Plan().Files[imagesFile]
	listed = listed && !moved
	var test *dataset.Dataset
	if listed {
		test, err = k.listedImages()
	} else {
		test, err = k.openDataset(k.data, dataset.Test, "--data")
	}
	if err != nil {
		return err
	}
	if !isNIR(k.model) {
		if err := k.load(k.model, test); err != nil {
			return err
		}
	}
	if _, test, err = k.resized(test, test); err != nil {
		return err
	}
	if err := k.fits(test); err != nil {
		return err
	}
	if !listed { // The list has no more than those.
		if test, err = k.firstImages(test); err != nil {
			return err
		}
	}
	if k.test, err = k.testImages(ctx, test); err != nil {
		return err
	}
	if hash := k.test.Hash(); hash != m.Data.SHA256 {
		return fmt.Errorf("the images of %s are not those that the run was planned with: their SHA-256 begins with %.8s, not with %.8s", k.data, hash, m.Data.SHA256)
	}
	return nil
}

// listedImages opens the images that the plan lists.
func (k *keptRun) listedImages() (*dataset.Dataset, error) {
	b, err := k.run.ReadFile(imagesFile)
	if err != nil {
		return nil, hinted(err, "plan the run again in another folder")
	}
	v := new(dataset.Inventory)
	if err := json.Unmarshal(b, v); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(k.run.Dir(), imagesFile), err)
	}
	return v.Open()
}
