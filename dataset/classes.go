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
	"cifar10": {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
	"cifar100": {
		"apple", "aquarium fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl",
		"boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair",
		"chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin",
		"elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp",
		"lawn mower", "leopard", "lion", "lizard", "lobster", "man", "maple tree", "motorcycle", "mountain",
		"mouse", "mushroom", "oak tree", "orange", "orchid", "otter", "palm tree", "pear", "pickup truck",
		"pine tree", "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road",
		"rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider",
		"squirrel", "streetcar", "sunflower", "sweet pepper", "table", "tank", "telephone", "television", "tiger",
		"tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow tree", "wolf", "woman",
		"worm",
	},
	"fashion-mnist": {"T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"},
	"kmnist":        {"o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"},
}

// ClassNames returns a name for every class, in the order of the labels; numbers
// where the names are not known.
func (d *Dataset) ClassNames() []string {
	names := make([]string, d.classes)
	copy(names, d.classNames())
	for i, s := range names {
		if s == "" {
			names[i] = strconv.Itoa(i)
		}
	}
	return names
}

// ClassName returns the name of class k, or its number where there is none.
func (d *Dataset) ClassName(k int) string {
	if names := d.classNames(); k >= 0 && k < len(names) {
		return names[k]
	}
	return strconv.Itoa(k)
}

func (d *Dataset) classNames() []string {
	if d.names != nil {
		return d.names
	}
	return classNames[d.name]
}
