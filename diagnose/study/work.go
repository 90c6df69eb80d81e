package study

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"sresnet/diagnose"
	"sresnet/run"
	"sresnet/snn"
)

// Is reports whether a run is a part of a diagnosis, of which [Work] does shards.
func Is(kind string) bool { return kind == Measurement || kind == Trials }

// Diagnoser makes the network of a part of a diagnosis ready to be measured and tried.
func Diagnoser(ctx context.Context, k *run.Kept) (*diagnose.Diagnoser, error) {
	net, err := k.Network(ctx)
	if err != nil {
		return nil, err
	}
	o, err := options(k.Experiment, net)
	if err != nil {
		return nil, err
	}
	return diagnose.New(diagnose.Subject{Graph: k.Graph, Network: net, Real: k.Real, Images: k.Test}, o)
}

// Work does shards of a part of a diagnosis.
func Work(ctx context.Context, k *run.Kept, shards []int) error {
	d, err := Diagnoser(ctx, k)
	if err != nil {
		return err
	}
	if k.Run.Plan().Kind == Measurement {
		return k.Work(ctx, "measuring", func(update func(done, total int)) error { return d.Measuring().Do(ctx, k.Run, shards, update) })
	}
	list, err := listOf(k)
	if err != nil {
		return err
	}
	w, err := d.Trying(list, trialNetwork(k))
	if err != nil {
		return err
	}
	return k.Work(ctx, "trying", func(update func(done, total int)) error { return w.Do(ctx, k.Run, shards, update) })
}

// listOf returns what is tried by a run.
func listOf(k *run.Kept) (list []diagnose.Trial, err error) {
	if err := json.Unmarshal(k.Config.Detail, &list); err != nil {
		return nil, fmt.Errorf("the plan in %s does not say what is tried: %w", filepath.Clean(k.Run.Dir()), err)
	}
	return list, nil
}

// trialFile is the name of the file of a network that is tried.
func trialFile(i int) string {
	if i == 0 {
		return "" // That of the measurement.
	}
	return fmt.Sprintf("network-%d.nir", i)
}

// trialNetwork returns what reads a network that is tried.
func trialNetwork(k *run.Kept) func(i int) (*snn.Network, error) {
	return func(i int) (*snn.Network, error) { return k.NetworkIn(trialFile(i)) }
}
