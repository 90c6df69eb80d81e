//go:build !unix

package main

import "os"

// walltimeSignals are none here. Interrupts are no more harmful twice.
var walltimeSignals = []os.Signal{os.Interrupt}
