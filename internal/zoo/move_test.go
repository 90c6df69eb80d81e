package zoo

import (
	"fmt"
	"math"
	"slices"
)

// The operators here compute nothing but where elements go.

func pad(n *node, in []*array, _ int) *array {
	x := in[0]
	rank := len(x.shape)
	pads := given(n, in, "pads", 1)
	over := make([]int, rank)
	for i := range over {
		over[i] = i
	}
	if len(in) > 3 && in[3] != nil {
		over = in[3].ints()
	}
	fill := n.float("value", 0)
	if len(in) > 2 && in[2] != nil {
		fill = in[2].x[0]
	}
	shape, before := slices.Clone(x.shape), make([]int, rank)
	for i, a := range over {
		a = axis(a, rank)
		before[a] = pads[i]
		shape[a] += pads[i] + pads[i+len(over)]
	}
	out := filled(fill, shape...)
	each(shape, func(i int, index []int) {
		from := make([]int, rank)
		for a := range from {
			from[a] = index[a] - before[a]
			if from[a] < 0 || from[a] >= x.shape[a] {
				if n.text("mode") != "reflect" {
					return
				}
				from[a] = max(-from[a], min(from[a], 2*(x.shape[a]-1)-from[a]))
			}
		}
		out.x[i] = x.x[offset(x.shape, from)]
	})
	return out
}

func slice(n *node, in []*array, _ int) *array {
	x := in[0]
	rank := len(x.shape)
	starts, ends := given(n, in, "starts", 1), given(n, in, "ends", 2)
	over, steps := given(n, in, "axes", 3), given(n, in, "steps", 4)
	start, step, shape := make([]int, rank), make([]int, rank), slices.Clone(x.shape)
	for i := range step {
		step[i] = 1
	}
	for i := range starts {
		a := i
		if over != nil {
			a = axis(over[i], rank)
		}
		if steps != nil {
			step[a] = steps[i]
		}
		d := x.shape[a]
		from, to := axis(starts[i], d), axis(ends[i], d)
		if step[a] > 0 {
			from, to = min(max(from, 0), d), min(max(to, 0), d)
		} else {
			from, to = min(max(from, 0), d-1), min(max(to, -1), d-1)
		}
		start[a] = from
		shape[a] = max(0, int(math.Ceil(float64(to-from)/float64(step[a]))))
	}
	out := zeros(x.kind, shape...)
	each(shape, func(i int, index []int) {
		from := make([]int, rank)
		for a := range from {
			from[a] = start[a] + index[a]*step[a]
		}
		out.x[i] = x.x[offset(x.shape, from)]
	})
	return out
}

func concat(n *node, in []*array, _ int) *array {
	a := axis(n.int("axis", 1), len(in[0].shape))
	shape := slices.Clone(in[0].shape)
	shape[a] = 0
	for _, x := range in {
		shape[a] += x.shape[a]
	}
	out := zeros(in[0].kind, shape...)
	start := 0
	for _, x := range in {
		each(x.shape, func(i int, index []int) {
			to := slices.Clone(index)
			to[a] += start
			out.x[offset(shape, to)] = x.x[i]
		})
		start += x.shape[a]
	}
	return out
}

func split(n *node, in []*array) (parts []*array) {
	x := in[0]
	a := axis(n.int("axis", 0), len(x.shape))
	sizes := given(n, in, "split", 1)
	if sizes == nil {
		k := len(n.out)
		each := (x.shape[a] + k - 1) / k
		for i := range k {
			sizes = append(sizes, min(each, x.shape[a]-i*each))
		}
	}
	start := 0
	for _, d := range sizes {
		part := &node{op: "Slice", attrs: []attr{al("starts", start), al("ends", start+d), al("axes", a)}}
		parts = append(parts, slice(part, []*array{x}, 0))
		start += d
	}
	return parts
}

func gather(n *node, in []*array, _ int) *array {
	x, which := in[0], in[1]
	a := axis(n.int("axis", 0), len(x.shape))
	shape := slices.Concat(x.shape[:a], which.shape, x.shape[a+1:])
	out := zeros(x.kind, shape...)
	each(shape, func(i int, index []int) {
		k := int(which.x[offset(which.shape, index[a:a+len(which.shape)])])
		from := slices.Concat(index[:a], []int{axis(k, x.shape[a])}, index[a+len(which.shape):])
		out.x[i] = x.x[offset(x.shape, from)]
	})
	return out
}

func expand(_ *node, in []*array, _ int) *array {
	out := zeros(in[0].kind, broadcast(in[0], zeros(integers, in[1].ints()...))...)
	each(out.shape, func(i int, index []int) { out.x[i] = in[0].at(index) })
	return out
}

