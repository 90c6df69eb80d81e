package launch

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
)

// Kubernetes describes the Indexed Job that computes a run.
type Kubernetes struct {
	Image  string   // Its entry point is the program of Worker.
	Worker []string // What [Worker] returns.

	// Claim is the name of the persistent volume claim with the run and all that its
	// plan names, and Mount where it is mounted: these have the same paths there as
	// here.
	Claim, Mount string

	CPUs       int    // Of each pod. Defaults to 1.
	Memory     string // Of each pod, such as 512Mi or 4Gi. Defaults to 2Gi.
	MaxRunning int    // Pods at a time. Defaults to one for each shard.

	// UID and GID are whom the worker runs as. Where UID is 0 or less, the image says.
	UID, GID int
}

//go:embed job.yaml.tmpl
var jobTemplate string

var job = template.Must(template.New("job.yaml").Funcs(template.FuncMap{"json": toJSON}).Parse(jobTemplate))

// toJSON returns a string as JSON, which is always valid YAML.
func toJSON(s string) (string, error) {
	b, err := json.Marshal(s)
	return string(b), err
}

var (
	claimName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)
	memory    = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$`)
)

// Manifest returns the manifest of an Indexed Job, as YAML for kubectl apply. The
// job has all shards: those that are finished cost a pod that ends at once.
func (k Kubernetes) Manifest(run Run) ([]byte, error) {
	if k.CPUs == 0 {
		k.CPUs = 1
	}
	if k.Memory == "" {
		k.Memory = "2Gi"
	}
	switch rel, err := filepath.Rel(k.Mount, run.Dir()); {
	case len(k.Worker) == 0:
		return nil, errors.New("there is no worker")
	case k.Image == "" || strings.ContainsAny(k.Image, " \t\n"):
		return nil, fmt.Errorf("image %q: give the name of a container image whose entry point is sresnet", k.Image)
	case !claimName.MatchString(k.Claim):
		return nil, fmt.Errorf("claim %q: give the name of a persistent volume claim", k.Claim)
	case !memory.MatchString(k.Memory):
		return nil, fmt.Errorf("memory %q: give an amount such as 512Mi or 4Gi", k.Memory)
	case k.CPUs < 0:
		return nil, fmt.Errorf("%d CPUs: give a number from 1 on", k.CPUs)
	case err != nil || !filepath.IsAbs(k.Mount) || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)):
		return nil, fmt.Errorf("mount point %q: give a folder that holds the run, %s", k.Mount, run.Dir())
	}
	if k.MaxRunning == 0 {
		k.MaxRunning = run.Shards()
	}
	var b bytes.Buffer
	err := job.Execute(&b, struct {
		Kubernetes
		Name   string
		Args   []string
		Shards int
	}{k, JobName(run.Dir()), k.Worker[1:], run.Shards()})
	return b.Bytes(), err
}
