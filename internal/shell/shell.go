// Package shell writes and reads command lines of a POSIX shell, word by word.
package shell

import (
	"fmt"
	"strings"
)

// Quote returns s as one word.
func Quote(s string) string {
	special := func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+:,./@%", r)
	}
	if s != "" && strings.IndexFunc(s, special) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Join returns words as a command line.
func Join(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = Quote(w)
	}
	return strings.Join(quoted, " ")
}

// Split returns the words of a command line. It knows quotes and backslashes, as a
// shell does, and nothing else: variables, patterns and operators are letters.
func Split(line string) ([]string, error) {
	var (
		words []string
		word  strings.Builder
		begun bool // A word has begun; it may be empty yet.
		quote rune // That is open; 0 for none.
		plain bool // The next character stands for itself.
	)
	for _, r := range line {
		switch {
		case plain:
			if quote == '"' && r != '"' && r != '\\' {
				word.WriteByte('\\')
			}
			word.WriteRune(r)
			plain = false
		case r == '\\' && quote != '\'':
			plain, begun = true, true
		case r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, begun = r, true
		case quote == 0 && strings.ContainsRune(" \t\n", r):
			if begun {
				words = append(words, word.String())
				word.Reset()
				begun = false
			}
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	switch {
	case quote != 0:
		return nil, fmt.Errorf("%s: a quote %c is not closed", line, quote)
	case plain:
		return nil, fmt.Errorf("%s: ends with a backslash", line)
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}

// Fold is Join in lines that a shell reads as one, each at most width columns wide unless a word
// is wider; those after the first are indented.
func Fold(words []string, width int) string {
	var b strings.Builder
	n := 0
	for i, w := range words {
		w = Quote(w)
		switch {
		case i == 0:
		case n+1+len(w)+2 > width: // With a backslash after it.
			b.WriteString(" \\\n    ")
			n = 4
		default:
			b.WriteByte(' ')
			n++
		}
		b.WriteString(w)
		n += len(w)
	}
	return b.String()
}
