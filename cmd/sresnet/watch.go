package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"sresnet/experiment"
	"sresnet/internal/terminal"
	"sresnet/watch"
	"sresnet/watch/gallery"
)

func newWatch() *cobra.Command {
	var (
		o      = experiment.DefaultOptions()
		image  string
		out    string
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

Keys: space pauses, and begins anew at the end; the left and right arrows go from
timestep to timestep, those up and down to other images; + and - change the
speed; q quits. Where nobody can type, it ends by itself.

With -o it draws a film for slides, of one image or of several side by side
(--image 0-8 or 3,7,12), instead.

If the output is not a terminal, it prints the state after 1, 2, 4, 8, ...
timesteps.`,
		Example: `  sresnet watch --image 7
  sresnet watch --image 'digit.png?invert'
  sresnet watch resnet20.onnx --data cifar10:cifar10 --image cat.jpg --speed 20
  sresnet watch runs/resnet20 --image 7
  sresnet watch resnet20.nir --image cat.jpg
  sresnet watch --image 0-8 -T 100 -o spikes.gif
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
			return watchImages(cmd, e, image, out, speed, asJSON)
		},
	}
	cmd.Flags().StringVar(&image, "image", "", "`N|FILE`: the test image with number N, from 0, or a picture; with --out also several, 0-8 or 3,7,12")
	optionFlags(cmd, &o, []string{"data", "calibrate", "normalize", "preset"}, runOptions)
	cmd.Flags().Float64Var(&speed, "speed", 40, "show `N` timesteps per second")
	outFlag(cmd, &out, "draw a film for slides, `FILE`.gif or .apng, or its last frame, .svg or .png")
	jsonFlag(cmd, &asJSON)
	finish(cmd)
	_ = cmd.RegisterFlagCompletionFunc("image", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"png", "jpg", "jpeg"}, cobra.ShellCompDirectiveFilterFileExt
	})
	return cmd
}

// watchImages shows the images that --image names.
func watchImages(cmd *cobra.Command, e *experiment.Experiment, image, file string, speed float64, asJSON bool) error {
	suffix := filepath.Ext(file)
	switch {
	case file != "" && !slices.Contains(watch.Suffixes, suffix):
		return usage("--out %s: give a name that ends in %s", file, experiment.Either(watch.Suffixes))
	case file != "" && asJSON:
		return usage("--json prints one object: leave it out, or --out")
	}
	g, err := gallery.Open(e, image)
	if errors.Is(err, gallery.ErrNoData) {
		return missingData()
	}
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	screen := terminal.Of(out)
	if g.Len() > 1 && file == "" && (asJSON || screen == nil) {
		return usage("--image %s: give one image, or a file with --out; in a terminal, the arrow keys go from one to the next", image)
	}
	if file != "" {
		return drawFilm(cmd, e, g, file, suffix, speed)
	}
	th, err := g.Watch(cmd.Context(), 0)
	switch {
	case err != nil:
		return err
	case asJSON:
		return json.NewEncoder(out).Encode(th)
	case screen == nil:
		th.Print(out)
		return nil
	}
	keys, restore := terminal.Keys(cmd.InOrStdin())
	defer restore()
	err = (&watch.Player{Speed: speed, Keys: keys, Move: g.Mover()}).Play(cmd.Context(), screen, th)
	if early := (*watch.Interrupted)(nil); errors.As(err, &early) {
		return fmt.Errorf("%w %w", errInterrupted, err)
	}
	return err // The last frame says all that is printed.
}

// drawFilm writes a film, or a still, of all images.
func drawFilm(cmd *cobra.Command, e *experiment.Experiment, g *gallery.Gallery, file, suffix string, speed float64) error {
	f, err := g.Film(cmd.Context(), speed)
	if err != nil {
		return err
	}
	var stop func()
	f.Progress, stop = e.Options.Step("drawing")
	err = writeTo(file, func(w io.Writer) error { return f.Write(cmd.Context(), w, suffix) })
	if stop(); err == nil {
		terminal.Printf(cmd.OutOrStdout(), "%s: %s\n", file, f)
	}
	return err
}
