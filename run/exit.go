package run

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"sresnet/eval"
	"sresnet/exit"
	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/shard"
)

// exitFile is the file of a plan with the rule by which images stop early: every process
// that works on the run stops them by this one.
const exitFile = "exit.json"

// firstFile is the file of a plan with the network that a cascade asks first.
const firstFile = "first.nir"

// exitFiles learns the rule, if the run is to have one, and makes what it takes beside the
// run's network.
func (k *Kept) exitFiles(ctx context.Context, dir string) ([]shard.File, error) {
	r, err := k.ExitRule(ctx)
	if err != nil || r == nil {
		return nil, err
	}
	files := []shard.File{{Name: exitFile, Write: func(w io.Writer) error { return json.NewEncoder(w).Encode(r) }}}
	first, err := k.First(ctx)
	if err != nil || first == nil {
		return files, err
	}
	g, err := k.GraphOf(first.Network, fmt.Sprintf("for T = %d, which a cascade asks first", first.Timesteps))
	return append(files, plannedNIR(dir, firstFile, g)), err
}

// exits reads what the run was planned with: the rule by which images stop, and the first
// network of a cascade; nil for none.
func (k *Kept) exits() (*exit.Rule, *eval.First, error) {
	files := k.Run.Plan().Files
	if _, planned := files[exitFile]; !planned {
		return nil, nil, nil
	}
	b, err := k.Run.ReadFile(exitFile)
	if err != nil {
		return nil, nil, hint.Error(err, "without the thresholds that it was planned with, the run cannot continue; plan it again in another folder")
	}
	r := new(exit.Rule)
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(r); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", filepath.Join(k.Run.Dir(), exitFile), err)
	}
	if _, cascade := files[firstFile]; !cascade {
		return r, nil, nil
	}
	net, err := k.NetworkIn(firstFile)
	return r, &eval.First{Network: net, Timesteps: experiment.FirstTimesteps(k.Options.Timesteps)}, err
}
