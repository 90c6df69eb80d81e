//go:build unix

package launch

import "syscall"

// nearlyOver is the signal that says that a worker's time is nearly over.
const nearlyOver = syscall.SIGUSR1
