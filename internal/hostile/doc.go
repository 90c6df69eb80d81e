// Package hostile holds no code, only the test that the program ends in a clear
// error, soon and in little memory, for any input. The test makes the inputs:
// models, NIR files, data sets, images, runs, options. A new way to break the
// program becomes a case here.
//
// The promise, in numbers, is in docs/reliability.md.
package hostile
