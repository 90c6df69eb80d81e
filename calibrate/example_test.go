package calibrate_test

import (
	"fmt"

	"sresnet/calibrate"
)

// The percentile is an element of the activations in ascending order.
func ExampleRank() {
	fmt.Println(calibrate.Rank(99.9, 1000))
	fmt.Println(calibrate.Rank(99.9, 999))
	fmt.Println(calibrate.Rank(100, 1000))
	// Output:
	// 999
	// 998
	// 1000
}
