package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
)

// variant is another way of sresnet: another network, made once, or a slower processor. The
// simulation alone is measured, by "sresnet bench": a pass of the trained network beside it, as
// in "sresnet eval", would take longer than the simulation of a phased one.
type variant struct {
	name     string
	how      string
	options  []string // Of "sresnet convert".
	avx2     bool     // Without AVX-512.
	file     string   // Of the network.
	accuracy float64
}

// fewTimesteps is T of the phased variants.
const fewTimesteps = 16

func (o options) variants() []variant {
	phased := []string{"--preset", "few-steps", "--timesteps", strconv.Itoa(fewTimesteps)}
	list := []variant{
		{name: sresnet + ", 8 bits", how: "synchronous", options: []string{"--percentile", o.percentile, "--timesteps", strconv.Itoa(o.timesteps), "--bits", "8"}},
		{name: sresnet + ", phased", how: "phased, float32", options: phased},
		{name: sresnet + ", phased, 8 bits", how: "phased, by counts", options: append(phased, "--bits", "8")},
		{name: sresnet + ", phased, 16 bits", how: "phased, by counts", options: append(phased, "--bits", "16")},
	}
	list = append(list, variant{name: sresnetAVX2, how: "synchronous", options: []string{"--percentile", o.percentile}, avx2: true})
	for _, v := range list[:3:3] {
		if len(v.options) > 0 && v.options[len(v.options)-1] == "8" {
			v.name, v.avx2 = v.name+", AVX2", true
			list = append(list, v)
		}
	}
	return list
}

// makeVariants writes the networks of the variants into a folder, and finds out their accuracy.
func (c *comparison) makeVariants(ctx context.Context, o options, dir string, say func(string, ...any)) error {
	for i, v := range o.variants() {
		say("%s, once", v.name)
		v.file = filepath.Join(dir, fmt.Sprintf("%d.nir", i))
		args := []string{o.sresnet, "convert", o.model, "--calibrate", o.calibrate + "?images=" + strconv.Itoa(o.calibrationImages), "--normalize", o.normalize, "-o", v.file}
		if _, err := o.call(ctx, 1, append(args, v.options...)); err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
		b, err := o.call(ctx, len(o.cores), []string{o.sresnet, "eval", v.file, "--data", o.data, "--images", strconv.Itoa(o.images), "--timesteps", strconv.Itoa(o.timestepsOf(v)), "--json"})
		if err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
		var r struct {
			Spiking []float64 `json:"spiking_top1"`
		}
		if err := json.Unmarshal(b, &r); err != nil || len(r.Spiking) == 0 {
			return fmt.Errorf("%s: unexpected output: %w", v.name, errors.Join(err, errNothing))
		}
		v.accuracy = r.Spiking[len(r.Spiking)-1]
		c.variants = append(c.variants, v)
	}
	return nil
}

func (o options) timestepsOf(v variant) int {
	if v.options[0] == "--preset" {
		return fewTimesteps
	}
	return o.timesteps
}

// runVariant measures a variant on that many cores.
func (o options) runVariant(ctx context.Context, v variant, cores int) (*output, error) {
	images := o.images
	if o.timestepsOf(v) == fewTimesteps { // So that they are at work for as long as the others.
		images *= 16
	}
	args := []string{o.sresnet, "bench", v.file, "--data", o.data, "--images", strconv.Itoa(images), "--timesteps", strconv.Itoa(o.timestepsOf(v)), "--rounds", "1", "--workers", strconv.Itoa(cores), "--json"}
	env := []string(nil)
	if v.avx2 {
		env = []string{"GODEBUG=cpu.avx512f=off"}
	}
	b, err := o.callWith(ctx, cores, args, env)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v.name, err)
	}
	type measured struct {
		Speed float64 `json:"image_steps_per_second"`
	}
	var r struct {
		Images int       `json:"images"`
		One    measured  `json:"one_worker"`
		All    *measured `json:"all_workers"`
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%s: unexpected output: %w", v.name, err)
	}
	if cores > 1 && r.All != nil {
		r.One = *r.All
	}
	s := sample{Program: v.name, Setting: v.how + ", one image per core", Cores: cores, Timesteps: o.timestepsOf(v), Accuracy: v.accuracy, Speed: r.One.Speed}
	if s.Speed > 0 {
		s.Seconds = float64(o.images*s.Timesteps) / s.Speed
	}
	out := &output{images: r.Images, samples: []sample{s}}
	return out, out.check()
}
