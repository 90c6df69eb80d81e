package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"sresnet/dataset"
	"sresnet/internal/terminal"
	"sresnet/models"
	"sresnet/onnx"
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
		return th.play(ctx, screen, o.speed) // Its last frame says all of the summary.
	}
	th.printSteps(out)
	th.printSummary(out)
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

// framesASecond bounds how often the terminal is drawn on.
const framesASecond = 20

// play draws the thought in place, speed timesteps a second, until it ends.
func (th *thought) play(ctx context.Context, out *os.File, speed float64) error {
	fmt.Fprint(out, "\x1b[?25l")       // The cursor would flicker.
	defer fmt.Fprint(out, "\x1b[?25h") // Show it again.
	tick := time.NewTicker(time.Second / framesASecond)
	defer tick.Stop()
	d, start := terminal.Colours(os.Getenv), time.Now()
	var w, h, drawn, lines int // Size and timestep of what is on the screen.
	for {
		nw, nh, err := term.GetSize(int(out.Fd()))
		if err != nil || nw < 1 || nh < 2 { // Some lines have no size.
			nw, nh = 80, 24
		}
		t := min(1+int(time.Since(start).Seconds()*speed), th.Timesteps)
		if t != drawn || nw != w || nh != h {
			switch {
			case drawn == 0:
			case nw != w || nh != h:
				fmt.Fprint(out, "\x1b[2J\x1b[H") // Lines may have wrapped: begin anew.
			default:
				fmt.Fprintf(out, "\x1b[%dA", lines)
			}
			w, h, drawn = nw, nh, t
			lines = th.draw(out, t, w, h-1, d) // The last line of the screen is for the cursor.
		}
		if t == th.Timesteps {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w at timestep %d of %d", errInterrupted, t, th.Timesteps)
		case <-tick.C:
		}
	}
}

// draw writes the frame of timestep t in one go, over what was there before, and
// returns its number of lines.
func (th *thought) draw(out io.Writer, t, w, h int, d terminal.Depth) int {
	var b strings.Builder
	frame := th.frame(t, w, h, d)
	for _, l := range frame {
		b.WriteString(l.Render(w, d) + "\x1b[K\n") // The line before may have been longer.
	}
	_, _ = io.WriteString(out, b.String()) // Whoever closes the terminal sees nothing anyway.
	return len(frame)
}
