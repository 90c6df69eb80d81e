package terminal

import (
	"math"
	"testing"
)

func TestNumbers(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0.0", 9.25: "9.2", 999.9: "999.9", 1000: "1 k", 12345: "12.35 k", 4.2e7: "42 M", 999949: "999.9 k", 999960: "1 M", 999.96: "1 k",
		1.3434e12: "1.343 T", 1.5e12: "1.5 T", 2e15: "2 P", 6.5e19: "65000 P",
	} {
		if got := Count(x); got != want {
			t.Errorf("Count(%v): got %q, want %q", x, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1 kB", 12_345_678: "12.35 MB", 999_990_000_000: "1 TB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%v): got %q, want %q", n, got, want)
		}
	}
	for x, want := range map[float64]string{
		0: "0 s", 1.25e-6: "1.25 µs", 0.0123: "12.3 ms", 0.99951: "1 s", 65.239: "65.2 s", 119.9: "120 s", 312: "5m12s", 7325: "2h2m5s",
		math.Inf(1): "+Inf s", 3e9: "3 Gs",
	} {
		if got := Seconds(x); got != want {
			t.Errorf("Seconds(%v): got %q, want %q", x, got, want)
		}
	}
	for x, want := range map[float64]string{0: "0", 0.04234: "0.0423", 12.345: "12.3", 999.4: "999", 53629: "53.63 k"} {
		if got := Rate(x); got != want {
			t.Errorf("Rate(%v): got %q, want %q", x, got, want)
		}
	}
	if got := Percent(0.9173); got != "91.73" {
		t.Errorf("Percent(0.9173): got %q", got)
	}
}
