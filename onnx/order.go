package onnx

import (
	"container/heap"
	"fmt"
	"slices"
)

// order returns the nodes that output depends on, each after those it depends on
// and otherwise as in the file. It also returns which values they and the output
// use.
func (g *graph) order(output string) (nodes []*node, used map[string]bool, err error) {
	maker := make(map[string]int, len(g.nodes)) // Node by output.
	for i := range g.nodes {
		for _, out := range g.nodes[i].out {
			if out == "" {
				continue
			}
			if _, twice := maker[out]; twice {
				return nil, nil, nodeErr(&g.nodes[i], fmt.Errorf("another node has the same output, %q", out))
			}
			maker[out] = i
		}
	}
	given := make(map[string]bool, len(g.inputs)+len(g.inits))
	for _, in := range g.inputs {
		if given[in.name] {
			return nil, nil, fmt.Errorf("two inputs are called %q", in.name)
		}
		given[in.name] = true
	}
	for name := range g.inits {
		given[name] = true
	}
	for i := range g.nodes {
		for _, out := range g.nodes[i].out {
			if given[out] {
				return nil, nil, nodeErr(&g.nodes[i], fmt.Errorf("its output %q is also an input or initializer of the graph", out))
			}
		}
	}

	// Walk back from the output.
	used = map[string]bool{output: true}
	live := make([]bool, len(g.nodes))
	var stack []int
	if i, ok := maker[output]; ok {
		live[i] = true
		stack = append(stack, i)
	} else {
		return nil, nil, fmt.Errorf("no node computes the output %q", output)
	}
	for len(stack) > 0 {
		n := &g.nodes[stack[len(stack)-1]]
		stack = stack[:len(stack)-1]
		for _, in := range n.in {
			if in == "" { // An optional input that is not there.
				continue
			}
			used[in] = true
			i, ok := maker[in]
			if !ok && !given[in] {
				return nil, nil, nodeErr(n, fmt.Errorf("its input %q is neither computed nor given; is the file complete?", in))
			}
			if ok && !live[i] {
				live[i] = true
				stack = append(stack, i)
			}
		}
	}

	// Kahn's algorithm; the heap keeps the order of the file where it can be kept.
	waits := make([]int, len(g.nodes))
	next := make([][]int, len(g.nodes))
	var ready intHeap
	count := 0
	for i := range g.nodes {
		if !live[i] {
			continue
		}
		count++
		for _, in := range g.nodes[i].in {
			if j, ok := maker[in]; ok && in != "" {
				waits[i]++
				next[j] = append(next[j], i)
			}
		}
		if waits[i] == 0 {
			ready = append(ready, i)
		}
	}
	heap.Init(&ready)
	for len(ready) > 0 {
		i := heap.Pop(&ready).(int)
		nodes = append(nodes, &g.nodes[i])
		for _, j := range next[i] {
			if waits[j]--; waits[j] == 0 {
				heap.Push(&ready, j)
			}
		}
	}
	if len(nodes) < count {
		for i := range g.nodes {
			if live[i] && waits[i] > 0 {
				return nil, nil, nodeErr(&g.nodes[i], fmt.Errorf("it is part of a cycle, or follows one; a network must not feed back"))
			}
		}
	}
	return nodes, used, nil
}

// computes reports whether a node of g computes the named value.
func (g *graph) computes(name string) bool {
	for i := range g.nodes {
		if name != "" && slices.Contains(g.nodes[i].out, name) {
			return true
		}
	}
	return false
}

// intHeap is a heap of integers, the smallest first.
type intHeap []int

func (h intHeap) Len() int           { return len(h) }
func (h intHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h intHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *intHeap) Push(x any)        { *h = append(*h, x.(int)) }
func (h *intHeap) Pop() any {
	s := *h
	x := s[len(s)-1]
	*h = s[:len(s)-1]
	return x
}
