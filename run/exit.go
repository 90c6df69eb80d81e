package run

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"sresnet/exit"
	"sresnet/internal/hint"
	"sresnet/shard"
)

// exitFile is the file of a plan with the rule by which images stop early: every process
// that works on the run stops them by this one.
const exitFile = "exit.json"

// exitFiles learns the rule, if the run is to have one.
func (k *Kept) exitFiles(ctx context.Context) ([]shard.File, error) {
	r, err := k.ExitRule(ctx)
	if err != nil || r == nil {
		return nil, err
	}
	return []shard.File{{Name: exitFile, Write: func(w io.Writer) error { return json.NewEncoder(w).Encode(r) }}}, nil
}

// exitRule reads the rule that the run was planned with; nil for none.
func (k *Kept) exitRule() (*exit.Rule, error) {
	if _, planned := k.Run.Plan().Files[exitFile]; !planned {
		return nil, nil
	}
	b, err := k.Run.ReadFile(exitFile)
	if err != nil {
		return nil, hint.Error(err, "without the thresholds that it was planned with, the run cannot continue; plan it again in another folder")
	}
	r := new(exit.Rule)
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(r); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(k.Run.Dir(), exitFile), err)
	}
	return r, nil
}
