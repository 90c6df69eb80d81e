//go:build !unix

package launch

import "syscall"

// nearlyOver is a signal that does not come.
const nearlyOver = syscall.Signal(-1)
