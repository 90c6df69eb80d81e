package zoo

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"sresnet/internal/onnxfile"
)

// maker makes a graph, node by node, and computes every value as it goes, for a batch
// of random images. So it knows all shapes.
type maker struct {
	*rand.Rand
	opset  int
	nodes  []node
	inits  []string // Names of values that are in the file.
	values map[string]*array

	input    string
	declared []int // Shape of the input, as the file has it; 0 for an open batch.
	lastly   bool  // It is an image with channels last.
	batch    int
	outputs  []string
	logits   string // What is compared.
	head     string // What the file gives, of which logits is the part that decides.
	listed   bool   // Initializers are inputs, too, as in old files.
	fragile  bool   // A number was rounded that is near the middle between two steps.
}

func newMaker(seed uint64) *maker {
	r := rand.New(rand.NewPCG(seed, 3))
	return &maker{Rand: r, opset: 7 + r.IntN(18), values: map[string]*array{}, batch: 1}
}

// one is true once in n times.
func (m *maker) one(n int) bool { return m.IntN(n) == 0 }

// pick returns one of a list.
func pick[T any](m *maker, list ...T) T { return list[m.IntN(len(list))] }

func (m *maker) shape(name string) []int { return m.values[name].shape }

// uniform returns random numbers between two bounds, as float32 has them.
func (m *maker) uniform(low, high float64, shape ...int) *array {
	a := zeros(floats, shape...)
	for i := range a.x {
		a.x[i] = float64(float32(low + (high-low)*m.Float64()))
	}
	return a
}

// add adds a node of one output and returns it.
func (m *maker) add(op string, in []string, attrs ...attr) string {
	return m.addN(1, op, in, attrs...)[0]
}

// addN adds a node of k outputs.
func (m *maker) addN(k int, op string, in []string, attrs ...attr) []string {
	n := node{op: op, in: slices.Clone(in), attrs: attrs}
	for i := range k {
		n.out = append(n.out, fmt.Sprintf("%s_%d.%d", op, len(m.nodes), i))
	}
	args := make([]*array, len(in))
	for i, name := range in {
		if args[i] = m.values[name]; args[i] == nil && name != "" {
			panic("zoo: no value " + name)
		}
	}
	for i, v := range evaluate(&n, args, m.opset) {
		m.values[n.out[i]] = v
	}
	switch op {
	case "Floor", "Ceil", "Round":
		half := truth(op == "Round") / 2
		for _, x := range args[0].x {
			m.fragile = m.fragile || math.Abs(x+half-math.RoundToEven(x+half)) < 1e-4
		}
	case "QuantizeLinear":
		each(args[0].shape, func(i int, index []int) {
			x := args[0].x[i]/perAxis(&n, args[1], args[0], index) + 0.5
			m.fragile = m.fragile || math.Abs(x-math.RoundToEven(x)) < 1e-3
		})
	}
	m.nodes = append(m.nodes, n)
	return n.out
}

func ins(names ...string) []string { return names }

// initial puts an array into the file.
func (m *maker) initial(a *array) string {
	if a.kind == booleans { // The builder writes none.
		return m.add("Cast", ins(m.initial(&array{a.shape, integers, a.x})), ai("to", 9))
	}
	name := fmt.Sprintf("init_%d", len(m.inits))
	m.inits = append(m.inits, name)
	m.values[name] = a
	return name
}

