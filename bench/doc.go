// Package bench compares the program with other simulators. It holds no code to
// import, only Python and the test that holds its results against ours: see
// README.md.
package bench
