package energy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenDevice(t *testing.T) {
	for _, d := range Devices() {
		got, err := OpenDevice(d.Name)
		if err != nil || got.Name != d.Name || got.Source == "" || got.AC == nil {
			t.Errorf("OpenDevice(%q): got %+v, %v", d.Name, got, err)
		}
	}
	for _, tt := range []struct{ name, content, err string }{
		{"good", `{"name": "chip", "source": "me", "pj_per_ac": 1.5, "pj_per_update": 0}`, ""},
		{"misspelled", `{"name": "chip", "pj_per_acs": 1.5, "pj_per_ac": 1}`, `unknown key "pj_per_acs": there are name, source, pj_per_mac, pj_per_ac and pj_per_update`},
		{"no energy", `{"name": "chip"}`, "no energy in it"},
		{"negative", `{"pj_per_mac": -1}`, "pj_per_mac is -1"},
		{"in joules a thousand times", `{"pj_per_ac": 1e13}`, "pj_per_ac is 1e+13"},
		{"two objects", `{"pj_per_ac": 1} {}`, "something follows"},
		{"no JSON", `pj_per_ac = 1`, "not a JSON object"},
		{"text", `{"pj_per_ac": "1"}`, "not a JSON object"},
		{"empty", ``, "not a JSON object"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "chip.json")
			if err := os.WriteFile(file, []byte(tt.content), 0o644); err != nil {
				t.Fatal(err)
			}
			d, err := OpenDevice(file)
			if tt.err == "" {
				if err != nil || d.Name != "chip" || *d.AC != 1.5 || *d.Update != 0 || d.MAC != nil {
					t.Errorf("got %+v, %v", d, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.err) || !strings.Contains(err.Error(), file) {
				t.Errorf("got error %v, want one with %q and the file", err, tt.err)
			}
		})
	}
	if _, err := OpenDevice("lohi"); err == nil || !strings.Contains(err.Error(), `no device "lohi": give 45nm, loihi, spinnaker, spinnaker2, lemaire-45nm, lemaire-45nm-int8, or a JSON file`) {
		t.Errorf("unknown name: got error %v", err)
	}
}

func TestJoulesString(t *testing.T) {
	for x, want := range map[Joules]string{
		0: "0 J", 0.9e-12: "0.9 pJ", 23.6e-12: "23.6 pJ", 999.4e-12: "999 pJ", 999.6e-12: "1 nJ", 43e-9: "43 nJ",
		1.2345e-6: "1.23 µJ", 187e-6: "187 µJ", 0.0012: "1.2 mJ", 3: "3 J", 12345: "12345 J",
	} {
		if got := x.String(); got != want {
			t.Errorf("%g J: got %q, want %q", float64(x), got, want)
		}
	}
}
