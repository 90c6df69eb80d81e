package run

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"time"

	"sresnet/dataset"
	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/nir"
	"sresnet/shard"
)

// ImagesPerShard is how large shards are where nobody says how many there shall be.
const ImagesPerShard = 250

// Files of a plan.
const (
	networkFile = "network.nir" // The spiking network: every process that works on the run simulates this one.
	realFile    = "real.nir"    // Before its weights were rounded, of an integer network.
	imagesFile  = "images.json" // The images, if they are files: a process that works on some of them reads no others.
)

// Order is a run that is asked for, of an experiment's network on its test images.
type Order struct {
	Dir        string
	Kind       string // Of the work; see [shard.Plan].
	Experiment *experiment.Experiment

	Shards int // 0 for one per ImagesPerShard images,
	Most   int // but no more than so many, if that is not 0.

	// Presented is what the images are called in the manifest; "" for the spec of the test
	// images.
	Presented string
	Training  *Part  // Which training images they are, if they are not test images.
	Purpose   string // "" for an evaluation by itself; see [Manifest].

	// Like is a run whose network this one has, too; nil to make it.
	Like *shard.Run

	// Detail is what else the work depends on, in the form of its kind, and Turns how often
	// each image is presented for it; 0 is once.
	Detail json.RawMessage
	Turns  int

	Real bool // The work also takes what an integer network was before its weights were rounded.

	// Networks are further networks that the work takes, by the names of their files.
	Networks map[string]*nir.Graph
}

// Part is training images From to End-1.
type Part struct {
	From int `json:"from"`
	End  int `json:"end"`
}

// Config is all that the work on a run depends on. It is the Config of its plan.
type Config struct {
	Dir        string                 `json:"dir"`      // Where relative paths begin.
	Manifest   Manifest               `json:"manifest"` // Of the run, without what only its end can tell.
	Conversion *experiment.Conversion `json:"conversion,omitempty"`
	Training   *Part                  `json:"training,omitempty"`
	Detail     json.RawMessage        `json:"detail,omitempty"`
}

// manifest says what the run is made from.
func (o *Order) manifest(started time.Time) (m Manifest, err error) {
	e := o.Experiment
	m = Manifest{
		Version: Version(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Started: started.UTC(), Finished: time.Now().UTC(), Purpose: o.Purpose,
		Data:    Source{Name: cmp.Or(o.Presented, e.Options.Data), SHA256: e.Test.Hash(), Skipped: e.Test.Skipped(), Frames: framesOf(e.Test)},
		Classes: e.Test.ClassNames(), Model: Source{Name: e.Options.Model},
	}
	if e.Options.Trained != "" { // The work is about that; the spiking network is kept with the plan.
		m.Model.Name = e.Options.Trained
		if m.SpikingSHA256, err = e.Options.HashModel(e.Options.Model); err != nil {
			return m, err
		}
	}
	if m.Model.SHA256, err = e.Options.HashModel(m.Model.Name); err != nil {
		return m, err
	}
	if e.Calibration != nil {
		m.Calibration = Source{Name: e.Options.Calibrate, SHA256: e.Calibration.Hash(), Skipped: e.Calibration.Skipped(), Frames: framesOf(e.Calibration)}
	}
	m.Data.asked(e.Options.Data)
	m.Calibration.asked(e.Options.Calibrate)
	m.Options, err = optionsMap(&e.Options, e.Graph == nil)
	return m, err
}

// asked notes what the spec of a source asks for, and leaves its source as the name.
func (s *Source) asked(spec string) {
	asked, err := dataset.ParseSpec(spec)
	if err != nil {
		return // Of no spec there is nothing to note.
	}
	s.Resize, s.Crop = asked.Resize, asked.Crop
	if s.Name == spec {
		s.Name = asked.Source
	}
}

// optionsMap returns options under their keys; of a network that came as a spiking one,
// without those that shaped it.
func optionsMap(o *experiment.Options, spiking bool) (map[string]any, error) {
	b, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	var values map[string]any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber() // A seed of 64 bits is more than a float64 holds.
	if err := d.Decode(&values); err != nil {
		return nil, err
	}
	for _, p := range experiment.Table() {
		if spiking && p.Shapes {
			delete(values, p.Key())
		}
	}
	return values, nil
}

// OptionsOf returns the options of the run in a folder, to do the same again.
func OptionsOf(dir string) (experiment.Options, error) {
	r, err := shard.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if other := vacant(dir); other != nil {
			err = hint.Error(other, "give the folder of one run, made by this version of sresnet")
		}
	}
	if err != nil {
		return experiment.Options{}, err
	}
	c, err := readConfig(r)
	if err != nil {
		return experiment.Options{}, err
	}
	o, err := c.Manifest.options()
	o.Dir = c.Dir
	return o, err
}