// constant is an array in the file, in one of the ways that exporters have.
func (m *maker) constant(a *array) string {
	if m.one(2) {
		return m.initial(a)
	}
	again := func(a *array) string {
		if m.one(3) {
			return m.constant(a)
		}
		return m.initial(a)
	}
	scaled := func(f float64) *array { return mapped(a, func(x float64) float64 { return x * f }) }
	rank, number := len(a.shape), a.kind == floats
	for { // Until a way fits.
		switch m.IntN(30) {
		case 27, 28, 29:
			if name := m.computed(a, again); name != "" {
				return name
			}
		case 24:
			if number && m.opset >= 8 {
				return m.add(pick(m, "Max", "Min"), ins(again(a), again(a)))
			}
		case 25:
			if number && a.largest() < 100 {
				return m.clip(again(a), -100, math.Inf(1))
			}
		case 26:
			if number && m.opset >= 11 && !slices.ContainsFunc(a.x, func(x float64) bool { return x != math.Trunc(x) }) && a.largest() < 1<<20 {
				return m.add("Round", ins(again(mapped(a, func(x float64) float64 { return x + 0.25 }))))
			}
		case 0, 1, 2:
			if a.kind != booleans {
				return m.add("Constant", nil, at("value", a))
			}
		case 3:
			if m.opset >= 12 && rank == 0 && number {
				return m.add("Constant", nil, af("value_float", float32(a.x[0])))
			}
			if m.opset >= 12 && rank == 0 && a.kind == integers {
				return m.add("Constant", nil, ai("value_int", int(a.x[0])))
			}
			if m.opset >= 12 && rank == 1 && number {
				v := make([]float32, len(a.x))
				for i, x := range a.x {
					v[i] = float32(x)
				}
				return m.add("Constant", nil, afs("value_floats", v...))
			}
			if m.opset >= 12 && rank == 1 && a.kind == integers {
				return m.add("Constant", nil, al("value_ints", a.ints()...))
			}
		case 4:
			return m.add("Identity", ins(again(a)))
		case 5:
			if number {
				return m.add("Dropout", ins(again(a)))
			}
		case 6:
			if rank > 1 {
				perm := m.Perm(rank)
				back := make([]int, rank)
				for i, p := range perm {
					back[p] = i
				}
				return m.add("Transpose", ins(again(permuted(a, perm))), al("perm", back...))
			}
		case 7:
			if len(a.x) == 0 { // Where a length of 0 would be that of the input.
				continue
			}
			return m.add("Reshape", ins(again(a.view([]int{len(a.x)})), m.ints(a.shape...)))
		case 8:
			if rank == 2 {
				k := 1
				if a.shape[1]%2 == 0 {
					k = 2
				}
				return m.add("Flatten", ins(again(a.view([]int{a.shape[0], k, a.shape[1] / k}))))
			}
		case 9:
			k := m.IntN(rank + 1)
			return m.squeezed(again(a.view(slices.Insert(slices.Clone(a.shape), k, 1))), k)
		case 10:
			if k := slices.Index(a.shape, 1); k >= 0 {
				return m.unsqueezed(again(a.view(slices.Delete(slices.Clone(a.shape), k, k+1))), k)
			}
		case 11:
			if k := slices.IndexFunc(a.shape, func(d int) bool { return d > 1 }); k >= 0 {
				cut := 1 + m.IntN(a.shape[k]-1)
				return m.add("Concat", ins(again(cutAxis(a, k, 0, cut)), again(cutAxis(a, k, cut, a.shape[k]))), ai("axis", k))
			}
		case 12:
			if rank > 0 {
				k := m.IntN(rank)
				extra := zeros(a.kind, a.shape...)
				wide := concat(&node{attrs: []attr{ai("axis", k)}}, []*array{extra, a}, 0)
				return m.sliced(again(wide), k, a.shape[k], pick(m, 2*a.shape[k], 1<<40), 1)
			}
		case 13:
			if rank > 0 {
				k := m.IntN(rank)
				perm := m.Perm(a.shape[k])
				back := make([]int, len(perm))
				for i, p := range perm {
					back[p] = i
				}
				moved := gather(&node{attrs: []attr{ai("axis", k)}}, []*array{a, list(perm...)}, 0)
				return m.add("Gather", ins(again(moved), m.ints(back...)), ai("axis", k))
			}
		case 14:
			if a.uniform() && m.opset >= 8 {
				return m.add("Expand", ins(again(&array{nil, a.kind, a.x[:1]}), m.ints(a.shape...)))
			}
		case 15:
			if a.uniform() && m.opset >= 9 && a.kind != booleans {
				return m.add("ConstantOfShape", ins(m.ints(a.shape...)), at("value", &array{[]int{1}, a.kind, a.x[:1]}))
			}
			if a.uniform() && a.x[0] == 0 && number && m.opset >= 9 {
				return m.add("ConstantOfShape", ins(m.ints(a.shape...)))
			}
		case 16:
			if a.kind != booleans {
				return m.add(pick(m, "Add", "Sub"), ins(again(a), again(&array{nil, a.kind, []float64{0}})))
			}
		case 17:
			if number {
				return m.add("Mul", ins(again(scaled(0.5)), again(filled(2))))
			}
			if a.kind == integers {
				return m.add("Mul", ins(again(a), again(list(1).view(nil))))
			}
		case 18:
			if number && a.largest() < math.MaxFloat32/4 {
				return m.add("Div", ins(again(scaled(2)), again(filled(2))))
			}
			if a.kind == integers && a.largest() < 1<<30 && !slices.ContainsFunc(a.x, func(x float64) bool { return x < 0 }) {
				odd := mapped(a, func(x float64) float64 { return 2*x + 1 })
				return m.add("Div", ins(again(odd), again(list(2).view(nil))))
			}
		case 19:
			if a.kind != booleans {
				return m.add("Neg", ins(again(scaled(-1))))
			}
		case 20:
			if number && a.uniform() && slices.Contains([]float64{0, 1, 2, 6}, a.x[0]) {
				return m.add("Sqrt", ins(again(scaled(a.x[0]))))
			}
		case 21:
			if number && !slices.ContainsFunc(a.x, func(x float64) bool { return x != math.Trunc(x) }) && a.largest() < 1<<20 {
				if m.one(2) {
					return m.add("Ceil", ins(again(mapped(a, func(x float64) float64 { return x - 0.25 }))))
				}
				return m.add("Floor", ins(again(mapped(a, func(x float64) float64 { return x + 0.25 }))))
			}
		case 22:
			if m.opset >= 9 {
				one := slices.Repeat([]int{1}, min(rank, m.IntN(2)))
				number := func(k int) string { return again(list(k).view(one)) }
				same := m.add("Equal", ins(number(3), number(pick(m, 3, 4))))
				other := zeros(a.kind, a.shape...)
				x, y := a, other
				if m.values[same].x[0] == 0 {
					x, y = other, a
				}
				return m.add("Where", ins(same, again(x), again(y)))
			}
		case 23:
			if whole := !slices.ContainsFunc(a.x, func(x float64) bool { return x != math.Trunc(x) }); whole && a.largest() < 1<<20 {
				to := map[kind]int{floats: 1, integers: 7, booleans: 9}[a.kind]
				from := floats
				if a.kind == floats {
					from = integers
				}
				return m.add("Cast", ins(again(&array{a.shape, from, a.x})), ai("to", to))
			}
		}
	}
}

