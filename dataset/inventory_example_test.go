package dataset_test

import (
	"encoding/json"
	"fmt"
	"log"

	"sresnet/dataset"
)

// One process lists the images, several others take a part of them each.
func ExampleInventory() {
	d, err := dataset.Open("mnist", dataset.Test)
	if err != nil {
		log.Fatal(err)
	}
	v, err := d.Inventory() // Of image files, of what Checked returns.
	if err != nil {
		log.Fatal(err)
	}
	data, err := json.Marshal(v)
	if err != nil {
		log.Fatal(err)
	}

	// Elsewhere:
	w := new(dataset.Inventory)
	if err := json.Unmarshal(data, w); err != nil {
		log.Fatal(err)
	}
	same, err := w.Open() // An error unless the images are the same.
	if err != nil {
		log.Fatal(err)
	}
	part, err := same.Slice(2500, 5000)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(part.Len(), "of", same.Len(), "images")
	// Output: 2500 of 10000 images
}
