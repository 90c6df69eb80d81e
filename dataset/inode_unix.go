//go:build unix

package dataset

import (
	"io/fs"
	"syscall"
)

// inode returns the number of a file within its file system, which another file put in
// its place does not have.
func inode(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Ino)
	}
	return 0
}
