package chip

import (
	"fmt"
	"io"
	"strings"

	"sresnet/internal/hint"
	"sresnet/internal/terminal"
)

// tooMuch marks numbers that the chip has not.
const tooMuch = "!"

// text returns what is needed, with a mark if that is too much.
func (n *Need) text() string {
	s := "real"
	if n.Needs != nil {
		s = fmt.Sprint(*n.Needs)
	}
	if !n.Fits {
		s += tooMuch
	}
	return s
}

// Print writes a table of what every population needs, and lists of what does not fit and of
// what else there is to know, of no chip nothing. spell says how an option is written.
func (r *Report) Print(w io.Writer, spell func(option string) string) {
	if r == nil {
		return
	}
	terminal.Printf(w, "%s\n\n", r.verdict())
	header, align := []string{"population", "neurons", "cores"}, "lrr"
	for _, c := range r.columns {
		if c != "" {
			header, align = append(header, c), align+"r"
		}
	}
	t := terminal.NewTable(align, header...)
	most := []any{"at most", "", ""}
	for i, p := range r.Populations {
		row := []any{p.Name, p.Neurons, p.Cores}
		for j, c := range r.columns {
			if c == "" {
				continue
			}
			row = append(row, p.Needs[j].text())
			if i == 0 {
				most = append(most, p.Needs[j].Most)
			}
		}
		t.Append(row...)
	}
	t.Footer(most...)
	t.Print(w)
	r.printWhole(w)
	r.printMisfits(w)
	if r.Advice != "" {
		terminal.Printf(w, "%s\n\n", hint.Render(r.Advice, spell))
	}
	fmt.Fprintf(w, "What else there is to know of %s:\n", r.Title)
	for _, n := range r.Notes {
		terminal.Printf(w, "  - %s\n", n)
	}
	fmt.Fprintln(w)
}

// verdict says in a sentence whether the network fits.
func (r *Report) verdict() string {
	if r.Fits {
		return fmt.Sprintf("%s has all that the network needs, as far as its limits are published.", r.Title)
	}
	return fmt.Sprintf("The network does not fit %s: what has a %s is more than there is.", r.Title, tooMuch)
}

// printWhole writes what all populations need together.
func (r *Report) printWhole(w io.Writer) {
	var words []string
	for i := range r.Whole {
		n := &r.Whole[i]
		w := n.Of + " " + n.text()
		if n.Most > 0 {
			w += fmt.Sprintf(" of %d", n.Most)
		}
		words = append(words, w)
	}
	terminal.Printf(w, "All together: %s.\n\n", strings.Join(words, "; "))
}

// misfit is a limit that some populations do not keep.
type misfit struct {
	need  Need
	most  int // That one of them needs; real if no whole number.
	names []string

	channels int // That need too much, of all populations; 0 if channels do not count.
}

// misfits returns the limits that are not kept.
func (r *Report) misfits() []misfit {
	var list []misfit
	at := make(map[string]int)
	add := func(n Need, name string) {
		if n.Fits {
			return
		}
		i, ok := at[n.Of]
		if !ok {
			i = len(list)
			at[n.Of], list = i, append(list, misfit{need: n, most: real})
		}
		m := &list[i]
		if n.Needs != nil {
			m.most = max(m.most, *n.Needs)
		}
		m.channels += n.Beyond
		if name != "" {
			m.names = append(m.names, name)
		}
	}
	for _, p := range r.Populations {
		for _, n := range p.Needs {
			add(n, p.Name)
		}
	}
	for _, n := range r.Whole {
		add(n, "")
	}
	return list
}

// maxNames is how many names of populations a line has.
const maxNames = 3

func (r *Report) printMisfits(w io.Writer) {
	list := r.misfits()
	if len(list) == 0 {
		return
	}
	fmt.Fprintln(w, "What does not fit:")
	for _, m := range list {
		terminal.Printf(w, "  - %s\n", terminal.Clean(m.text(len(r.Populations))))
	}
	fmt.Fprintln(w)
}

// text says what is too much, and where.
func (m *misfit) text(populations int) string {
	needs := fmt.Sprint(m.most)
	switch {
	case m.most == real:
		needs = "real numbers"
	case len(m.names) > 1:
		needs = "up to " + needs
	}
	s := m.need.Of + ": "
	switch {
	case m.need.Most > 0:
		s += fmt.Sprintf("%s, where the chip has %d", needs, m.need.Most)
	case len(m.names) == 0: // It counts what is left over.
		s += needs
	case m.most > 1:
		s += needs + ", where the chip has none"
	default:
		s += "the chip has none"
	}
	in := ", in "
	if m.channels > 0 {
		in = fmt.Sprintf(", in %s of ", terminal.Plural(m.channels, "channel", "channels"))
	}
	switch n := len(m.names); {
	case n == populations:
		s += in + "all populations"
	case n > maxNames:
		s += in + fmt.Sprintf("%s and %d more", strings.Join(m.names[:maxNames], ", "), n-maxNames)
	case n > 0:
		s += in + strings.Join(m.names, ", ")
	}
	return s
}