// options returns the options of the run, which those of m were made from.
func (m *Manifest) options() (experiment.Options, error) {
	o := experiment.DefaultOptions()
	b, err := json.Marshal(m.Options)
	if err == nil {
		err = json.Unmarshal(b, &o)
	}
	o.Model = m.Model.Name
	return o, err
}

// Open opens the run in the folder of o, where there is one of the same model, images and
// options, and plans it where there is none: with the network that the experiment makes.
func (o *Order) Open(ctx context.Context) (*Kept, error) {
	// Before the work, so that a folder that cannot be written costs none.
	folder, err := OpenFolder(o.Dir)
	if err != nil {
		return nil, hint.Error(err, "give another folder with {out}, or make room in this one")
	}
	k, err := o.Find()
	if err != nil {
		return nil, err
	}
	if k == nil {
		e := o.Experiment
		k = &Kept{Experiment: e.With(e.Options, e.Test)} // So that the network made for the plan leaves memory.
		err = k.plan(ctx, o)
		if errors.Is(err, fs.ErrExist) { // Another process was faster.
			k, err = o.Find()
		}
		if err != nil {
			return nil, err
		}
	}
	if err := k.divide(o); err != nil {
		return nil, err
	}
	k.folder = folder
	return k, k.readNetwork()
}

// Find returns the run in the folder of o, without its network; nil if there is none. It
// is an error if that is not the run that o asks for, except for the options that are
// named by their keys, or has another number of shards and has begun.
func (o *Order) Find(ignore ...string) (*Kept, error) {
	r, err := shard.Open(o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hint.Error(vacant(o.Dir), "give another folder with {out}, or remove what is there")
	}
	if err != nil {
		return nil, hint.Error(err, "give another folder with {out}")
	}
	k := &Kept{Experiment: o.Experiment, Run: r}
	return k, k.same(o, ignore)
}

// vacant returns an error if a folder without a plan holds runs of another kind.
func vacant(dir string) error {
	var format *shard.FormatError
	if _, err := ReadManifest(dir); err == nil {
		return fmt.Errorf("%s holds a run that was not kept in shards", dir)
	} else if errors.As(err, &format) {
		return err
	}
	g, err := shard.OpenGroup(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%s holds several runs, of a %s", dir, g.Study().Kind)
}

// RefuseLinks returns an error if a folder that a run is to be kept in is a link.
func RefuseLinks(dirs ...string) error {
	for _, dir := range dirs {
		if info, err := os.Lstat(dir); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return hint.Error(fmt.Errorf("%s is a link, and what is kept would go elsewhere", dir), "remove it, or give another folder with {out}")
		}
	}
	return nil
}

