package nir

import (
	"fmt"
	"strings"
)

// Profile is the choices by which a network is written for a reader, so that this
// reader gets it right. For any of them [Graph.Network] restores the network, as
// the file keeps them as well.
type Profile struct {
	Name   string // As people choose it.
	Reader string // Name in the table of [Readers]; empty for none in particular.

	// DT is the length of a timestep that the metadata say, in seconds for those
	// who count so; r of all neurons is 1 / DT.
	DT float64

	// What the reader has.
	AvgPool, SumPool bool   // Nodes of pools.
	PaddedPools      bool   // Pools may be padded.
	Scale            bool   // Scale nodes.
	Groups           bool   // Convolutions in groups, in which most readers, and nir.read, get channels wrong.
	PlainEdges       bool   // Edges from neurons directly into neurons.
	BareFlatten      bool   // Flatten nodes directly after neurons.
	Gate             string // Type of the node that stands for a max-pool gate after sums: IF where it is reset to zero, LIF that forgets all within a timestep elsewhere; empty if neither works.

	// Uniform asks for one threshold per population. Others are divided into the weights.
	Uniform bool

	// FlattenFromEnd counts the dimensions of Flatten from the last one, which
	// means the same with and without a batch.
	FlattenFromEnd bool

	// Above asks for thresholds that are the next smaller number, for neurons that fire above
	// them and not at them: there the two are the same.
	Above bool `json:",omitempty"`

	// NoReset leaves v_reset out, which is 0 and which nir takes for 0 then: up to 1.0.4 it
	// knows no such parameter.
	NoReset bool `json:",omitempty"`

	// Square asks for kernels with as many rows as columns, as nir.read takes them to be.
	Square bool `json:",omitempty"`

	// DepthFirst asks for edges, and nodes of zeros, with which a tool that runs nodes depth
	// first runs every one after those that lead to it, and the output last.
	DepthFirst bool `json:",omitempty"`
}

// Generic is the profile for no reader in particular: what NIR's specification
// says, with the nodes that are closest to the network.
var Generic = Profile{
	Name: "generic", DT: 1,
	AvgPool: true, SumPool: true, PaddedPools: true, Scale: true, Groups: true, PlainEdges: true, BareFlatten: true, Gate: "IF",
}

// Common is the profile for several readers at once, those that have sums for pools: Sinabs,
// Norse, and snnTorch since its release after 0.9.4.
var Common = Profile{
	Name: "common", DT: 1,
	SumPool: true, PlainEdges: true, BareFlatten: true, Gate: "IF", Uniform: true, FlattenFromEnd: true,
	Above: true, NoReset: true, Square: true, DepthFirst: true,
}

// profiles are all of them, after the readers' code as docs/nir.md dates it.
var profiles = []Profile{
	Common,
	Generic,
	{
		Name: "spikingjelly", Reader: "SpikingJelly", DT: 1e-4,
		AvgPool: true, PaddedPools: true, PlainEdges: true, BareFlatten: true, Gate: "IF", Uniform: true, FlattenFromEnd: true,
		NoReset: true, Square: true,
	},
	{
		// Its neurons fire several times per timestep, so that no node stands for a gate.
		Name: "sinabs", Reader: "Sinabs, Speck", DT: 1,
		SumPool: true, PlainEdges: true, BareFlatten: true, FlattenFromEnd: true,
		NoReset: true, Square: true, DepthFirst: true,
	},
	{
		Name: "snntorch", Reader: "snnTorch", DT: 1,
		AvgPool: true, PaddedPools: true, PlainEdges: true, BareFlatten: true, Gate: "LIF", Uniform: true, FlattenFromEnd: true,
		Above: true, NoReset: true, Square: true, DepthFirst: true,
	},
	{
		Name: "norse", Reader: "Norse", DT: 1,
		SumPool: true, PlainEdges: true, BareFlatten: true, Gate: "IF", FlattenFromEnd: true,
		Above: true, NoReset: true, Square: true, DepthFirst: true,
	},
	{
		Name: "spinnaker2", Reader: "SpiNNaker2", DT: 1,
		SumPool: true, Gate: "LIF", FlattenFromEnd: true, NoReset: true, Square: true,
	},
}

// Profiles returns the names of all profiles, that of [Common] first.
func Profiles() []string {
	var names []string
	for _, p := range profiles {
		names = append(names, p.Name)
	}
	return names
}

// ProfileNamed returns the profile of that name.
func ProfileNamed(name string) (Profile, error) {
	for _, p := range profiles {
		if p.Name == name {
			return p, nil
		}
	}
	return Profile{}, fmt.Errorf("nir: there is no profile %q, only %s", name, strings.Join(Profiles(), ", "))
}

// RefusedError names the layers that the reader of a profile cannot have.
type RefusedError struct {
	Reader string
	Layers []Refused
}

// Refused is a layer with the reason; without a name, it is the network.
type Refused struct{ Layer, Reason string }

// Error lists all layers, one per line where there are several.
func (e *RefusedError) Error() string {
	var lines []string
	for _, l := range e.Layers {
		if l.Layer == "" {
			lines = append(lines, l.Reason)
			continue
		}
		lines = append(lines, fmt.Sprintf("layer %q: %s", l.Layer, l.Reason))
	}
	return fmt.Sprintf("nir: %s cannot read this network: %s", e.Reader, strings.Join(lines, "\n  "))
}
