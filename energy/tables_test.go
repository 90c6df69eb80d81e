package energy

import (
	"encoding/json"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func lemaire(t *testing.T) *Device {
	t.Helper()
	d, err := OpenDevice("lemaire-45nm")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The rules at numbers that can be looked up: those of the tables themselves, and the
// line that Lemaire's own program states, 0.000082816 pJ per byte + 13.2563 pJ.
func TestTables(t *testing.T) {
	d := lemaire(t)
	if at, slope := d.line(); math.Abs(at-13.2563) > 1e-4 || math.Abs(slope-0.000082816) > 1e-9 {
		t.Errorf("the line through the memories is %v + %v per byte", at, slope)
	}
	int8, err := OpenDevice("lemaire-45nm-int8")
	if err != nil {
		t.Fatal(err)
	}
	single := Tables{Arithmetic: []Precision{{16, 0.4, 8}}, Memory: []Memory{{1024, 5}}, AccessBits: 64}
	for _, tt := range []struct {
		what      string
		got, want float64
	}{
		{"addition of 32 bits", d.add(32), 0.1},
		{"addition of 8 bits", d.add(8), 0.03},
		{"product of 32 bits", d.product(32, 32), 3.1},
		{"product of 8 bits", d.product(8, 8), 0.2},
		{"product of 4 and 16 bits", d.product(4, 16), 0.2},
		{"addition of 16 bits, half way", d.add(16), math.Sqrt(0.1 * 0.03)},
		{"product of 2 bits, beyond the table", d.product(2, 2), 0.2 * 0.2 / 3.1},
		{"addition by one row", single.add(4), 0.1},
		{"product by one row", single.product(8, 8), 2},
		{"access by one memory", single.access(1<<20, 16), 5. / 4},
		{"access to 1000 numbers", d.access(1000, 32), 13.2563 + 4000*0.000082816},
		{"access to 1000 bytes", int8.access(1000, 8), (13.2563 + 1000*0.000082816) / 4},
	} {
		if math.Abs(tt.got-tt.want) > 1e-5*tt.want {
			t.Errorf("%s: %v pJ, want %v", tt.what, tt.got, tt.want)
		}
	}
}

func TestTablesAreChecked(t *testing.T) {
	const arithmetic = `"arithmetic": [{"bits": 8, "pj_per_add": 0.03, "pj_per_product": 0.2}]`
	const memory = `"memory": [{"bytes": 1024, "pj_per_access": 5}]`
	for _, tt := range []struct{ name, json, err string }{
		{"whole", arithmetic + "," + memory, ""},
		{"whole, beside today's", `"pj_per_ac": 1,` + arithmetic + "," + memory + `, "access_bits": 64, "transport": {"pj_per_spike_bit_hop": 3, "pj_per_dense_bit_hop": 0.25, "hops": 2}, "bits": {"weight": 8, "value": 8, "potential": 24, "address": 16}`, ""},
		{"no memory", arithmetic, "the memory model needs both arithmetic and memory"},
		{"no arithmetic", `"pj_per_ac": 1,` + memory, "the memory model needs both"},
		{"transport alone", `"pj_per_ac": 1, "transport": {"hops": 1}`, "the memory model needs both"},
		{"misspelled", arithmetic + `, "memory": [{"byte": 1024, "pj_per_access": 5}]`, `unknown key "byte": there are name, source`},
		{"bits twice", `"arithmetic": [{"bits": 8, "pj_per_add": 1, "pj_per_product": 1}, {"bits": 8, "pj_per_add": 1, "pj_per_product": 1}],` + memory, "arithmetic: 8 bits in place 2: they ascend"},
		{"no bits", `"arithmetic": [{"pj_per_add": 1, "pj_per_product": 1}],` + memory, "arithmetic: 0 bits in place 1"},
		{"many bits", `"arithmetic": [{"bits": 128, "pj_per_add": 1, "pj_per_product": 1}],` + memory, "arithmetic: 128 bits in place 1"},
		{"no product", `"arithmetic": [{"bits": 8, "pj_per_add": 1}],` + memory, "arithmetic: pj_per_product of 8 bits is 0: it must be above 0"},
		{"negative", `"arithmetic": [{"bits": 8, "pj_per_add": -1, "pj_per_product": 1}],` + memory, "arithmetic: pj_per_add is -1: an energy lies between"},
		{"falls", `"arithmetic": [{"bits": 8, "pj_per_add": 2, "pj_per_product": 1}, {"bits": 16, "pj_per_add": 1, "pj_per_product": 2}],` + memory, "arithmetic: pj_per_add goes from 2 at 8 bits to 1 at 16: it must not fall"},
		{"explodes", `"arithmetic": [{"bits": 8, "pj_per_add": 1, "pj_per_product": 1}, {"bits": 9, "pj_per_add": 1, "pj_per_product": 1e9}],` + memory, "nor grow faster"},
		{"no bytes", arithmetic + `, "memory": [{"pj_per_access": 5}]`, "memory: 0 bytes in place 1"},
		{"bytes descend", arithmetic + `, "memory": [{"bytes": 9, "pj_per_access": 5}, {"bytes": 8, "pj_per_access": 6}]`, "memory: 8 bytes in place 2: they ascend"},
		{"access too dear", arithmetic + `, "memory": [{"bytes": 9, "pj_per_access": 1e13}]`, "memory: pj_per_access is 1e+13"},
		{"larger is cheaper", arithmetic + `, "memory": [{"bytes": 8, "pj_per_access": 5}, {"bytes": 9, "pj_per_access": 4}]`, "neither may be below 0"},
		{"steep", arithmetic + `, "memory": [{"bytes": 1000, "pj_per_access": 1}, {"bytes": 1001, "pj_per_access": 9}]`, "neither may be below 0"},
		{"access bits", arithmetic + "," + memory + `, "access_bits": -8`, "access_bits is -8"},
		{"hops", arithmetic + "," + memory + `, "transport": {"hops": -1}`, "transport: hops is -1"},
		{"spike", arithmetic + "," + memory + `, "transport": {"pj_per_spike_bit_hop": -1, "hops": 1}`, "transport: pj_per_spike_bit_hop is -1"},
		{"widths in part", arithmetic + "," + memory + `, "bits": {"weight": 8}`, "bits: value is 0: give all of weight, value, potential and address"},
		{"too large for a number", arithmetic + `, "memory": [{"bytes": 8, "pj_per_access": 1e999}]`, "not a JSON object"},
		{"fraction of a byte", arithmetic + `, "memory": [{"bytes": 8.5, "pj_per_access": 1}]`, "not a JSON object"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := parseDevice([]byte("{" + tt.json + "}"))
			if tt.err == "" {
				if err != nil || !d.models() {
					t.Errorf("got %+v, error %v", d, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got error %v, want one with %q", err, tt.err)
			}
		})
	}
}

// The tables that come with the program can be written to a file, changed and read.
func TestDevicesAreFiles(t *testing.T) {
	for _, d := range Devices() {
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseDevice(b)
		if err != nil {
			t.Errorf("%s: %v", d.Name, err)
			continue
		}
		if again, _ := json.Marshal(got); string(again) != string(b) {
			t.Errorf("%s: read again as %s", b, again)
		}
	}
}

// Both files of docs/energy.md can be copied; the second is lemaire-45nm.
func TestDevicesOfDocs(t *testing.T) {
	b, err := os.ReadFile("../docs/energy.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []*Device
	for _, block := range strings.Split(string(b), "\n\n") {
		if strings.HasPrefix(block, `    {"name"`) {
			d, err := parseDevice([]byte(block))
			if err != nil {
				t.Fatalf("%v in %s", err, block)
			}
			got = append(got, d)
		}
	}
	if len(got) != 2 || got[0].models() || !reflect.DeepEqual(got[1].Tables, lemaire(t).Tables) {
		t.Errorf("got %+v", got)
	}
}

// Sound tables give finite energies that do not fall with bits or size.
func TestTablesAreMonotonous(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x Tables
		bits, bytes := 0, int64(0)
		for range rapid.IntRange(1, 4).Draw(t, "rows") {
			bits += rapid.IntRange(1, 16).Draw(t, "bits")
			x.Arithmetic = append(x.Arithmetic, Precision{bits, rapid.Float64Range(0, 1e3).Draw(t, "add"), rapid.Float64Range(0, 1e3).Draw(t, "product")})
			bytes += rapid.Int64Range(1, 1<<40).Draw(t, "bytes")
			x.Memory = append(x.Memory, Memory{bytes, rapid.Float64Range(0, 1e3).Draw(t, "access")})
		}
		if x.check() != nil {
			t.Skip("not sound")
		}
		a, b := rapid.IntRange(1, 64).Draw(t, "a"), rapid.IntRange(1, 64).Draw(t, "b")
		a, b = min(a, b), max(a, b)
		n := rapid.IntRange(0, 1<<31).Draw(t, "numbers")
		const slack = 1 + 1e-9
		for _, pair := range [][2]float64{
			{x.add(a), x.add(b)},
			{x.product(a, a), x.product(a, b)},
			{x.product(a, b), x.product(b, b)},
			{x.access(n, a), x.access(n, b)},
			{x.access(n/2, a), x.access(n, a)},
		} {
			if !(pair[0] >= 0 && pair[0] <= pair[1]*slack && pair[1] < math.Inf(1)) {
				t.Fatalf("%v: %v", x, pair)
			}
		}
	})
}
