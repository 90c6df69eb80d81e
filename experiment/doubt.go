package experiment

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/dataset"
	"sresnet/eval"
	"sresnet/tensor"
)

// What [Experiment.Doubts] goes by.
const (
	confident   = 0.95           // Accuracy of a trained network that nothing is wrong with.
	poor        = 0.5            // Accuracy that is looked into whatever it costs.
	mostly      = 0.6            // Share of images from which on a pattern explains them.
	alike       = 0.9            // Share of images that are named alike if the input is far off.
	trialImages = 100            // At most, and
	fewImages   = 20             // at least.
	trialMACs   = 10_000_000_000 // Of all trials together, about a second.
)

// Doubts says what may be wrong where the trained network names few images correctly, as
// far as the numbers point to it: the normalisation, the order of channels, of rows and
// columns or of classes. It tries other ways to present the first images, which takes
// about a second; none of it changes e or r. Options are in braces, see internal/hint.
// The result is nil where there is nothing to doubt.
func (e *Experiment) Doubts(r *eval.Result) []string {
	var list []string
	if s := r.Saturation(); s != "" {
		list = append(list, s+" {state-bits} is what they have, {timesteps} how long they gather charge.")
	}
	return append(list, e.trainedDoubts(r)...)
}

// trainedDoubts are those of the trained network.
func (e *Experiment) trainedDoubts(r *eval.Result) []string {
	if e.Graph == nil || e.Test == nil || r.Alone() || r.TrainedTop1 >= confident || len(r.Predictions.Trained) == 0 {
		return nil
	}
	found, explained := e.tryOthers(r.TrainedTop1)
	chance := 1 / float64(e.Test.Classes())
	if r.TrainedTop1 >= 2*chance {
		return found
	}
	list := []string{fmt.Sprintf("The trained network itself is hardly better than chance (%.4g %%).", 100*chance)}
	if twice := e.normalisesTwice(); found == nil && twice != "" {
		found = []string{twice}
	}
	if _, _, outputs := e.Takes(); found == nil && outputs > e.Test.Classes() && !e.classifies() {
		found = []string{fmt.Sprintf("It has %d outputs for %d classes: %s.", outputs, e.Test.Classes(), features)}
	}
	if classes, share := classDoubts(&r.Predictions); found == nil || share > explained {
		found = classes
	}
	if found == nil && e.Test.Prepared() {
		found = []string{"Values as they are here may not be what it was trained with, although no other order of channels, rows or classes is better: perhaps they were prepared in another way, these are other images, or weights before training."}
	}
	if found == nil {
		found = []string{fmt.Sprintf("{normalize} %s may not be what it was trained with, although no other that was tried is better, nor other orders of channels, rows or classes: perhaps these are other images, or weights before training.", e.Options.Normalize)}
	}
	return append(list, found...)
}

// trial is another way to present images.
type trial struct {
	advice string
	norm   dataset.Normalization
	change func(x []float32, c, h, w int) // Before the normalisation; nil for none.
	order  func(x []float32, c, h, w int) // After it; nil for none.
}

func (e *Experiment) trials() []trial {
	c, h, w := e.Test.Shape().CHW()
	now := e.Test.Normalization()
	list := []trial{{norm: now}}
	for _, name := range append(dataset.NormalizationNames(), "0.5:0.5") { // Which maps pixels to -1 to 1.
		n, err := dataset.ParseNormalization(name, c)
		if err == nil && n.String() != now.String() && !e.Test.Prepared() {
			list = append(list, trial{advice: "with {normalize} " + name, norm: n})
		}
	}
	if c == 3 {
		list = append(list, trial{advice: "with red and blue exchanged, as OpenCV has them,", norm: now, change: reverse})
	}
	if h == w {
		list = append(list, trial{advice: "with rows and columns exchanged", norm: now, change: transpose})
	}
	if !e.Test.Prepared() {
		list = append(list, trial{advice: "with dark and light exchanged", norm: now, change: invert})
	}
	if n := e.Test.Frames(); n > 1 { // As where training took sums.
		times := func(x []float32, _, _, _ int) {
			for i := range x {
				x[i] *= float32(n)
			}
		}
		list = append(list, trial{advice: fmt.Sprintf("with frames %d times as large, whose mean is the sum of these", n), norm: now, change: times})
	}
	if e.model.vector || e.trained.vector {
		advice := fmt.Sprintf("with the channels of each pixel side by side in the vector that it takes, which {model}?input=%s says", lastChannels(e.Test.Shape()))
		list = append(list, trial{advice: advice, norm: now, order: interleave})
	}
	return list
}

