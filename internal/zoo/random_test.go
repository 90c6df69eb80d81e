package zoo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/onnx"
	"sresnet/verify"
)

var (
	long = flag.Bool("long", false, "draw 20,000 networks, which takes half an hour")
	from = flag.Uint64("from", 0, "the first network to draw")
	only = flag.Bool("only", false, "draw that network alone, and show it")
)

// tally is what became of the networks.
type tally struct {
	graphs, imported, converted, verified int
	operators                             map[string]int // By name and where it stood.
	refused                               map[string]int // By reason.
	first                                 map[string]uint64
	seed                                  uint64
}

// TestRandom draws networks, and checks of each that what is imported computes what ONNX
// says that the file computes; that what converts is verified; and that what does not
// is refused for a reason that names a node. Every operator must have been drawn, and
// most networks must convert.
func TestRandom(t *testing.T) {
	n := 400
	switch {
	case *only:
		n = 1
	case *long:
		n = 20000
	case testing.Short():
		n = 60
	}
	c := &tally{operators: map[string]int{}, refused: map[string]int{}, first: map[string]uint64{}}
	judge := newJudge(t)
	for seed := *from; seed < *from+uint64(n); seed++ {
		m := draw(seed)
		c.seed = seed
		if *only {
			t.Log(m)
		}
		if *long && seed > *from && (seed-*from)%1000 == 0 {
			t.Logf("%d networks, %d converted", c.graphs, c.converted)
		}
		ask := judge
		if !*long && seed%4 != 0 {
			ask = nil // Of the short form, some.
		}
		if err := c.check(t.Context(), m, ask); err != nil {
			t.Errorf("network %d (-args -from %d -only): %v", seed, seed, err)
		}
	}
	for seed := uint64(n); n == 400 && len(c.missing()) > 0 && seed < 2000; seed++ { // Those that have a rare one.
		m := draw(seed)
		if were := len(c.missing()); c.with(m) == were {
			continue
		}
		if err := c.check(t.Context(), m, judge); err != nil {
			t.Errorf("network %d (-args -from %d -only): %v", seed, seed, err)
		}
	}
	t.Logf("%d networks, %d imported, %d converted, %d verified", c.graphs, c.imported, c.converted, c.verified)
	for _, m := range []map[string]int{c.refused, c.operators} {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if seed, ok := c.first[k]; ok {
				t.Logf("%6d %s (such as network %d)", m[k], k, seed)
			} else {
				t.Logf("%6d %s", m[k], k)
			}
		}
	}
	if *only || testing.Short() {
		return
	}
	if c.converted*100 < 70*c.graphs {
		t.Errorf("%d of %d networks convert, fewer than 70 %%", c.converted, c.graphs)
	}
	for _, o := range c.missing() {
		t.Errorf("no network has %s", o)
	}
}

// missing returns the operators that are read and that no network has had, with where
// they stand. One that ends a network may do so as an activation.
func (c *tally) missing() (list []string) {
	for _, o := range onnx.Operators() {
		end := c.operators[o.Name+" at the end"] > 0
		if o.Activations && c.operators[o.Name+" of activations"] == 0 && !end {
			list = append(list, o.Name+" of activations")
		}
		if o.Constants && c.operators[o.Name+" of constants"] == 0 {
			list = append(list, o.Name+" of constants")
		}
		if o.End && !end {
			list = append(list, o.Name+" at the end")
		}
	}
	return list
}

// with returns how many would be missing with the operators of m.
func (c *tally) with(m *maker) int {
	other := &tally{operators: maps.Clone(c.operators)}
	other.count(m)
	return len(other.missing())
}

// check checks one network.
func (c *tally) check(ctx context.Context, m *maker, judge *judge) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, stack())
		}
	}()
	c.graphs++
	c.count(m)
	data := m.encode()
	if judge != nil {
		if err := judge.agrees(data, m); err != nil {
			return err
		}
	}
	o := onnx.Options{}
	if len(m.outputs) > 1 {
		var several *onnx.OutputError
		if _, err := o.Parse(data); !errors.As(err, &several) {
			return fmt.Errorf("of several outputs: error %v", err)
		}
		o.Output = m.outputs[0]
	}
	g, err := o.Parse(data)
	var u *onnx.UnsupportedError
	switch {
	case errors.As(err, &u):
		for _, n := range u.Nodes {
			if err := c.refuse("import", n.Name, n.Op, n.Reason, m.has(n.Name)); err != nil {
				return err
			}
		}
		return nil
	case err != nil:
		return c.refuse("import", "", "", err.Error(), true) // Of the whole, such as its output.
	}
	c.imported++
	if err := c.same(m, g); err != nil {
		return fmt.Errorf("as imported: %v\n%v", err, g)
	}
	if err := c.otherwise(m, g, o); err != nil {
		return err
	}
	simple, err := convert.Simplify(g)
	if err != nil {
		return fmt.Errorf("simplify: %v\n%v", err, g)
	}
	if err := c.same(m, simple); err != nil {
		return fmt.Errorf("as it converts: %v\n%v\n%v", err, g, simple)
	}
	if again, err := convert.Simplify(simple); err != nil || again != simple {
		return fmt.Errorf("what is simple becomes something else (error %v)\n%v\n%v", err, simple, again)
	}
	if _, err := convert.Fates(g); err != nil {
		return err
	}
	bad, err := convert.Unsupported(g)
	if err != nil {
		return fmt.Errorf("unsupported: %v", err)
	}
	if len(bad) > 0 {
		for _, e := range bad {
			if err := c.refuse("convert", e.Node, e.Op, e.Reason, g.Node(e.Node) != nil); err != nil {
				return fmt.Errorf("%v\n%v", err, g)
			}
		}
		return nil
	}
	c.converted++
	if err := verified(ctx, m, g, simple); err != nil {
		return err
	}
	c.verified++
	return nil
}

