package onnx

import (
	"errors"
	"fmt"
	"strings"
)

// model, graph and node are what is used of ModelProto, GraphProto and
// NodeProto. Attributes and tensors stay undecoded bytes of the file until asked
// for, so that subgraphs, however deep, are never entered.
type model struct {
	opset int64 // Of the standard operators; 0 for none.
	graph *graph
}

type graph struct {
	name    string
	nodes   []node
	inits   map[string][]byte // TensorProto by name.
	inputs  []valueInfo
	outputs []valueInfo
}

type node struct {
	name, op, domain string
	in, out          []string
	attrs            []attribute
}

// attribute is an AttributeProto, of which only the name is decoded.
type attribute struct {
	name string
	body []byte
}

// valueInfo is the declared name and shape of an input or output.
type valueInfo struct {
	name string
	dims []dim // nil if the shape is not given.
}

// dim is a length, or a name for one that is left open.
type dim struct {
	n     int64 // 0 if open.
	param string
}

// The limits keep the structures above within a few times the size of the file,
// whose smallest entries are only two bytes long. Networks stay far below them.
const (
	maxNodes      = 1 << 16
	maxEdges      = 1 << 18
	maxInits      = 1 << 17
	maxValues     = 1 << 16
	maxAttributes = 64 // Of one node.
	maxAxes       = 16
)

