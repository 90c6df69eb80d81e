// Package k8s holds no code, only the test that the types of Kubernetes' API take
// the manifests of package launch. It is a module of its own since they are many
// files, which nothing else needs. To run it:
//
//	go test -C launch/_k8s .
package k8s
