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

	"sresnet/dataset"
	"sresnet/eval"
	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/internal/terminal"
	"sresnet/watch"
)

func newWatch() *cobra.Command {
	var (
		o      = experiment.DefaultOptions()
		image  string
		speed  float64
		asJSON bool
	)
	o.Glance = true
	cmd := &cobra.Command{
		Use:   "watch [MODEL --data SPEC] --image N|FILE",
		Short: "Watch one image being classified, timestep by timestep",
		Long: `watch presents one image to the spiking network and shows in the terminal what
happens: the evidence for every class as bars, the answer at every timestep, the
spikes of every layer, and when the answer settles.

--image is the number of a test image, from 0, or an image file, which is resized
and cropped like the images of a folder (cat.jpg?resize=256); digit.png?invert
swaps dark and light, for a dark digit on light paper. Scales come from training
images, so that --data is needed for a file as well, unless MODEL is a NIR file,
which has them. A NIR file or the folder of a run has settings of its own, too.
Without MODEL, the built-in network for MNIST classifies a digit.

If the output is not a terminal, it prints the state after 1, 2, 4, 8, ...
timesteps.`,
		Example: `  sresnet watch --image 7
  sresnet watch --image 'digit.png?invert'
  sresnet watch resnet20.onnx --data cifar10:cifar10 --image cat.jpg --speed 20
  sresnet watch runs/resnet20 --image 7
  sresnet watch resnet20.nir --image cat.jpg
  sresnet watch --image 7 -T 64 --json`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{experiment.Builtin}
				if o.Data == "" {
					o.Data = "mnist"
				}
			}
			switch {
			case image == "":
				return usage("--image is missing: give the number of a test image, from 0, or an image file")
			case !(speed > 0 && speed <= 1e6): // Also NaN.
				return usage("--speed %v: give timesteps per second, above 0", speed)
			}
			if err := complete(cmd, &o, args[0]); err != nil {
				return err
			}
			o.Images = 0 // Whatever a run presented, all test images can be watched.
			e, err := experiment.Open(cmd.Context(), o)
			if err != nil {
				return err
			}
			th, err := think(cmd.Context(), e, image)
			if err != nil {
				return err
			}
			return showThought(cmd, th, speed, asJSON)
		},
	}
	cmd.Flags().StringVar(&image, "image", "", "`N|FILE`: the test image with number N, from 0, or a picture")
	optionFlags(cmd, &o, []string{"data", "calibrate", "normalize", "preset"}, runOptions)
	cmd.Flags().Float64Var(&speed, "speed", 40, "show `N` timesteps per second")
	jsonFlag(cmd, &asJSON)
	finish(cmd)
	_ = cmd.RegisterFlagCompletionFunc("image", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"png", "jpg", "jpeg"}, cobra.ShellCompDirectiveFilterFileExt
	})
	return cmd
}

func showThought(cmd *cobra.Command, th *watch.Thought, speed float64, asJSON bool) error {
	out := cmd.OutOrStdout()
	if asJSON {
		return json.NewEncoder(out).Encode(th)
	}
	if screen := terminal.Of(out); screen != nil {
		if t := th.Play(cmd.Context(), screen, speed); t < th.Latency {
			return fmt.Errorf("%w at timestep %d of %d", errInterrupted, t, th.Latency)
		}
		return nil // The last frame says all that is printed.
	}
	th.Print(out)
	return nil
}

// look reads the image that --image names.
func look(e *experiment.Experiment, image string) (*watch.Image, error) {
	_, shape, _ := e.Takes()
	i, err := strconv.Atoi(image)
	if err != nil {
		return lookAt(image, shape)
	}
	switch {
	case e.Test == nil:
		return nil, missingData()
	case i < 0 || i >= e.Test.Len():
		return nil, hint.Error(fmt.Errorf("--image %d: the test images of %s are 0 to %d", i, e.Options.Data, e.Test.Len()-1), "for a file whose name is a number, write ./%d", i)
	}
	seen := &watch.Image{Name: fmt.Sprintf("image %d of %s", i, experiment.SourceOf(e.Options.Data)), Index: i, Label: e.Test.Label(i), Pixels: make([]float32, shape.Len()), Values: e.Test.Prepared()}
	if seen.Frames, err = e.Test.AllFrames(i); err != nil {
		return nil, err
	}
	return seen, e.Test.Pixels(i, seen.Pixels)
}

// lookAt reads a picture.
func lookAt(name string, shape []int) (*watch.Image, error) {
	file, invert, err := dataset.ParsePicture(name)
	if err != nil {
		return nil, usage("--image: %w", err)
	}
	if file.Crop > 0 && (shape[1] != file.Crop || shape[2] != file.Crop) {
		return nil, usage("--image %s?crop=%d: the network takes %d x %d pixels", file.Source, file.Crop, shape[1], shape[2])
	}
	seen := &watch.Image{Name: file.Source, Label: -1}
	if seen.Pixels, err = dataset.ReadImageFile(file.Source, shape, file.Resize); err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			err = hint.Error(err, "give an image file, or the number of a test image; %s?resize=N gives the length of its shorter side", file.Source)
		}
		return nil, err
	}
	if invert {
		for i, x := range seen.Pixels {
			seen.Pixels[i] = 255 - x
		}
	}
	return seen, nil
}

// think presents the image to both networks.
func think(ctx context.Context, e *experiment.Experiment, image string) (*watch.Thought, error) {
	seen, err := look(e, image)
	if err != nil {
		return nil, err
	}
	net, err := e.Network(ctx)
	if err != nil {
		return nil, err
	}
	name, shape, _ := e.Takes()
	if e.Options.Normalize == "" {
		return nil, usage("--normalize is missing: %s does not say how pixels were normalised; give %s", e.Options.Model, dataset.Normalizations)
	}
	norm, err := dataset.ParseNormalization(e.Options.Normalize, shape[0])
	if err != nil {
		return nil, usage("--normalize: %w", err)
	}
	seen.Input = slices.Clone(seen.Pixels)
	norm.Apply(seen.Input, shape)
	readout, err := eval.ParseReadout(e.Options.Readout)
	if err != nil {
		return nil, err
	}
	w := watch.Options{Model: name, Graph: e.Graph, Network: net, Sim: e.Options.Sim(), Readout: readout}
	w.Sim.Workers = e.Options.WorkerCount()
	if e.Test != nil {
		w.ClassName = e.Test.ClassName
	}
	return watch.Run(ctx, *seen, w)
}
