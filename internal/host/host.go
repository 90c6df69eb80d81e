// Package host tells what the system reports about the machine and the process.
package host

import (
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Processor returns the name of the processor, or its architecture where the
// system does not tell.
func Processor() string {
	if name := systemValue("/proc/cpuinfo", "model name"); name != "" {
		return name
	}
	return runtime.GOARCH
}

// PeakMemory returns the most memory that this process has had resident, in bytes,
// or 0 where the system does not tell.
func PeakMemory() uint64 {
	number, ok := strings.CutSuffix(systemValue("/proc/self/status", "VmHWM"), " kB")
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 64)
	if err != nil {
		return 0
	}
	return 1024 * n
}

// systemValue returns what Linux says after a key in one of its files, or "".
func systemValue(file, key string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if k, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
