package nir

// AlongEdges returns the nodes so that edges go forward, where there is no loop;
// a node comes directly after the one that it waited for.
func (g *Graph) AlongEdges() []*Node {
	nodes, waits, next := make(map[string]*Node), make(map[string]int), make(map[string][]string)
	for _, n := range g.Nodes {
		nodes[n.Name] = n
	}
	for _, e := range g.Edges {
		if nodes[e.From] != nil && nodes[e.To] != nil {
			waits[e.To]++
			next[e.From] = append(next[e.From], e.To)
		}
	}
	var order []*Node
	done := make(map[string]bool)
	var stack []string
	drain := func() {
		for len(stack) > 0 {
			name := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if done[name] {
				continue
			}
			done[name] = true
			order = append(order, nodes[name])
			for _, to := range next[name] {
				if waits[to]--; waits[to] == 0 {
					stack = append(stack, to)
				}
			}
		}
	}
	for _, first := range []bool{true, false} { // Then what is in loops.
		for _, n := range g.Nodes {
			if !done[n.Name] && (waits[n.Name] == 0 || !first) {
				stack = append(stack, n.Name)
				drain()
			}
		}
	}
	return order
}
