package dataset

import "strconv"

// classNames are the names of the classes, by data set, in the order of the
// labels [krizhevsky2009, xiao2017]. Digits are their own names.
//
// References:
//
//	[xiao2017]  Han Xiao, Kashif Rasul and Roland Vollgraf. Fashion-MNIST: a Novel
//	            Image Dataset for Benchmarking Machine Learning Algorithms. 2017.
var classNames = map[string][]string{
	"cifar10":       {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
	"fashion-mnist": {"T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"},
}

// ClassNames returns a name for every class, in the order of the labels; numbers
// where the names are not known.
func (d *Dataset) ClassNames() []string {
	names := make([]string, d.classes)
	copy(names, classNames[d.name])
	for i, s := range names {
		if s == "" {
			names[i] = strconv.Itoa(i)
		}
	}
	return names
}

// ClassName returns the name of class k, or its number where there is none.
func (d *Dataset) ClassName(k int) string {
	if names := classNames[d.name]; k >= 0 && k < len(names) {
		return names[k]
	}
	return strconv.Itoa(k)
}
