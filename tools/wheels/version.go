package main

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	// pseudo is a version that Go makes of a commit after, or before, a release.
	pseudo = regexp.MustCompile(`^(\d+\.\d+\.\d+)-(?:(?:([a-z]+\.?\d+)\.)?0\.)?(\d{14})-([0-9a-f]{12})$`)
	// release is a version that a person gave.
	release = regexp.MustCompile(`^(\d+\.\d+\.\d+)(?:-([a-z]+)\.?(\d+))?$`)
	early   = regexp.MustCompile(`^([a-z]+)\.?(\d+)$`)
)

// letters are what Python calls kinds of versions before a release.
var letters = map[string]string{"alpha": "a", "a": "a", "beta": "b", "b": "b", "rc": "rc"}

// pythonVersion returns the version of Go's module as Python has it (PEP 440), in the same
// order: v1.2.0-rc.1 is 1.2.0rc1, a commit after v1.2.3 is a 1.2.4.dev of its time.
func pythonVersion(v string) (string, error) {
	if v == "" || v == "(devel)" { // Built without a repository.
		return "0.0.0.dev0", nil
	}
	number, dirty := strings.CutSuffix(strings.TrimPrefix(v, "v"), "+dirty")
	local := ""
	if dirty {
		local = "dirty"
	}
	if m := pseudo.FindStringSubmatch(number); m != nil {
		p := m[1]
		if m[2] != "" {
			e := early.FindStringSubmatch(m[2])
			if letters[e[1]] == "" {
				return "", fmt.Errorf("%s is no version that Python has", v)
			}
			p += letters[e[1]] + e[2] + ".post1" // A .dev of the version itself would be before it.
		}
		local = strings.TrimSuffix("g"+m[4]+"."+local, ".")
		return p + ".dev" + m[3] + "+" + local, nil
	}
	m := release.FindStringSubmatch(number)
	if m == nil || m[2] != "" && letters[m[2]] == "" {
		return "", fmt.Errorf("%s is no version that Python has", v)
	}
	p := m[1]
	if m[2] != "" {
		p += letters[m[2]] + m[3]
	}
	if local != "" {
		p += "+" + local
	}
	return p, nil
}

// versionFile is the module that says which program belongs to the package.
func versionFile(python, program string) []byte {
	return fmt.Appendf(nil, `"""Written when the wheel was made."""

VERSION = %q
PROGRAM = %q
`, python, program)
}
