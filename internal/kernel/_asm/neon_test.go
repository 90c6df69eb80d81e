package main

import (
	"os"
	"strings"
	"testing"
)

// What docs/performance.md says of the kernels for arm64 is what the generator counts.
func TestCosts(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	writeCosts(&table)
	if !strings.Contains(string(doc), table.String()) {
		t.Errorf("docs/performance.md lacks this table:\n%s", table.String())
	}
}

// A word that is not the instruction that its comment says must not get out.
func TestWordIsChecked(t *testing.T) {
	for _, tt := range []struct {
		word uint32
		text string
		ok   bool
	}{
		{0x4e22d420, "fadd v0.4s, v1.4s, v2.4s", true},
		{0x4e22d420, "fadd v0.4s, v2.4s, v1.4s", false},
		{0x4e22cc20, "fadd v0.4s, v1.4s, v2.4s", false}, // A fused multiply-add.
		{0xffffffff, "fadd v0.4s, v1.4s, v2.4s", false},
	} {
		func() {
			defer func() {
				if ok := recover() == nil; ok != tt.ok {
					t.Errorf("%#08x as %s: accepted is %v", tt.word, tt.text, ok)
				}
			}()
			a := &armFunc{file: &armFile{}}
			a.word(tt.word, tt.text)
		}()
	}
}