// tryOthers returns which way to present the first images is better than that of the
// options, and the accuracy with it; nil if none is.
func (e *Experiment) tryOthers(accuracy float64) ([]string, float64) {
	trials := e.trials()
	n := min(trialImages, e.Test.Len())
	if most := int(trialMACs / (max(e.Graph.MACs(), 1) * int64(len(trials)))); most < n {
		if accuracy >= poor {
			return nil, 0 // It may be as good as it gets, and many images would be needed to tell.
		}
		n = min(n, max(most, fewImages))
	}
	m, err := infer.New(e.Graph)
	if err != nil {
		return nil, 0
	}
	update, stop := e.Options.Step("trying other ways to present images")
	defer stop()
	runner := m.NewWatcher(func(string, []float32) {})
	right := make([][]bool, len(trials))
	x := make([]float32, e.Test.Shape().Len())
	for k, t := range trials {
		for i := range n {
			class, err := e.present(runner, t, i, x)
			right[k] = append(right[k], err == nil && class == e.Test.Label(i)) // Numbers may become too large.
			update(k*n+i+1, len(trials)*n)
		}
	}
	best := 0
	for k := range trials {
		if count(right[k]) > count(right[best]) {
			best = k
		}
	}
	if !better(right[best], right[0]) {
		return nil, 0
	}
	text := fmt.Sprintf("Of the first %d images it names %d correctly %s, and %d as they were presented.", n, count(right[best]), trials[best].advice, count(right[0]))
	if steps, how := ownNormalisation(e.Original); how != "" && trials[best].norm.String() == how {
		text += fmt.Sprintf(" It normalises them by itself, in %s.", steps)
	}
	return []string{text}, float64(count(right[best])) / float64(n)
}

// normalisesTwice says that the network does by itself what the normalisation does, if its
// file shows it; "" if not.
func (e *Experiment) normalisesTwice() string {
	steps, how := ownNormalisation(e.Original)
	if now := e.Options.Normalize; how == "" || now == how || now == "none" || e.Test.Prepared() {
		return ""
	}
	return fmt.Sprintf("The network normalises its input by itself, in %s, so that {normalize} %s normalises it twice: give {normalize} %s.", steps, e.Options.Normalize, how)
}

// ownNormalisation returns the steps, constants that are added and multiplied, with which a
// network begins, and the normalisation that leaves pixels as these take them: none for
// 0..255, unit for 0..1. They are empty for a network that begins otherwise.
func ownNormalisation(g *ann.Graph) (steps, how string) {
	if g == nil {
		return "", ""
	}
	var names []string
	at, scale, shift := g.Input.Name, 1.0, 0.0
	for i := range g.Nodes { // In topological order.
		n := &g.Nodes[i]
		if n.Inputs[0] != at {
			continue
		}
		if _, flat := n.Op.(*ann.Flatten); flat {
			at = n.Name
			continue
		}
		if a, b, ok := ofOneChannel(n); ok && at == g.Input.Name {
			if a != 1 || b != 0 {
				scale, shift, names = a, b, append(names, n.Type())
			}
			at = n.Name
			continue
		}
		op, ok := n.Op.(*ann.BatchNormalization)
		if !ok || n.Spelled == "" {
			break
		}
		a := float64(op.Scale[0]) / math.Sqrt(float64(op.Var[0])+float64(op.Epsilon))
		scale, shift = a*scale, a*(shift-float64(op.Mean[0]))+float64(op.Bias[0])
		at, names = n.Name, append(names, n.Type())
	}
	switch {
	case len(names) == 0:
		return "", ""
	case math.Abs(scale) < 0.1 || math.Abs(shift) > 2*math.Abs(scale): // What becomes 0 is no pixel of 0..1, or all of these become about the same.
		return strings.Join(names, " and "), "none"
	}
	return strings.Join(names, " and "), "unit"
}

// ofOneChannel returns what n adds to the image and multiplies it by, if it is a convolution
// that the file does not call one, and its first channel is made of one of the image's: of
// red by blue, or of grey.
func ofOneChannel(n *ann.Node) (a, b float64, ok bool) {
	op, ok := n.Op.(*ann.Conv)
	if !ok || n.Spelled == "" || op.Window != tensor.Square(1, 1, 0) || op.Groups != 1 {
		return 0, 0, false
	}
	taken := 0
	for _, w := range op.Weight.Data[:op.Weight.Shape[1]] {
		if w != 0 {
			a = float64(w)
			taken++
		}
	}
	if op.Bias != nil {
		b = float64(op.Bias[0])
	}
	return a, b, taken == 1
}

