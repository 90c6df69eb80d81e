package k8s

import (
	"slices"
	"testing"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"sresnet/launch"
)

type run struct {
	dir    string
	shards int
}

func (r run) Dir() string             { return r.dir }
func (r run) Shards() int             { return r.shards }
func (r run) Missing() ([]int, error) { return nil, nil }

// decode reads a manifest as the API server does with strict validation: a field
// that it does not know, or one of another type, is an error.
func decode(t *testing.T, k launch.Kubernetes, r run) *batch.Job {
	t.Helper()
	k.Worker = launch.Worker("sresnet", r.dir)
	b, err := k.Manifest(r)
	if err != nil {
		t.Fatal(err)
	}
	var job batch.Job
	if err := yaml.UnmarshalStrict(b, &job); err != nil {
		t.Fatalf("%v in\n%s", err, b)
	}
	return &job
}

func TestManifest(t *testing.T) {
	r := run{"/data/it's \"a run\": {x}", 40}
	job := decode(t, launch.Kubernetes{Image: "registry.example.org/sresnet:1", Claim: "123", Mount: "/data", CPUs: 4, Memory: "4Gi", MaxRunning: 10, UID: 1000, GID: 100}, r)
	spec, pod := job.Spec, job.Spec.Template.Spec
	if job.APIVersion != "batch/v1" || job.Kind != "Job" || job.Name != launch.JobName(r.dir) {
		t.Errorf("%s %s %s", job.APIVersion, job.Kind, job.Name)
	}
	if *spec.CompletionMode != batch.IndexedCompletion || *spec.Completions != 40 || *spec.Parallelism != 10 {
		t.Errorf("%v completions, %v, %v at a time", *spec.Completions, *spec.CompletionMode, *spec.Parallelism)
	}
	// What the API server asks of each other.
	if *spec.BackoffLimitPerIndex < 1 || pod.RestartPolicy != core.RestartPolicyNever {
		t.Errorf("%d tries with restart policy %s", *spec.BackoffLimitPerIndex, pod.RestartPolicy)
	}
	if *spec.PodReplacementPolicy != batch.TerminatingOrFailed || spec.PodFailurePolicy != nil {
		t.Errorf("pods are replaced when %s, and there is a failure policy: %v", *spec.PodReplacementPolicy, spec.PodFailurePolicy)
	}
	for _, key := range []string{core.TaintNodeUnreachable, core.TaintNodeNotReady} {
		if !slices.ContainsFunc(pod.Tolerations, func(o core.Toleration) bool {
			return o.Key == key && o.Operator == core.TolerationOpExists && o.Effect == core.TaintEffectNoExecute && *o.TolerationSeconds == 60
		}) {
			t.Errorf("no toleration of %s in %v", key, pod.Tolerations)
		}
	}
	if s := pod.SecurityContext; *s.RunAsUser != 1000 || *s.RunAsGroup != 100 || !*s.RunAsNonRoot {
		t.Errorf("security context %v", s)
	}
	c := pod.Containers[0]
	if want := []string{"run", r.dir, "--shard", "$(JOB_COMPLETION_INDEX)", "--workers", "4"}; !slices.Equal(c.Args, want) || c.Command != nil {
		t.Errorf("command %q %q, want %q", c.Command, c.Args, want)
	}
	if cpu, memory := c.Resources.Requests.Cpu(), c.Resources.Requests.Memory(); cpu.Value() != 4 || memory.Value() != 4<<30 {
		t.Errorf("%v CPUs, memory %v", cpu, memory)
	}
	v, m := pod.Volumes[0], c.VolumeMounts[0]
	if v.Name != m.Name || m.MountPath != "/data" || v.PersistentVolumeClaim.ClaimName != "123" {
		t.Errorf("volume %v is mounted as %v", v, m)
	}
}

// All that can be left out is.
func TestDefaults(t *testing.T) {
	job := decode(t, launch.Kubernetes{Image: "sresnet", Claim: "true", Mount: "/"}, run{"/r", 3})
	if *job.Spec.Parallelism != 3 || job.Spec.Template.Spec.SecurityContext != nil {
		t.Errorf("%d at a time, security context %v", *job.Spec.Parallelism, job.Spec.Template.Spec.SecurityContext)
	}
	if c := job.Spec.Template.Spec.Containers[0]; c.Resources.Requests.Cpu().Value() != 1 || c.Resources.Requests.Memory().Value() != 2<<30 {
		t.Errorf("resources %v", c.Resources)
	}
}
