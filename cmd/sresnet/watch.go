package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sresnet/dataset"
	"sresnet/eval"
	"sresnet/internal/hint"
	"sresnet/internal/terminal"
	"sresnet/models"
	"sresnet/onnx"
	"sresnet/watch"
)

func newWatch() *cobra.Command {
	var (
		s settings
		o watchOptions
	)
	cmd := &cobra.Command{
		Use:   "watch [MODEL --data SPEC] --image N|FILE",
		Short: "Watch one image being classified, timestep by timestep",
		Long: `watch presents one image to the spiking network and shows in the terminal what
happens: the evidence for every class as bars, the answer at every timestep, the
spikes of every layer, and when the answer settles.

--image is the number of a test image, from 0, or a PNG or JPEG file, which is
resized and cropped as those of a folder of images are (--resize). Scales come from
training images, so --data is needed for a file, too, unless MODEL is a NIR file,
which has them. Without MODEL, the built-in network for MNIST looks at a digit.

Where the output is no terminal, or with --plain, it prints the state after 1, 2,
4, 8, ... timesteps.`,
		Example: `  sresnet watch --image 7
  sresnet watch --image digit.png --invert
  sresnet watch resnet20.onnx --data cifar10:cifar-10-batches-bin --image cat.jpg --speed 20
  sresnet watch resnet20.nir --image cat.jpg
  sresnet watch --image 7 --timesteps 64 --json`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			bad := func(format string, args ...any) error {
				return &usageError{cmd.CommandPath(), fmt.Errorf(format, args...)}
			}
			if len(args) == 0 && s.data == "" {
				s.data = "mnist"
			}
			s.dataOptional = len(args) == 1 && isNIR(args[0]) && isPicture(o.image)
			if err := s.check(cmd.CommandPath()); err != nil {
				return err
			}
			switch {
			case o.image == "":
				return bad("--image is missing: give the number of a test image, from 0, or a PNG or JPEG file")
			case !(o.speed > 0 && o.speed <= 1e6): // Also NaN.
				return bad("--speed %v: give timesteps a second, above 0", o.speed)
			case len(args) == 0:
				args = []string{""}
			}
			return runWatch(cmd, args[0], &s, o)
		},
	}
	s.weightsFlags(cmd)
	all := pflag.NewFlagSet("", pflag.ContinueOnError) // Of eval.
	s.dataFlags(all, 0)
	s.networkFlags(all)
	s.compensationFlag(all)
	s.runFlags(all, 350)
	s.readoutFlags(all)
	f := cmd.Flags()
	f.StringVar(&o.image, "image", "", "the test image with this number, from 0, or a picture: `N|FILE`")
	f.BoolVar(&o.invert, "invert", false, "swap dark and light, for a dark digit on light paper")
	f.Float64Var(&o.speed, "speed", 40, "show `N` timesteps a second")
	f.BoolVar(&o.plain, "plain", false, "print a few states, as where the output is no terminal")
	for _, name := range []string{
		"data", "calibrate", "calibration-images", "normalize", "resize", "crop", "skip-bad", "percentile", "shared-lambda", "v-init", "encoding", "reset",
		"compensation", "compensation-images", "timesteps", "readout", "engine", "workers", "seed",
	} {
		f.AddFlag(all.Lookup(name))
	}
	f.BoolVar(&o.json, "json", false, "print one JSON object and nothing else")
	f.SortFlags = false
	completions(cmd)
	_ = cmd.RegisterFlagCompletionFunc("image", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"png", "jpg", "jpeg"}, cobra.ShellCompDirectiveFilterFileExt
	})
	return cmd
}

type watchOptions struct {
	image         string
	speed         float64 // Timesteps a second.
	invert, plain bool
	json          bool
}