// present returns the class that the trained network names of image i. It uses x.
func (e *Experiment) present(r *infer.Watcher, t trial, i int, x []float32) (int, error) {
	if err := e.Test.Pixels(i, x); err != nil {
		return 0, err
	}
	shape := e.Test.Shape()
	if t.change != nil {
		c, h, w := shape.CHW()
		t.change(x, c, h, w)
	}
	t.norm.Apply(x, shape)
	if t.order != nil {
		c, h, w := shape.CHW()
		t.order(x, c, h, w)
	}
	out, err := r.Run(x)
	if err != nil {
		return 0, err
	}
	return slices.Index(out, slices.Max(out)), nil
}

func count(list []bool) (n int) {
	for _, b := range list {
		if b {
			n++
		}
	}
	return n
}

// better reports whether a is right so much oftener than b that chance does not explain
// it: by three standard deviations of the images that only one of them is right on.
func better(a, b []bool) bool {
	gained, lost := 0, 0
	for i := range a {
		switch {
		case a[i] && !b[i]:
			gained++
		case b[i] && !a[i]:
			lost++
		}
	}
	d := gained - lost
	return d >= 5 && d*d >= 9*(gained+lost)
}

func reverse(x []float32, c, h, w int) {
	for i := range h * w {
		x[i], x[2*h*w+i] = x[2*h*w+i], x[i]
	}
}

// interleave turns (C, H, W) into (H, W, C).
func interleave(x []float32, c, h, w int) {
	planes := slices.Clone(x)
	for i := range c {
		for p := range h * w {
			x[p*c+i] = planes[i*h*w+p]
		}
	}
}

func transpose(x []float32, c, h, w int) {
	for plane := range slices.Chunk(x, h*w) {
		for i := range h {
			for j := range i {
				plane[i*w+j], plane[j*w+i] = plane[j*w+i], plane[i*w+j]
			}
		}
	}
}

func invert(x []float32, c, h, w int) {
	for i, p := range x {
		x[i] = 255 - p
	}
}

// classDoubts says what the classes that the trained network names have to do with the
// labels, and of how many images that gives the label; nil if nothing that can be seen.
func classDoubts(p *eval.Predictions) (_ []string, share float64) {
	type pair struct{ named, label, n int }
	counts := make(map[[2]int]int)
	named, labelled := make(map[int]int), make(map[int]int)
	shift := make(map[int]int)
	for i, k := range p.Trained {
		counts[[2]int{k, p.Label[i]}]++
		named[k]++
		labelled[p.Label[i]]++
		shift[p.Label[i]-k]++
	}
	total := len(p.Trained)
	if len(labelled) < 2 || total < 5*len(labelled) { // Too few to tell.
		return nil, 0
	}
	for k, n := range named {
		if float64(n) >= alike*float64(total) {
			return []string{fmt.Sprintf("It names class %d for %d of %d images, whatever they show, as where pixels are far from those of its training: {normalize} tells how they were prepared.", k, n, total)}, 0
		}
	}
	var pairs []pair
	for key, n := range counts {
		pairs = append(pairs, pair{key[0], key[1], n})
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.named, b.named), cmp.Compare(a.label, b.label))
	})
	matched := 0
	usedNames, usedLabels := make(map[int]bool), make(map[int]bool)
	for _, q := range pairs { // Each class goes with the label that it most often meets.
		if !usedNames[q.named] && !usedLabels[q.label] {
			usedNames[q.named], usedLabels[q.label] = true, true
			matched += q.n
		}
	}
	for _, by := range []int{1, -1} {
		if n := float64(shift[by]); n >= mostly*float64(total) && n >= alike*float64(matched) {
			word := "higher"
			if by < 0 {
				word = "lower"
			}
			return []string{fmt.Sprintf("For %d of %d images the label is one %s than the class that it names: number labels as in training.", shift[by], total, word)}, float64(shift[by]) / float64(total)
		}
	}
	if float64(matched) < mostly*float64(total) {
		return nil, 0
	}
	q := pairs[0]
	return []string{fmt.Sprintf("It tells the classes apart, but numbers them otherwise: %d of the %d images that it calls %d are labelled %d, and with classes in another order %d of %d would be right: number labels as in training.",
		q.n, named[q.named], q.named, q.label, matched, total)}, float64(matched) / float64(total)
}
