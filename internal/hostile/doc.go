// Package hostile holds no code, only the test that the program ends in a clear
// error, soon and in little memory, whatever it is given. What it is given is made
// by the test: models, NIR files, data sets, images, runs, options. A new way to
// break the program becomes a case here.
//
// The promise, in numbers, is in docs/reliability.md.
package hostile
