package dataset

import "strconv"

// classNames are the words of the classes whose numbers do not say it all, by data
// set.
var classNames = map[string][]string{
	"cifar10":       {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
	"fashion-mnist": {"T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"},
}

// ClassName returns a word for class k, or its number where there is none.
func (d *Dataset) ClassName(k int) string {
	if names := classNames[d.name]; k >= 0 && k < len(names) {
		return names[k]
	}
	return strconv.Itoa(k)
}
