package program

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	all := []Platform{{"linux", "amd64"}, {"linux", "arm64"}, {"windows", "amd64"}}
	if got, err := Choose("all", all); err != nil || len(got) != 3 {
		t.Errorf("all: got %v, %v", got, err)
	}
	if got, err := Choose("windows/amd64,linux/arm64", all); err != nil || fmt.Sprint(got) != "[windows/amd64 linux/arm64]" || got[0].File() != "sresnet.exe" || got[1].File() != "sresnet" {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := Choose("host", []Platform{Host}); err != nil || len(got) != 1 || got[0] != Host {
		t.Errorf("host: got %v, %v", got, err)
	}
	if _, err := Choose("plan9/amd64", all); err == nil || !strings.Contains(err.Error(), "linux/arm64") {
		t.Errorf("got error %v, want one that lists the platforms", err)
	}
}

// Of what is beside a module, the files that have to be handed on are its licence.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	if err := new(Licence).read(dir); err == nil {
		t.Error("a folder without a licence has one")
	}
	for _, name := range []string{"LICENSE-MIT", "NOTICE", "license.go", "README"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("text of "+name+"\r\n\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "licenses"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "licenses", "ftl.txt"), []byte("more"), 0o600); err != nil {
		t.Fatal(err)
	}
	var l Licence
	if err := l.read(dir); err != nil || fmt.Sprintf("%q %q", l.Files, l.Texts) != `["LICENSE-MIT" "NOTICE" "licenses/ftl.txt"] ["text of LICENSE-MIT" "text of NOTICE" "more"]` {
		t.Errorf("got %q %q, %v", l.Files, l.Texts, err)
	}
}

// The program that is built has Go and all its modules in its notices.
func TestNotices(t *testing.T) {
	ctx := context.Background()
	root, err := Root(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Build(ctx, root, t.TempDir(), Host)
	if err != nil {
		t.Fatal(err)
	}
	notices, err := p.Notices(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Modules()) < 10 || !strings.Contains(string(notices), "\n==== Go 1.") {
		t.Errorf("%d modules, notices of %d bytes", len(p.Modules()), len(notices))
	}
	for _, m := range p.Modules() {
		if !strings.Contains(string(notices), "\n==== "+m.Path+" "+m.Version+": ") {
			t.Errorf("no licence of %s %s", m.Path, m.Version)
		}
	}
}
