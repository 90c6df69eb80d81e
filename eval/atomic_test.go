package eval

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// writeForever is the environment variable that makes the test binary replace the
// file it names for as long as it lives.
const writeForever = "EVAL_TEST_WRITE_FOREVER"

func TestMain(m *testing.M) {
	if name := os.Getenv(writeForever); name != "" {
		for i := byte(0); ; i++ {
			_ = writeFile(name, func(w io.Writer) error {
				_, err := w.Write(bytes.Repeat([]byte{'a' + i%26}, 1<<20))
				return err
			})
		}
	}
	os.Exit(m.Run())
}

// A process killed at any moment leaves a file that is whole.
func TestWriteFileKilled(t *testing.T) {
	name := filepath.Join(t.TempDir(), "accuracy.csv")
	self, err := os.Executable()
	if err != nil {
		t.Skipf("no path of the test binary: %v", err)
	}
	for i := range 8 {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), writeForever+"="+name)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			if _, err := os.Stat(name); err == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("nothing was written")
			}
		}
		time.Sleep(time.Duration(3+7*i) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // Says that it was killed.
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) != 1<<20 || !bytes.Equal(b, bytes.Repeat(b[:1], len(b))) {
			t.Fatalf("kill %d left a torn file of %d bytes", i, len(b))
		}
	}
}
