//go:build unix

package shard

import (
	"errors"
	"syscall"
)

// gone reports whether this machine has no process of that number.
func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
