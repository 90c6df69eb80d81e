package zoo

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sresnet/onnx"
)

// example is an operator as it is taken, and as it is not: behind an image x of four
// channels, which is linear, or at the end, behind the logits.
type example struct {
	taken, refused func(m *maker, x string) string
	end            bool   // taken stands at the end.
	as             string // What it is taken for, where no node of its name tells.
}

// plain is an example that takes the operator alone.
func plain(op string, attrs ...attr) func(m *maker, x string) string {
	return func(m *maker, x string) string { return m.add(op, ins(x), attrs...) }
}

// against is one with a constant behind x.
func against(op string, c *array, attrs ...attr) func(m *maker, x string) string {
	return func(m *maker, x string) string { return m.add(op, ins(x, m.initial(c)), attrs...) }
}

// chose is a choice by whether x is above a number.
func chose(op string, number float64) func(m *maker, x string) string {
	return func(m *maker, x string) string {
		which := m.add(op, ins(x, m.initial(filled(number))))
		if op[0] == 'L' {
			return m.add("Where", ins(which, m.initial(filled(0)), x))
		}
		return m.add("Where", ins(which, x, m.initial(filled(0))))
	}
}

const (
	view  = "nothing: the same elements"
	relus = "a ReLU"
)

// examples are those of operators that compute activations, or stand at the end.
var examples = map[string]example{
	"Abs":         {taken: plain("Abs")},
	"Add":         {taken: func(m *maker, x string) string { return m.add("Add", ins(x, m.relu(x))) }, refused: against("Add", sloped(1, 4, 6, 6))},
	"ArgMax":      {taken: plain("ArgMax", ai("axis", 1)), end: true, refused: plain("ArgMax", ai("axis", 0))},
	"Atan":        {taken: plain("Atan"), end: true, refused: plain("Atan")},
	"AveragePool": {taken: plain("AveragePool", al("kernel_shape", 2, 2)), refused: plain("AveragePool", al("kernel_shape", 2, 2), al("pads", -1, 0, 0, 0))},
	"BatchNormalization": {taken: func(m *maker, x string) string { return m.bn(x) }, refused: func(m *maker, x string) string {
		each := m.initial(sloped(4, 6, 6))
		return m.add("BatchNormalization", ins(x, each, each, each, each), ai("spatial", 0))
	}},
	"Cast":   {taken: plain("Cast", ai("to", 1)), as: view, refused: plain("Cast", ai("to", 7))},
	"Celu":   {taken: plain("Celu"), end: true, refused: plain("Celu")},
	"Ceil":   {taken: rounded("Ceil", -0.5), as: "a ReLU with a bound, rounded to levels", refused: plain("Ceil")},
	"Clip":   {taken: func(m *maker, x string) string { return m.relu6(x) }},
	"Concat": {taken: func(m *maker, x string) string { return m.add("Concat", ins(x, m.relu(x)), ai("axis", 1)) }, refused: func(m *maker, x string) string { return m.add("Concat", ins(x, x), ai("axis", 2)) }},
	"Conv": {taken: func(m *maker, x string) string { return m.convolution(x, 4, 3, 1, 1) }, refused: func(m *maker, x string) string {
		return m.add("Conv", ins(m.add("Transpose", ins(x), al("perm", 0, 1, 3, 2)), m.initial(sloped(4, 4, 1, 1))))
	}},
	"DequantizeLinear": {taken: nil},
	"Div":              {taken: against("Div", filled(2)), refused: func(m *maker, x string) string { return m.add("Div", ins(x, m.relu(x))) }},
	"Dropout":          {taken: plain("Dropout"), as: view},
	"Elu":              {taken: plain("Elu", af("alpha", 0)), refused: plain("Elu")},
	"Erf":              {taken: plain("Erf"), end: true, refused: plain("Erf")},
	"Exp":              {taken: plain("Exp"), end: true, refused: plain("Exp")},
	"Expand": {taken: func(m *maker, x string) string { return m.add("Expand", ins(x, m.initial(list(m.shape(x)...)))) }, as: view, refused: func(m *maker, x string) string {
		return m.add("Expand", ins(m.add("GlobalAveragePool", ins(x)), m.initial(list(1, 4, 6, 6))))
	}},
	"Flatten": {taken: plain("Flatten"), as: "Flatten"},
	"Floor":   {taken: rounded("Floor", 0.5), as: "a ReLU with a bound, rounded to levels", refused: plain("Floor")},
	"Gather":  {taken: against("Gather", list(2, 0), ai("axis", 1)), refused: against("Gather", list(2, 0), ai("axis", 2))},
	"Gemm": {taken: func(m *maker, x string) string { return m.fully(m.add("Flatten", ins(x)), 4) }, refused: func(m *maker, x string) string {
		return m.add("Gemm", ins(m.add("Flatten", ins(x), ai("axis", 3)), m.initial(sloped(6, 4))))
	}},
	"GlobalAveragePool": {taken: plain("GlobalAveragePool")},
	"GlobalMaxPool":     {taken: plain("GlobalMaxPool")},
	"Greater":           {taken: chose("Greater", 0), as: relus, refused: chose("Greater", 1)},
	"GreaterOrEqual":    {taken: chose("GreaterOrEqual", 0), as: relus, refused: chose("GreaterOrEqual", 1)},
	"HardSigmoid":       {taken: plain("HardSigmoid"), as: "a ReLU with a bound, scaled"},
	"Identity":          {taken: plain("Identity"), as: view},
	"LeakyRelu":         {taken: plain("LeakyRelu")},
	"Less":              {taken: chose("Less", 0), as: relus, refused: chose("Less", 1)},
	"LessOrEqual":       {taken: chose("LessOrEqual", 0), as: relus, refused: chose("LessOrEqual", 1)},
	"Log":               {taken: func(m *maker, x string) string { return m.add("Log", ins(m.add("Softmax", ins(x), ai("axis", 1)))) }, end: true, refused: func(m *maker, x string) string { return m.add("Log", ins(m.add("Exp", ins(x)))) }},
	"LogSoftmax":        {taken: plain("LogSoftmax", ai("axis", 1)), end: true, refused: plain("LogSoftmax", ai("axis", 1))},
	"MatMul": {taken: func(m *maker, x string) string {
		return m.add("MatMul", ins(m.add("Flatten", ins(x)), m.initial(sloped(144, 4))))
	}, refused: against("MatMul", sloped(6, 6))},
	"Max":     {taken: against("Max", filled(0)), refused: func(m *maker, x string) string { return m.add("Max", ins(x, m.convolution(x, 4, 1, 1, 1))) }},
	"MaxPool": {taken: plain("MaxPool", al("kernel_shape", 2, 2)), refused: plain("MaxPool", al("kernel_shape", 2, 2), al("pads", -1, 0, 0, 0))},
	"Min":     {taken: func(m *maker, x string) string { return m.add("Min", ins(m.relu(x), m.initial(filled(6)))) }, refused: func(m *maker, x string) string { return m.add("Min", ins(x, m.convolution(x, 4, 1, 1, 1))) }},
	"Mul":     {taken: against("Mul", filled(2)), refused: func(m *maker, x string) string { return m.add("Mul", ins(x, m.relu(x))) }},
	"Neg":     {taken: plain("Neg"), as: "a scale of -1"},
	"Not": {taken: func(m *maker, x string) string {
		return m.add("Where", ins(m.add("Not", ins(m.add("Less", ins(x, m.initial(filled(0)))))), x, m.initial(filled(0))))
	}, as: relus},
	"PRelu": {taken: against("PRelu", sloped(4, 1, 1)), refused: against("PRelu", sloped(4, 6, 6))},
	"Pad": {taken: func(m *maker, x string) string { return m.padded(x, 0, 0, 1, 1, 0, 0, 1, 1) }, refused: func(m *maker, x string) string {
		return m.add("Pad", ins(x, m.initial(list(0, 0, 1, 1, 0, 0, 1, 1))), as("mode", "reflect"))
	}},
	"QuantizeLinear": {taken: nil},
	"ReduceMax":      {taken: plain("ReduceMax", al("axes", 2, 3)), refused: plain("ReduceMax", al("axes", 1))},
	"ReduceMean":     {taken: plain("ReduceMean", al("axes", 2, 3)), refused: plain("ReduceMean", al("axes", 0))},
	"ReduceSum":      {taken: against("ReduceSum", list(2, 3)), refused: against("ReduceSum", list(0))},
	"Relu":           {taken: plain("Relu")},
	"Reshape": {taken: func(m *maker, x string) string { return m.add("Reshape", ins(x, m.initial(list(1, -1)))) }, as: "Flatten", refused: func(m *maker, x string) string {
		return m.convolution(m.add("Reshape", ins(x, m.initial(list(1, 4, 9, 4)))), 4, 1, 1, 1)
	}},
	"Round":   {taken: rounded("Round", 0), as: "a ReLU with a bound, rounded to levels", refused: plain("Round")},
	"Selu":    {taken: plain("Selu"), end: true, refused: plain("Selu")},
	"Shape":   {taken: func(m *maker, x string) string { return m.add("Reshape", ins(x, m.add("Shape", ins(x)))) }, as: "a constant"},
	"Sigmoid": {taken: plain("Sigmoid"), end: true, refused: plain("Sigmoid")},
	"Sinh":    {taken: plain("Sinh"), end: true, refused: plain("Sinh")},
	"Size": {taken: func(m *maker, x string) string {
		return m.add("Reshape", ins(x, m.add("Concat", ins(m.initial(list(1)), m.add("Reshape", ins(m.add("Size", ins(x)), m.initial(list(1))))), ai("axis", 0))))
	}, as: "a constant"},
	"Slice":    {taken: func(m *maker, x string) string { return m.sliced(x, 1, 0, 2, 1) }, refused: func(m *maker, x string) string { return m.sliced(x, 2, -1, -1<<40, -1) }},
	"Softmax":  {taken: plain("Softmax", ai("axis", 1)), end: true, refused: plain("Softmax", ai("axis", 1))},
	"Softplus": {taken: plain("Softplus"), end: true, refused: plain("Softplus")},
	"Softsign": {taken: plain("Softsign"), end: true, refused: plain("Softsign")},
	"Split": {taken: func(m *maker, x string) string {
		return m.addN(2, "Split", ins(x, m.initial(list(2, 2))), ai("axis", 1))[0]
	}, as: "the channels that are used", refused: func(m *maker, x string) string {
		return m.addN(2, "Split", ins(x, m.initial(list(3, 3))), ai("axis", 2))[0]
	}},
	"Squeeze":         {taken: func(m *maker, x string) string { return m.squeezed(m.add("GlobalAveragePool", ins(x)), 2, 3) }, as: "Flatten"},
	"Sub":             {taken: against("Sub", filled(0.25)), refused: against("Sub", sloped(1, 4, 6, 6))},
	"Sum":             {taken: func(m *maker, x string) string { return m.add("Sum", ins(x, m.relu(x), x)) }},
	"Tanh":            {taken: plain("Tanh"), end: true, refused: plain("Tanh")},
	"ThresholdedRelu": {taken: plain("ThresholdedRelu", af("alpha", 0)), refused: plain("ThresholdedRelu")},
	"Tile":            {taken: against("Tile", list(1, 1, 1, 1)), as: view, refused: against("Tile", list(1, 1, 2, 2))},
	"TopK": {taken: func(m *maker, x string) string { return m.addN(2, "TopK", ins(x, m.initial(list(1))))[1] }, end: true, refused: func(m *maker, x string) string {
		return m.addN(2, "TopK", ins(m.add("Flatten", ins(x)), m.initial(list(1))))[0]
	}},
	"Transpose": {taken: func(m *maker, x string) string { return m.first(m.last(x)) }, as: view, refused: func(m *maker, x string) string {
		return m.convolution(m.add("Transpose", ins(x), al("perm", 0, 1, 3, 2)), 4, 1, 1, 1)
	}},
	"Unsqueeze": {taken: func(m *maker, x string) string { return m.squeezed(m.unsqueezed(x, 2), 2) }, as: view},
	"Where": {taken: chose("Greater", 0), refused: func(m *maker, x string) string {
		return m.add("Where", ins(m.add("Greater", ins(x, m.initial(filled(0)))), m.initial(filled(1)), m.initial(filled(0))))
	}},
}

