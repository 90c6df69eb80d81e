package host

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestSystemValue(t *testing.T) {
	file := filepath.Join(t.TempDir(), "info")
	if err := os.WriteFile(file, []byte("processor\t: 0\nmodel name\t: Chip: 3 GHz\n\nmodel name\t: another\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ file, key, want string }{
		{file, "model name", "Chip: 3 GHz"},
		{file, "model", ""},
		{file + "s", "model name", ""},
	} {
		if got := systemValue(tt.file, tt.key); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.key, got, tt.want)
		}
	}
}

func TestHost(t *testing.T) {
	if Processor() == "" {
		t.Error("the processor has no name")
	}
	if n := PeakMemory(); runtime.GOOS == "linux" && n < 1<<20 {
		t.Errorf("peak memory: %d bytes", n)
	}
}