// same checks that the run in the folder is the one that is asked for, except for
// the options that are named, and takes over how its network was made.
func (k *Kept) same(o *Order, ignore []string) error {
	c, err := readConfig(k.Run)
	if err != nil {
		return err
	}
	want, err := o.manifest(time.Now())
	if err != nil {
		return err
	}
	refuse := func(difference string) error {
		return hint.Error(fmt.Errorf("%s holds another run: %s", o.Dir, difference), "give another folder with {out}, or the options and files that this one was made with")
	}
	if kind := k.Run.Plan().Kind; kind != o.Kind {
		return refuse(fmt.Sprintf("its kind is %q, not %q", kind, o.Kind))
	}
	// Where the images lie is of no matter.
	ignore = append(slices.Clone(ignore), "data", "calibrate")
	if o.Training != nil {
		ignore = append(ignore, "images") // Of the test images.
	}
	if d := c.Manifest.Difference(&want, ignore...); d != "" {
		return refuse(d)
	}
	if was, is := c.Manifest.Version, want.Version; was != is {
		return refuse(fmt.Sprintf("version of sresnet is %s, not %s", was, is))
	}
	k.Config = *c
	if o.Shards == 0 || o.Shards == k.Run.Shards() {
		return nil
	}
	if err := fewer(o.Shards, k.Run.Plan().Images); err != nil {
		return err
	}
	return hint.Error(k.Run.Divisible(o.Shards), "give {plan} without a number, or plan the run in another folder")
}

// divide gives the run as many shards as are asked for.
func (k *Kept) divide(o *Order) (err error) {
	if o.Shards > 0 {
		k.Run, err = k.Run.Divide(o.Shards)
	}
	return err
}

// fewer returns an error if there are more shards than images.
func fewer(shards, images int) error {
	if shards <= images {
		return nil
	}
	return &experiment.OptionError{Option: "plan", Value: fmt.Sprint(shards), Err: fmt.Errorf("there are only %d images", images)}
}

// plan makes the network and the plan.
func (k *Kept) plan(ctx context.Context, o *Order) (err error) {
	k.Config = Config{Training: o.Training, Detail: o.Detail}
	if k.Config.Manifest, err = o.manifest(time.Now()); err != nil {
		return err
	}
	if k.Config.Dir = k.Options.Dir; k.Config.Dir == "" {
		if k.Config.Dir, err = os.Getwd(); err != nil {
			return err
		}
	}
	images := k.Test.Len() * max(o.Turns, 1)
	plan := shard.Plan{Kind: o.Kind, Images: images, Shards: cmp.Or(o.Shards, defaultShards(images, o.Most))}
	if err := fewer(plan.Shards, images); err != nil {
		return err
	}
	files, err := k.planned(ctx, o)
	if err != nil {
		return err
	}
	// That may have taken minutes, in which another process has planned a run here.
	if err := shard.Vacant(o.Dir); err != nil {
		return err
	}
	if k.Test.InFiles() {
		v, err := k.Test.Inventory()
		if err != nil {
			return err
		}
		files = append(files, shard.File{Name: imagesFile, Write: func(w io.Writer) error { return json.NewEncoder(w).Encode(v) }})
	}
	if plan.Config, err = json.Marshal(&k.Config); err != nil {
		return err
	}
	k.Run, err = shard.Create(o.Dir, plan, files...)
	return hint.Error(err, "give another folder with {out}, or make room in this one")
}

// defaultShards returns how many shards some images are divided into where nobody says
// how many: at most so many, if most is not 0.
func defaultShards(images, most int) int {
	return min(max((images+ImagesPerShard-1)/ImagesPerShard, 1), cmp.Or(most, shard.MaxShards))
}

func readConfig(r *shard.Run) (*Config, error) {
	c := new(Config)
	d := json.NewDecoder(bytes.NewReader(r.Plan().Config))
	d.UseNumber()
	if err := d.Decode(c); err != nil {
		return nil, hint.Error(fmt.Errorf("this version of sresnet does not know the plan in %s: %w", r.Dir(), err), "use the version that planned it")
	}
	return c, nil
}

// framesOf returns how many frames each image is made of; 0 if it is one by itself.
func framesOf(d *dataset.Images) int {
	if n := d.Frames(); n > 1 {
		return n
	}
	return 0
}