// sloped is a constant that differs everywhere.
func sloped(shape ...int) *array {
	a := zeros(floats, shape...)
	for i := range a.x {
		a.x[i] = float64(i%7+1) / 16
	}
	return a
}

// rounded is a ReLU with a bound that is rounded to steps.
func rounded(op string, shift float64) func(m *maker, x string) string {
	return func(m *maker, x string) string {
		number := func(v float64) string { return m.initial(filled(v)) }
		y := m.add("Mul", ins(m.add("Clip", ins(x, number(0), number(2))), number(2)))
		if shift != 0 {
			y = m.add("Add", ins(y, number(shift)))
		}
		return m.add("Div", ins(m.add(op, ins(y)), number(2)))
	}
}

// network is one in which f stands behind a convolution, or at the end.
func network(f func(m *maker, x string) string, end bool) (m *maker, name string) {
	m = newMaker(1)
	m.opset = 13
	x := m.convolution(m.image(3, 6, 6), 4, 3, 1, 1)
	if end {
		m.logits = m.classifier(x)
		m.head = f(m, m.logits)
		name = m.head
	} else {
		name = f(m, x)
		switch y := name; {
		case len(m.shape(y)) == 4:
			m.logits = m.fully(m.add("Flatten", ins(y)), 4)
		default:
			m.logits = m.fully(y, 4)
		}
		m.head = m.logits
	}
	m.outputs = ins(m.head)
	return m, name
}