func parseModel(b []byte) (*model, error) {
	m := &model{}
	err := fields(b, func(f field) error {
		switch f.num {
		case 7:
			p, err := f.message()
			if err != nil {
				return err
			}
			if m.graph != nil {
				return errors.New("two graphs")
			}
			m.graph, err = parseGraph(p)
			return err
		case 8:
			p, err := f.message()
			if err != nil {
				return err
			}
			return m.parseOpset(p)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if m.graph == nil {
		return nil, errors.New("no graph in it")
	}
	return m, nil
}

func (m *model) parseOpset(b []byte) error {
	var domain string
	var version int64
	err := fields(b, func(f field) (err error) {
		switch f.num {
		case 1:
			domain, err = f.text()
		case 2:
			version, err = f.integer()
		}
		return err
	})
	if domain == "" || domain == "ai.onnx" {
		m.opset = version
	}
	return err
}

// The operator sets that the importer was written for. What the operators it reads
// compute has not changed from 21 to 24; these sets add types of elements and new
// operators, which are named where a network uses them.
const minOpset, maxOpset = 7, 24

func (m *model) check() error {
	switch {
	case m.opset == 0:
		return refused(exportOpset, "the model does not say which operator set it uses")
	case m.opset < minOpset:
		return refused(exportOpset, "operator set %d is too old", m.opset)
	case m.opset > maxOpset:
		return refused(exportOpset, "operator set %d is newer than those known here", m.opset)
	case len(m.graph.nodes) == 0:
		return refused(exportAgain, "the graph has no nodes")
	}
	return nil
}

func parseGraph(b []byte) (*graph, error) {
	g := &graph{inits: map[string][]byte{}}
	edges := 0
	err := fields(b, func(f field) error {
		switch f.num {
		case 1, 5, 11, 12, 2, 15:
		default:
			return nil
		}
		p, err := f.message()
		if err != nil {
			return err
		}
		switch f.num {
		case 1:
			if len(g.nodes) == maxNodes {
				return refused("take a smaller network", "more than %d nodes", maxNodes)
			}
			n, err := parseNode(p)
			if err != nil {
				return fmt.Errorf("node %d: %w", len(g.nodes), err)
			}
			if edges += len(n.in) + len(n.out); edges > maxEdges {
				return refused("take a smaller network", "more than %d inputs and outputs of nodes", maxEdges)
			}
			g.nodes = append(g.nodes, n)
		case 2:
			g.name, err = f.text()
		case 5:
			name, err := tensorName(p)
			if err != nil {
				return fmt.Errorf("initializer %d: %w", len(g.inits), err)
			}
			if _, twice := g.inits[name]; twice {
				return fmt.Errorf("two initializers are called %q", name)
			}
			if len(g.inits) == maxInits {
				return refused("take a smaller network", "more than %d initializers", maxInits)
			}
			g.inits[name] = p
		case 11:
			g.inputs, err = appendValue(g.inputs, p)
		case 12:
			g.outputs, err = appendValue(g.outputs, p)
		case 15:
			return refused("save the model with dense initializers", "sparse initializers are not read")
		}
		return err
	})
	return g, err
}

func parseNode(b []byte) (node, error) {
	var n node
	err := fields(b, func(f field) (err error) {
		switch f.num {
		case 1, 2:
			var s string
			s, err = f.text()
			if len(n.in)+len(n.out) >= maxEdges {
				return refused("take a smaller network", "more than %d inputs and outputs", maxEdges)
			}
			if f.num == 1 {
				n.in = append(n.in, s)
			} else {
				n.out = append(n.out, s)
			}
		case 3:
			n.name, err = f.text()
		case 4:
			n.op, err = f.text()
		case 5:
			var a attribute
			if a.body, err = f.message(); err != nil {
				return err
			}
			if len(n.attrs) == maxAttributes {
				return refused("take a smaller network", "more than %d attributes", maxAttributes)
			}
			err = fields(a.body, func(f field) (err error) {
				if f.num == 1 {
					a.name, err = f.text()
				}
				return err
			})
			n.attrs = append(n.attrs, a)
		case 7:
			n.domain, err = f.text()
		}
		return err
	})
	if err == nil && n.op == "" {
		err = errors.New("no operator")
	}
	if err == nil && (len(n.out) == 0 || n.out[0] == "") {
		err = fmt.Errorf("%s has no output", n.op)
	}
	if n.domain == "ai.onnx" {
		n.domain = ""
	}
	return n, err
}

// label is the name by which people know the node: its own, or that of its output.
func (n *node) label() string {
	if s := strings.TrimLeft(n.name, "/"); s != "" {
		return s
	}
	out := strings.TrimLeft(n.out[0], "/")
	if strings.Trim(out, "0123456789") == "" { // Some exporters number their values.
		return n.op + "_" + out
	}
	return out
}

func appendValue(vs []valueInfo, b []byte) ([]valueInfo, error) {
	if len(vs) == maxValues {
		return nil, refused("take a smaller network", "more than %d inputs or outputs", maxValues)
	}
	v, err := parseValueInfo(b)
	if err == nil && v.name == "" {
		err = errors.New("an input or output of the graph has no name")
	}
	return append(vs, v), err
}

// parseValueInfo reads ValueInfoProto{name = 1, type = 2}, within it
// TypeProto{tensor_type = 1} and TypeProto.Tensor{shape = 2}.
func parseValueInfo(b []byte) (v valueInfo, err error) {
	err = fields(b, func(f field) (err error) {
		if f.num == 1 {
			v.name, err = f.text()
			return err
		}
		return inner(f, 2, func(f field) error {
			return inner(f, 1, func(f field) error {
				if f.num == 2 {
					v.dims = []dim{} // A shape is given, if only that of a scalar.
				}
				return inner(f, 2, v.parseDim)
			})
		})
	})
	return v, err
}

// parseDim reads TensorShapeProto{dim = 1}.
func (v *valueInfo) parseDim(f field) error {
	if len(v.dims) == maxAxes {
		return refused("take a smaller network", "more than %d axes", maxAxes)
	}
	if f.num == 1 {
		v.dims = append(v.dims, dim{})
		return inner(f, 1, v.dims[len(v.dims)-1].parse)
	}
	return nil
}

func (d *dim) parse(f field) (err error) {
	switch f.num {
	case 1:
		d.n, err = f.integer()
	case 2:
		d.param, err = f.text()
	}
	if d.n < 0 { // Some exporters write -1 for an open batch.
		d.n = 0
	}
	return err
}

// inner calls g for the fields of the message in f if f is field num.
func inner(f field, num int32, g func(field) error) error {
	if int32(f.num) != num {
		return nil
	}
	p, err := f.message()
	if err != nil {
		return err
	}
	return fields(p, g)
}