func tile(_ *node, in []*array, _ int) *array {
	x, shape := in[0], slices.Clone(in[0].shape)
	for i, times := range in[1].ints() {
		shape[i] *= times
	}
	out := zeros(x.kind, shape...)
	each(shape, func(i int, index []int) {
		from := slices.Clone(index)
		for a, d := range x.shape {
			from[a] %= d
		}
		out.x[i] = x.x[offset(x.shape, from)]
	})
	return out
}

func permuted(x *array, perm []int) *array {
	shape := make([]int, len(perm))
	for i, a := range perm {
		shape[i] = x.shape[a]
	}
	out := zeros(x.kind, shape...)
	each(shape, func(i int, index []int) {
		from := make([]int, len(perm))
		for k, a := range perm {
			from[a] = index[k]
		}
		out.x[i] = x.x[offset(x.shape, from)]
	})
	return out
}

func transpose(n *node, in []*array, _ int) *array {
	perm := n.ints("perm")
	if n.has("perm") == nil {
		for i := range in[0].shape {
			perm = append(perm, len(in[0].shape)-1-i)
		}
	}
	return permuted(in[0], perm)
}

func flatten(n *node, in []*array, _ int) *array {
	a := axis(n.int("axis", 1), len(in[0].shape))
	return in[0].view([]int{count(in[0].shape[:a]), count(in[0].shape[a:])})
}

func reshape(n *node, in []*array, _ int) *array {
	x, shape := in[0], slices.Clone(in[1].ints())
	rest, open := len(x.x), -1
	for i, d := range shape {
		switch {
		case d == 0 && n.int("allowzero", 0) == 0:
			shape[i] = x.shape[i]
		case d == -1:
			open = i
			continue
		}
		rest /= max(1, shape[i])
	}
	if open >= 0 {
		shape[open] = rest
	}
	return x.view(shape)
}

func squeeze(n *node, in []*array, _ int) *array {
	x, shape := in[0], []int{}
	list := given(n, in, "axes", 1)
	drop := axes(list, len(x.shape))
	for i, d := range x.shape {
		listed := slices.Contains(drop, i) || list == nil && d == 1
		if listed && d != 1 {
			panic(fmt.Sprintf("zoo: squeezes axis %d of %v", i, x.shape))
		}
		if !listed {
			shape = append(shape, d)
		}
	}
	return x.view(shape)
}

func unsqueeze(n *node, in []*array, _ int) *array {
	list := given(n, in, "axes", 1)
	shape := slices.Clone(in[0].shape)
	for _, a := range axes(list, len(shape)+len(list)) {
		shape = slices.Insert(shape, a, 1)
	}
	return in[0].view(shape)
}

// cast knows the types float, float64, int32, int64 and bool.
func cast(n *node, in []*array, _ int) *array {
	out := &array{in[0].shape, floats, in[0].x}
	switch n.int("to", 0) {
	case 6, 7:
		out = mapped(in[0], math.Trunc)
		out.kind = integers
	case 9:
		out = mapped(in[0], func(x float64) float64 { return truth(x != 0) })
		out.kind = booleans
	}
	return out
}

func shapeOf(n *node, in []*array, _ int) *array {
	s := in[0].shape
	if n.op == "Size" {
		return list(count(s)).view(nil)
	}
	from, to := axis(n.int("start", 0), len(s)), axis(n.int("end", len(s)), len(s))
	return list(s[from:to]...)
}

func constant(n *node, _ []*array, _ int) *array {
	for _, a := range n.attrs {
		switch a.name {
		case "value":
			return a.t
		case "value_float":
			return filled(float64(a.f))
		case "value_int":
			return list(a.i).view(nil)
		case "value_ints":
			return list(a.l...)
		case "value_floats":
			out := zeros(floats, len(a.fs))
			for i, x := range a.fs {
				out.x[i] = float64(x)
			}
			return out
		}
	}
	panic("zoo: a constant without a value")
}

func constantOfShape(n *node, in []*array, _ int) *array {
	out := zeros(floats, in[0].ints()...)
	if a := n.has("value"); a != nil {
		out.kind = a.t.kind
		for i := range out.x {
			out.x[i] = a.t.x[0]
		}
	}
	return out
}

func rangeOf(_ *node, in []*array, _ int) *array {
	out := &array{kind: in[0].kind}
	for x := in[0].x[0]; (in[1].x[0]-x)*in[2].x[0] > 0; x += in[2].x[0] {
		out.x = append(out.x, x)
	}
	out.shape = []int{len(out.x)}
	return out
}