// operatorTable is the table of operators.
func operatorTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("\n| operator | of activations | of constants | refused, for example |\n|---|---|---|---|\n")
	for _, o := range onnx.Operators() {
		as, why, constants := "", "", ""
		if o.Constants {
			constants = "computed"
		}
		e, ok := examples[o.Name]
		if !ok && (o.Activations || o.End) {
			t.Errorf("%s has no example", o.Name)
		}
		if e.taken != nil {
			m, name := network(e.taken, e.end)
			if cell, ok := imports(m); !ok {
				t.Errorf("%s: %s", o.Name, cell)
			}
			switch g, err := onnx.Parse(m.encode()); {
			case err != nil:
				t.Errorf("%s: %v", o.Name, err)
			case e.end:
				as = "at the end: nothing"
			case e.as != "":
				as = e.as
			case g.Node(name) != nil:
				as = g.Node(name).Op.Type()
			default:
				t.Errorf("%s: no node %s in\n%v", o.Name, name, g)
			}
		}
		if e.refused != nil {
			m, _ := network(e.refused, false)
			_, err := onnx.Parse(m.encode())
			var u *onnx.UnsupportedError
			if !errors.As(err, &u) {
				t.Errorf("%s: error %v, want one about nodes", o.Name, err)
			} else {
				why = u.Nodes[0].Reason
				for _, n := range u.Nodes {
					if n.Op == o.Name {
						why = n.Reason
					}
				}
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", o.Name, as, constants, why)
	}
	b.WriteString("\n")
	return b.String()
}
