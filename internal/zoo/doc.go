// Package zoo holds no code, only tests on networks as people have them. One draws
// networks of every operator that is read, in every order and spelling, and compares
// what is made of their files with what ONNX and PyTorch say that they compute. The
// other builds a small network of each family and writes the tables of
// docs/frameworks.md: what is imported, what converts, and what is verified.
package zoo