// otherwise checks files that say the same as that of g: with their nodes in another
// order, and with the size of images left open.
func (c *tally) otherwise(m *maker, g *ann.Graph, o onnx.Options) error {
	if m.one(8) {
		was := m.nodes
		m.nodes = slices.Clone(was)
		m.Shuffle(len(was), func(i, j int) { m.nodes[i], m.nodes[j] = m.nodes[j], m.nodes[i] })
		other, err := o.Parse(m.encode())
		m.nodes = was
		if err == nil {
			err = c.same(m, other)
		}
		if err != nil {
			return fmt.Errorf("with nodes in another order: %w", err)
		}
	}
	s, channels := g.Input.Shape, 1
	if m.lastly {
		channels = 3
	}
	if len(s) != 3 || len(m.declared) != 4 || m.declared[channels] != s[0] || m.declared[2] != s[1] && !m.lastly || !m.one(4) {
		return nil
	}
	was := m.declared
	m.declared = []int{was[0], 0, 0, 0}
	m.declared[channels] = was[channels]
	data := m.encode()
	m.declared = was
	if _, err := o.Parse(data); !errors.Is(err, onnx.ErrOpenShape) {
		return fmt.Errorf("of open sizes: error %v", err)
	}
	o.InputShape = s
	other, err := o.Parse(data)
	if err == nil {
		err = c.same(m, other)
	}
	if err != nil {
		return fmt.Errorf("with open sizes: %w", err)
	}
	return nil
}

// count counts operators, by where they stand.
func (c *tally) count(m *maker) {
	depends := map[string]bool{m.input: true}
	live := map[string]bool{}
	for _, out := range m.outputs {
		live[out] = true
	}
	for i := len(m.nodes) - 1; i >= 0; i-- {
		n := &m.nodes[i]
		if slices.ContainsFunc(n.out, func(o string) bool { return live[o] }) {
			for _, in := range n.in {
				live[in] = true
			}
		}
	}
	end := false
	for _, n := range m.nodes {
		of := slices.ContainsFunc(n.in, func(in string) bool { return depends[in] })
		if of && n.op != "Shape" && n.op != "Size" {
			for _, o := range n.out {
				depends[o] = true
			}
		}
		switch {
		case !slices.ContainsFunc(n.out, func(o string) bool { return live[o] }):
		case end:
			c.operators[n.op+" at the end"]++
		case of:
			c.operators[n.op+" of activations"]++
		default:
			c.operators[n.op+" of constants"]++
		}
		end = end || slices.Contains(n.out, m.logits)
	}
}

func (m *maker) has(name string) bool {
	return slices.ContainsFunc(m.nodes, func(n node) bool { return n.out[0] == name })
}

var (
	quotedName = regexp.MustCompile(`"[^"]*"`)
	numbers    = regexp.MustCompile(`-?\d+(\.\d+)?(e-?\d+)?`)
	shapes     = regexp.MustCompile(`\[?N([x ]N)*\]?`)
)

// refuse counts a reason, which must be a known one and name a node that there is.
func (c *tally) refuse(where, name, op, reason string, there bool) error {
	reason = quotedName.ReplaceAllString(reason, "NAME")
	reason = shapes.ReplaceAllString(numbers.ReplaceAllString(reason, "N"), "N")
	key := fmt.Sprintf("%s: %s: %s", where, op, reason)
	if c.refused[key]++; c.refused[key] == 1 {
		c.first[key] = c.seed
	}
	if !reasons.MatchString(reason) {
		return fmt.Errorf("%s: a reason that is not listed", key)
	}
	if !there {
		return fmt.Errorf("%s names the node %q, which is none", key, name)
	}
	return nil
}

