package report

import "slices"

// maxMatrix is up to how many classes there is a matrix. Of more, only the pairs
// that got worse are shown.
const maxMatrix = 20

// maxPairs is how many pairs are listed.
const maxPairs = 12

// pair is a class and what it was taken for.
type pair struct {
	Label, Answer string
	Trained       int // Images on which the trained network says so.
	Spiking       int
}

// worse returns the pairs of classes that the spiking network confuses more often
// than the trained one, the worst first; without a trained network all that it confuses.
func (run *Run) worse() []pair {
	type key struct{ label, answer int }
	trained, spiking := make(map[key]int), make(map[key]int)
	p := &run.Result.Predictions
	for i, label := range p.Label {
		if p.Trained != nil {
			trained[key{label, p.Trained[i]}]++
		}
		spiking[key{label, p.Spiking[i]}]++
	}
	var keys []key
	for k, n := range spiking {
		if k.label != k.answer && n > trained[k] {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b key) int {
		if d := (spiking[b] - trained[b]) - (spiking[a] - trained[a]); d != 0 {
			return d
		}
		if a.label != b.label {
			return a.label - b.label
		}
		return a.answer - b.answer
	})
	var list []pair
	for _, k := range keys[:min(len(keys), maxPairs)] {
		list = append(list, pair{run.class(k.label), run.class(k.answer), trained[k], spiking[k]})
	}
	return list
}

// matrix counts, for every class, what the spiking network takes its images for.
type matrix struct {
	Classes []string
	Cells   [][]cell // [label][answer]
}

type cell struct {
	N, Trained int
	Share      num  // Of the images of the label, 0 to 1.
	Diagonal   bool // The answer is right.
}

// confusion returns the matrix; nil if there are too many classes for one.
func (run *Run) confusion() *matrix {
	n := run.classes()
	if n > maxMatrix || n < 2 {
		return nil
	}
	m := &matrix{Cells: make([][]cell, n)}
	for k := range n {
		m.Classes = append(m.Classes, run.class(k))
		m.Cells[k] = make([]cell, n)
		m.Cells[k][k].Diagonal = true
	}
	total := make([]int, n)
	p := &run.Result.Predictions
	for i, label := range p.Label {
		m.Cells[label][p.Spiking[i]].N++
		if p.Trained != nil {
			m.Cells[label][p.Trained[i]].Trained++
		}
		total[label]++
	}
	for i, row := range m.Cells {
		for j := range row {
			if total[i] > 0 {
				row[j].Share = num(row[j].N) / num(total[i])
			}
		}
	}
	return m
}