func cutAxis(a *array, k, from, to int) *array {
	return slice(&node{attrs: []attr{al("starts", from), al("ends", to), al("axes", k)}}, []*array{a}, 0)
}

// ints is a list of integers in the file.
func (m *maker) ints(v ...int) string {
	if m.one(12) && len(v) > 1 && m.opset >= 11 {
		step, even := v[1]-v[0], v[1] != v[0]
		for i := range v[1:] {
			even = even && v[i+1]-v[i] == step
		}
		if even {
			scalar := func(x int) string { return m.constant(list(x).view(nil)) }
			return m.add("Range", ins(scalar(v[0]), scalar(v[len(v)-1]+step), scalar(step)))
		}
	}
	return m.constant(list(v...))
}

// like is the shape of what has it as integers: as numbers, or computed from value.
func (m *maker) like(value string, shape ...int) string {
	if m.one(2) {
		return m.ints(shape...)
	}
	of := value
	if m.one(6) {
		of = m.constant(zeros(floats, m.shape(value)...))
	}
	from := m.add("Shape", ins(of))
	var parts []string
	for _, d := range shape {
		k := slices.Index(m.shape(value), d)
		switch {
		case k < 0:
			parts = append(parts, m.ints(d))
		case m.one(3) && m.opset >= 15:
			parts = append(parts, m.add("Shape", ins(value), ai("start", k), ai("end", k+1)))
		case m.one(2):
			parts = append(parts, m.unsqueezed(m.add("Gather", ins(from, m.constant(list(k).view(nil))), ai("axis", 0)), 0))
		default:
			parts = append(parts, m.sliced(from, 0, k, k+1, 1))
		}
	}
	if len(shape) == 2 && shape[1] == -1 && m.one(2) { // The number of elements, divided.
		per := m.add("Div", ins(m.add("Size", ins(of)), m.constant(list(shape[0]).view(nil))))
		parts[1] = m.unsqueezed(per, 0)
	}
	return m.add("Concat", parts, ai("axis", 0))
}

// with adds a node whose integers are attributes before an operator set, inputs from it
// on.
func (m *maker) with(op, value string, since int, lists []attr, attrs ...attr) string {
	if m.opset < since {
		return m.add(op, ins(value), append(slices.Clone(lists), attrs...)...)
	}
	in := ins(value)
	for _, l := range lists {
		in = append(in, m.ints(l.l...))
	}
	return m.add(op, in, attrs...)
}

func (m *maker) squeezed(value string, axes ...int) string {
	return m.with("Squeeze", value, 13, []attr{al("axes", axes...)})
}

func (m *maker) unsqueezed(value string, axes ...int) string {
	return m.with("Unsqueeze", value, 13, []attr{al("axes", axes...)})
}