// images returns the images of the batch as the graph takes them.
func (m *maker) images(shape []int) (list [][]float32) {
	all := m.values[m.input]
	if m.lastly {
		all = permuted(all, []int{0, 3, 1, 2})
	}
	n := len(all.x) / m.batch
	for b := range m.batch {
		image := make([]float32, n)
		for i, x := range all.x[b*n : (b+1)*n] {
			image[i] = float32(x)
		}
		list = append(list, image)
	}
	return list
}

// same checks that g computes the logits, and their softmax if it ends in one.
func (c *tally) same(m *maker, g *ann.Graph) error {
	model, err := infer.New(g)
	if err != nil {
		return err
	}
	r := model.NewRunner()
	all, end := m.values[m.logits], m.values[m.head]
	n := len(all.x) / m.batch
	scale := max(all.largest(), 0.03) // Where terms nearly cancel, rounding is that of the terms.
	for b, image := range m.images(g.Input.Shape) {
		got, err := r.Run(image)
		if err != nil {
			return err
		}
		want := slices.Clone(all.x[b*n : (b+1)*n])
		if s, ok := g.Node(g.Output).Op.(*ann.Softmax); ok {
			if err := near(r.Activation(g.Node(g.Output).Inputs[0]), want, scale); err != nil {
				return fmt.Errorf("%v; the first node that differs is %s", err, m.differs(g, r, b))
			}
			sum := 0.0
			for _, x := range want {
				sum += math.Exp(x)
			}
			for i, x := range want {
				if want[i] = math.Exp(x) / sum; s.Log {
					want[i] = x - math.Log(sum)
				}
			}
		}
		if strings.HasPrefix(m.head, "DequantizeLinear") && near(got, end.x[b*n:(b+1)*n], scale) == nil {
			continue // The levels of logits may stay.
		}
		if err := near(got, want, scale); err != nil {
			return fmt.Errorf("%v; the first node that differs is %s", err, m.differs(g, r, b))
		}
	}
	return nil
}

// differs returns the first node of g that does not compute what the node of that name
// does in the file, on image b, which r has run.
func (m *maker) differs(g *ann.Graph, r *infer.Runner, b int) string {
	for _, n := range g.Nodes {
		v := m.values[n.Name]
		if v == nil || len(v.shape) == 0 || v.shape[0] != m.batch {
			continue
		}
		k := len(v.x) / m.batch
		if want, got := slices.Clone(v.x[b*k:(b+1)*k]), slices.Clone(r.Activation(n.Name)); len(want) == len(got) {
			slices.Sort(want) // In whatever order.
			slices.Sort(got)
			if near(got, want, max(v.largest(), 1e-3)) != nil {
				return n.Name
			}
		}
	}
	return "none"
}

// near compares with results of the same sums in another order.
func near(got []float32, want []float64, scale float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d values, want %d", len(got), len(want))
	}
	for i, x := range want {
		if !(math.Abs(float64(got[i])-x) <= 1e-4*scale) {
			return fmt.Errorf("value %d is %v, want %v", i, got[i], x)
		}
	}
	return nil
}

// pictures are random images for calibration and for verification.
type pictures [][]float32

func (p pictures) Len() int { return len(p) }

func (p pictures) Image(i int, dst []float32) error {
	copy(dst, p[i])
	return nil
}

// verified checks the conversion of g, stage by stage.
func verified(ctx context.Context, m *maker, g, simple *ann.Graph) error {
	images := pictures(m.images(g.Input.Shape))
	for len(images) < 3 {
		image := make([]float32, g.Input.Shape.Len())
		for i := range image {
			image[i] = 2*m.Float32() - 1
		}
		images = append(images, image)
	}
	s, err := calibrate.Run(ctx, simple, images, calibrate.Options{Percentile: 99, Workers: 1})
	if err != nil {
		return err
	}
	for i := range s.Nodes { // Layers so small may be silent on so few images.
		if !(s.Nodes[i].Lambda > 0) {
			s.Nodes[i].Lambda = 1
		}
	}
	stages, err := verify.Run(ctx, simple, s, images, verify.Options{Original: g, Convert: convert.DefaultOptions(), Timesteps: 8, Workers: 1, ReferenceImages: 1})
	if err != nil {
		return err
	}
	if err := failed(stages); err != nil {
		return fmt.Errorf("%w\n%v\n%v", err, g, simple)
	}
	return tuned(ctx, m, g, simple, s, images)
}

// failed returns an error that names the stages that failed; nil if there are none.
func failed(stages []verify.Stage) error {
	var bad []string
	for _, st := range stages {
		if !st.OK {
			bad = append(bad, fmt.Sprintf("stage %q: %v %s at %q, bound %v", st.Name, st.Difference, st.Unit, st.Where, st.Bound))
		}
	}
	if bad != nil {
		return errors.New(strings.Join(bad, "\n"))
	}
	return nil
}
