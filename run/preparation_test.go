package run

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sresnet/experiment"
	"sresnet/shard"
)

// Before work is planned, its folder tells how far it is; afterwards nothing is left of that,
// nor of folders that were made for nothing.
func TestPrepare(t *testing.T) {
	above := filepath.Join(t.TempDir(), "runs")
	dir := filepath.Join(above, "run")
	told := 0
	o := experiment.Options{Progress: func(step string) (func(done, total int), func()) {
		return func(done, _ int) { told = done }, func() {}
	}}
	if ReadPreparation(dir) != nil {
		t.Fatal("something is prepared in a folder that is not there")
	}
	stop := Prepare(dir, &o)
	p := ReadPreparation(dir)
	if p == nil || p.PID != os.Getpid() || p.Step != "" || !p.Running(time.Now()) || p.Running(time.Now().Add(time.Hour)) {
		t.Fatalf("at once: got %+v", p)
	}
	update, _ := o.Step("calibrating")
	update(100, 1000)
	time.Sleep(50 * time.Millisecond)
	update(300, 1000)
	for deadline := time.Now().Add(time.Minute); p.Done != 300 && time.Now().Before(deadline); p = ReadPreparation(dir) {
		time.Sleep(10 * time.Millisecond)
	}
	// 200 in 50 ms and up to a heartbeat; 700 are left.
	if p.String() != "calibrating, 300 of 1000" || told != 300 || p.Left < 0.05*700/200 || p.Left > 60 {
		t.Errorf("got %+v, and %d was told", p, told)
	}
	var b bytes.Buffer
	p.Print(&b)
	if got := b.String(); !strings.HasPrefix(got, "preparing: calibrating, 300 of 1000, ") || strings.Contains(got, "nothing") {
		t.Errorf("got %q", got)
	}
	p.Updated = p.Updated.Add(-time.Hour)
	b.Reset()
	if p.Print(&b); !strings.Contains(b.String(), "nothing is running: that process was last seen 1h0m") {
		t.Errorf("an hour later: got %q", b.String())
	}
	text, err := p.JSON()
	var form struct {
		Running   []int       `json:"running"`
		Preparing Preparation `json:"preparing"`
	}
	if err != nil || json.Unmarshal(text, &form) != nil || form.Running == nil || form.Preparing.Done != 300 {
		t.Errorf("JSON: %v, %s", err, text)
	}
	stop()
	stop() // Of no effect.
	if _, err := os.Stat(above); err == nil {
		t.Error("folders that nothing is in are left")
	}
}

// Once there is a plan, nothing is noted any more.
func TestPrepared(t *testing.T) {
	dir := t.TempDir()
	var o experiment.Options
	stop := Prepare(dir, &o)
	defer stop()
	if _, err := shard.Create(dir, shard.Plan{Kind: "test", Images: 3, Shards: 1, Config: json.RawMessage("{}")}); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ReadPreparation(dir) != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the note stays beside the plan")
		}
	}
	update, _ := o.Step("simulating")
	update(1, 3)
	time.Sleep(2 * heartbeat)
	if ReadPreparation(dir) != nil {
		t.Error("a note is written beside the plan")
	}
	Prepare(dir, &o)()
	if _, err := shard.Open(dir); err != nil || ReadPreparation(dir) != nil {
		t.Errorf("a planned run: %v", err)
	}
	for _, none := range []string{"", filepath.Join(dir, "plan.json", "below-a-file")} {
		Prepare(none, &o)()
	}
}
