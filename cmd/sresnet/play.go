package main

import (
	"io"

	"github.com/spf13/cobra"

	"sresnet/internal/terminal"
	"sresnet/play"
)

func newPlay() *cobra.Command {
	var (
		out  string
		port int
	)
	cmd := &cobra.Command{
		Use:   "play",
		Short: "Draw a digit in the browser and watch the network think",
		Long: `play opens a page in the browser: draw a digit, or choose an image, and watch the
built-in spiking ResNet look at it, timestep by timestep. Drop an ONNX file of your
own on the page, and it is converted and simulated there. All of it is computed in
the page; nothing leaves it.

The page is served on 127.0.0.1, for this machine only, until Ctrl-C. -o writes it
as one file instead, which opens from disk.`,
		Example: `  sresnet play
  sresnet play --port 8080
  sresnet play -o play.html`,
		Args:              usageArgs(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := cmd.OutOrStdout()
			switch {
			case port < 0 || port > 65535:
				return usage("--port %d: give a number up to 65535, or 0 for any that is free", port)
			case out != "":
				err := writeTo(out, func(w io.Writer) error { _, err := w.Write(play.Page()); return err })
				if err == nil {
					terminal.Printf(w, "%s\n", out)
				}
				return err
			}
			s, err := play.Listen(port)
			if err != nil {
				return err
			}
			terminal.Printf(w, "%s\nCtrl-C ends it.\n", s.URL())
			if terminal.Of(w) != nil {
				play.Browse(s.URL())
			}
			return s.Serve(cmd.Context())
		},
	}
	outFlag(cmd, &out, "write the page to `FILE` and serve nothing")
	cmd.Flags().IntVar(&port, "port", 0, "serve on port `N` of 127.0.0.1; 0 is for any that is free")
	finish(cmd)
	return cmd
}
