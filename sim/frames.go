package sim

import "context"

// Images are images that [Engine.Present] presents, CHW and normalised.
type Images interface {
	Image(i int, dst []float32) error // Writes image i to dst.
}

// Sequences are images that are made of frames, such as the events of a camera summed over
// stretches of time. Image then gives the mean of the frames: the rate coding of an image
// is its mean over time, so that this is what a network without time sees.
type Sequences interface {
	Images
	Frames() int                         // How many frames an image has; 1 for one that does not change.
	Sequence(i int, dst []float32) error // Writes the frames of image i, one after the other, to dst.
}

// Present runs image i of images, whose pixels, read before, are given: its frames by
// [Engine.RunFrames] where it is made of several, else these pixels.
func (e *Engine) Present(ctx context.Context, images Images, i int, pixels []float32) (*Record, error) {
	s, ok := images.(Sequences)
	if !ok || s.Frames() < 2 {
		return e.Run(ctx, pixels, i)
	}
	if n := s.Frames() * e.plan.net.Input.Shape.Len(); len(e.frames) != n {
		e.frames = make([]float32, n)
	}
	if err := s.Sequence(i, e.frames); err != nil {
		return nil, err
	}
	return e.RunFrames(ctx, e.frames, i)
}
