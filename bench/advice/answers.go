package main

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"sresnet/eval"
)

// answers are what two networks said of images.
type answers struct {
	model     string
	timesteps int
	tunedFor  int
	trained   []bool  // Of each image, whether the trained network is right.
	turns     [][]int // See [eval.Predictions].
}

// keepAnswers writes those of a result into a compressed file: a line with the model, T and
// the T that it is calibrated for, and a line for each image.
func keepAnswers(name string, r *eval.Result) error {
	p := &r.Predictions
	if p.Turns == nil || p.Trained == nil {
		return errors.New("the run does not tell when images are right: repeat it with this version, and a trained network")
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	z, _ := gzip.NewWriterLevel(f, gzip.BestCompression)
	w := bufio.NewWriter(z)
	fmt.Fprintf(w, "%s %d %d\n", r.Model, r.Timesteps, r.TunedFor)
	for i, turns := range p.Turns {
		words := []string{"0"}
		if p.Trained[i] == p.Label[i] {
			words[0] = "1"
		}
		for _, t := range turns {
			words = append(words, strconv.Itoa(t))
		}
		fmt.Fprintln(w, strings.Join(words, " "))
	}
	return errors.Join(w.Flush(), z.Close(), f.Close())
}

// readAnswers reads what keepAnswers wrote.
func readAnswers(name string) (*answers, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	lines, a := bufio.NewScanner(z), new(answers)
	if lines.Scan() {
		_, err = fmt.Sscan(lines.Text(), &a.model, &a.timesteps, &a.tunedFor)
	}
	for err == nil && lines.Scan() {
		words := strings.Fields(lines.Text())
		turns := make([]int, len(words)-1)
		for i := range turns {
			turns[i], err = strconv.Atoi(words[i+1])
		}
		a.trained, a.turns = append(a.trained, words[0] == "1"), append(a.turns, turns)
	}
	if err := errors.Join(err, lines.Err()); err != nil || len(a.turns) == 0 {
		return nil, fmt.Errorf("%s: not a file of answers: %w", name, err)
	}
	return a, nil
}

// of returns the result of an evaluation of some images.
func (a *answers) of(images []int) *eval.Result {
	n, T := float64(len(images)), a.timesteps
	r := &eval.Result{
		Model: a.model, Images: len(images), Timesteps: T, TunedFor: a.tunedFor, Agreement: []float64{},
		SpikingTop1: make([]float64, T), Lost: make([]int, T), Gained: make([]int, T),
	}
	right, both, trained := make([]int, T+1), make([]int, T+1), 0
	for _, i := range images {
		turns := a.turns[i]
		r.Predictions.Turns = append(r.Predictions.Turns, turns)
		for k, t := range turns { // The difference that it makes at t.
			right[t-1] += 1 - 2*(k%2)
			if a.trained[i] {
				both[t-1] += 1 - 2*(k%2)
			}
		}
		if a.trained[i] {
			trained++
		}
	}
	for t := range T {
		if t > 0 {
			right[t] += right[t-1]
			both[t] += both[t-1]
		}
		r.SpikingTop1[t], r.Lost[t], r.Gained[t] = float64(right[t])/n, trained-both[t], right[t]-both[t]
	}
	r.TrainedTop1 = float64(trained) / n
	return r
}
