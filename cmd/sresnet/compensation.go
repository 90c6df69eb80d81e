package main

import "context"

// compensate applies --compensation to the network.
func (p *pipeline) compensate(ctx context.Context) error { return nil }
func (p *pipeline) compensationText() string             { return p.compensation }
