package launch

import (
	"strings"
	"testing"
)

// That the API takes the manifest is tested in _k8s, a module of its own.
func TestKubernetes(t *testing.T) {
	run := &fakeRun{dir: "/data/runs/a b", shards: 40}
	k := Kubernetes{Worker: Worker("sresnet", run.dir, "--map", "/home=/data"), Image: "registry.example.org/sresnet:1", Claim: "shared", Mount: "/data", CPUs: 4, Memory: "4Gi", MaxRunning: 10, UID: 1000, GID: 100}
	b, err := k.Manifest(run)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\n  completions: 40\n  parallelism: 10\n", "\n  backoffLimitPerIndex: ", "\n      restartPolicy: Never ",
		`args: ["run", "/data/runs/a b", "--map", "/home=/data", --shard, $(JOB_COMPLETION_INDEX), --workers, "4"]`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %q in\n%s", want, b)
		}
	}
	for name, bad := range map[string]func(*Kubernetes){
		"image":          func(k *Kubernetes) { k.Image = "" },
		"claim":          func(k *Kubernetes) { k.Claim = "Not A Name" },
		"memory":         func(k *Kubernetes) { k.Memory = "4 GB" },
		"mount point":    func(k *Kubernetes) { k.Mount = "/data/runs/b" },
		`mount point ""`: func(k *Kubernetes) { k.Mount = "" },
		"-1 CPUs":        func(k *Kubernetes) { k.CPUs = -1 },
	} {
		k := k
		bad(&k)
		if b, err := k.Manifest(run); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("bad %s: error %v, manifest\n%s", name, err, b)
		}
	}
}