// sliced cuts one axis.
func (m *maker) sliced(value string, axis, from, to, step int) string {
	lists := []attr{al("starts", from), al("ends", to), al("axes", axis)}
	if step != 1 {
		lists = append(lists, al("steps", step))
	}
	return m.with("Slice", value, 10, lists)
}

// padded pads all axes, before and behind.
func (m *maker) padded(value string, pads ...int) string {
	switch {
	case m.opset < 11:
		return m.add("Pad", ins(value), al("pads", pads...))
	case m.opset >= 18 && m.one(2):
		var axes, some []int
		rank := len(pads) / 2
		for i := range rank {
			if pads[i] != 0 || pads[i+rank] != 0 {
				axes = append(axes, pick(m, i, i-rank))
				some = append(some, pads[i])
			}
		}
		for _, a := range axes {
			some = append(some, pads[rank+axis(a, rank)])
		}
		if axes != nil {
			return m.add("Pad", ins(value, m.ints(some...), "", m.ints(axes...)))
		}
	}
	in := ins(value, m.ints(pads...))
	if m.one(3) {
		in = append(in, m.constant(filled(0)))
	}
	return m.add("Pad", in, pick(m, nil, []attr{as("mode", "constant")})...)
}

// encode returns the bytes of the file.
func (m *maker) encode() []byte {
	f := onnxfile.Model{Opset: int64(m.opset), Out: m.outputs}
	dims := make([]int64, len(m.declared))
	for i, d := range m.declared {
		dims[i] = int64(d)
	}
	f.In = append(f.In, onnxfile.Input(m.input, dims...))
	for _, name := range m.inits {
		a := m.values[name]
		f.Inits = append(f.Inits, a.message(name))
		if m.listed && a.kind == floats {
			dims := make([]int64, len(a.shape))
			for i, d := range a.shape {
				dims[i] = int64(d)
			}
			f.In = append(f.In, onnxfile.Input(name, dims...))
		}
	}
	for _, n := range m.nodes {
		var attrs []onnxfile.Message
		for _, a := range n.attrs {
			attrs = append(attrs, a.message())
		}
		f.Nodes = append(f.Nodes, onnxfile.Node(n.op, n.in, n.out, attrs...))
	}
	return f.Encode()
}

func (a *attr) message() onnxfile.Message {
	switch a.is {
	case isInt:
		return onnxfile.Int(a.name, int64(a.i))
	case isFloat:
		return onnxfile.Float(a.name, a.f)
	case isString:
		return onnxfile.String(a.name, a.s)
	case isFloats:
		return onnxfile.Floats(a.name, a.fs...)
	case isTensor:
		return onnxfile.Tensor(a.name, a.t.message(""))
	}
	v := make([]int64, len(a.l))
	for i, x := range a.l {
		v[i] = int64(x)
	}
	return onnxfile.Ints(a.name, v...)
}

// String shows the graph, a node a line, without what computes constants.
func (m *maker) String() string {
	of := map[string]bool{m.input: true}
	s := fmt.Sprintf("opset %d, input %s %v, outputs %v, logits %s %v\n", m.opset, m.input, m.declared, m.outputs, m.logits, m.shape(m.logits))
	for _, n := range m.nodes {
		if !slices.ContainsFunc(n.in, func(in string) bool { return of[in] }) {
			continue
		}
		for _, o := range n.out {
			of[o] = n.op != "Shape" && n.op != "Size"
		}
		s += fmt.Sprintf("  %s = %s(", n.out[0], n.op)
		for i, in := range n.in {
			if i > 0 {
				s += ", "
			}
			s += in
			if v := m.values[in]; v != nil {
				s += fmt.Sprint(v.shape)
				if !of[in] && len(v.x) <= 6 {
					s += fmt.Sprintf("%.3g", v.x)
				}
			}
		}
		s += ")"
		for _, a := range n.attrs {
			switch a.is {
			case isInt:
				s += fmt.Sprintf(" %s=%d", a.name, a.i)
			case isFloat:
				s += fmt.Sprintf(" %s=%v", a.name, a.f)
			case isString:
				s += fmt.Sprintf(" %s=%s", a.name, a.s)
			case isInts:
				s += fmt.Sprintf(" %s=%v", a.name, a.l)
			case isFloats:
				s += fmt.Sprintf(" %s=%v", a.name, a.fs)
			case isTensor:
				s += fmt.Sprintf(" %s=%v", a.name, a.t.shape)
			}
		}
		s += fmt.Sprintln("", m.shape(n.out[0]))
	}
	return s
}
