package main

import "math"

// resize returns a plane of h rows and w columns in another size, each output the
// mean of what it covers under a triangle, which is bilinear interpolation where it
// grows and has no aliases where it shrinks.
func resize(x []float32, h, w, toH, toW int) []float32 {
	rows := make([]float32, 0, h*toW)
	across := triangles(w, toW)
	for y := range h {
		for _, t := range across {
			rows = append(rows, t.mean(x[y*w:], 1))
		}
	}
	out := make([]float32, 0, toH*toW)
	for _, t := range triangles(h, toH) {
		for column := range toW {
			out = append(out, t.mean(rows[column:], toW))
		}
	}
	return out
}

// triangle is the weights of one output: inputs from on.
type triangle struct {
	from    int
	weights []float32 // Their sum is 1.
}

func (t triangle) mean(x []float32, stride int) float32 {
	var sum float32
	for i, w := range t.weights {
		sum += float32(w * x[(t.from+i)*stride])
	}
	return sum
}

func triangles(n, to int) []triangle {
	list := make([]triangle, to)
	scale := float64(n) / float64(to)
	reach := max(scale, 1)
	for i := range list {
		centre := (float64(i) + 0.5) * scale
		from, end := max(int(centre-reach+0.5), 0), min(int(centre+reach+0.5), n)
		t, sum := triangle{from: from}, 0.0
		for j := from; j < end; j++ {
			w := max(1-math.Abs(float64(j)+0.5-centre)/reach, 0)
			t.weights = append(t.weights, float32(w))
			sum += w
		}
		for j := range t.weights {
			t.weights[j] /= float32(sum)
		}
		list[i] = t
	}
	return list
}
