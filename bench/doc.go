// Package bench compares the program with other simulators and runtimes. It holds no
// code to import, only what to compare with, in Python and JavaScript, and the tests
// that hold PyTorch's results against ours; the command in the folder compare
// measures. See README.md.
package bench