func runWatch(cmd *cobra.Command, model string, s *settings, o watchOptions) error {
	p := &pipeline{settings: s, command: cmd.CommandPath(), progress: terminal.Progress{W: cmd.ErrOrStderr()}, glance: true, pictured: isPicture(o.image)}
	if model == "" {
		g, err := onnx.Parse(models.ResNet8MNIST)
		if err != nil {
			return err
		}
		g.Name = modelName
		p.graph = g
	}
	if s.data == "" {
		if err := p.openAlone(cmd, model); err != nil {
			return err
		}
	} else if err := p.openModel(cmd, model); err != nil {
		return err
	}
	seen, err := p.look(o)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	if err := p.ready(ctx); err != nil {
		return err
	}
	th, err := p.think(ctx, seen)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if o.json {
		return json.NewEncoder(out).Encode(th)
	}
	if screen := terminal.Of(out); screen != nil && !o.plain {
		if t := th.Play(ctx, screen, o.speed); t < th.Timesteps {
			return fmt.Errorf("%w at timestep %d of %d", errInterrupted, t, th.Timesteps)
		}
		return nil // The last frame says all that is printed.
	}
	th.Print(out)
	return nil
}

// openAlone reads the network of a NIR file, without images.
func (p *pipeline) openAlone(cmd *cobra.Command, model string) error {
	if err := refuse(cmd, model, conversionFlags...); err != nil {
		return err
	}
	p.model = model
	if err := p.readNetwork(cmd.Flags().Changed("readout")); err != nil {
		return err
	}
	if p.normalize == "" {
		return &usageError{p.command, fmt.Errorf("--normalize is missing: %s does not say how pixels were normalised; HOW is %s", model, dataset.Normalizations)}
	}
	return nil
}

// isPicture reports whether --image names a file rather than a test image.
func isPicture(image string) bool {
	_, err := strconv.Atoi(image)
	return err != nil && image != ""
}

// look reads the image that --image names.
func (p *pipeline) look(o watchOptions) (*watch.Image, error) {
	_, shape, _ := p.takes()
	seen := &watch.Image{Name: o.image, Label: -1}
	if i, err := strconv.Atoi(o.image); err == nil {
		if i < 0 || i >= p.test.Len() {
			return nil, hint.Error(fmt.Errorf("--image %d: the test images of %s are 0 to %d", i, p.data, p.test.Len()-1), "for a file whose name is a number, write ./%d", i)
		}
		*seen = watch.Image{Name: fmt.Sprintf("image %d of %s", i, p.data), Index: i, Label: p.test.Label(i), Pixels: make([]float32, shape.Len())}
		if err := p.test.Pixels(i, seen.Pixels); err != nil {
			return nil, err
		}
	} else {
		if p.crop > 0 && (shape[1] != p.crop || shape[2] != p.crop) {
			return nil, &usageError{p.command, fmt.Errorf("--crop %d: the network takes images of %v", p.crop, shape)}
		}
		if seen.Pixels, err = dataset.ReadImageFile(o.image, shape, p.resize); err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				err = hint.Error(err, "give a PNG or JPEG file, or the number of a test image; --resize N gives the length of its shorter side")
			}
			return nil, err
		}
	}
	if o.invert {
		for i, x := range seen.Pixels {
			seen.Pixels[i] = 255 - x
		}
	}
	return seen, nil
}

// think presents the image to both networks.
func (p *pipeline) think(ctx context.Context, seen *watch.Image) (*watch.Thought, error) {
	name, shape, _ := p.takes()
	norm, err := dataset.ParseNormalization(p.normalize, shape[0])
	if err != nil {
		return nil, &usageError{p.command, fmt.Errorf("--normalize: %w", err)}
	}
	seen.Input = slices.Clone(seen.Pixels)
	norm.Apply(seen.Input, shape)
	readout, err := eval.ParseReadout(p.readout)
	if err != nil {
		return nil, err
	}
	o := watch.Options{Model: name, Graph: p.graph, Network: p.network, Sim: p.simOptions(), Readout: readout}
	o.Sim.Workers = p.workerCount()
	if p.test != nil {
		o.ClassName = p.test.ClassName
	}
	return watch.Run(ctx, *seen, o)
}
