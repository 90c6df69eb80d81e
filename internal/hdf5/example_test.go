package hdf5_test

import (
	"fmt"
	"os"
	"path/filepath"

	"sresnet/internal/hdf5"
)

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "net.nir")

	w, err := hdf5.Create(name)
	if err != nil {
		panic(err)
	}
	defer w.Abort()
	node := w.Root().Group("node")
	node.Dataset("type", nil, "Linear", hdf5.Storage{})
	node.Dataset("weight", []int{2, 3}, []float32{1, 2, 3, 4, 5, 6}, hdf5.Storage{Deflate: 4, Shuffle: true})
	if err := w.Close(); err != nil {
		panic(err)
	}

	f, err := hdf5.OpenFile(name, hdf5.Options{})
	if err != nil {
		panic(err)
	}
	defer f.Close()
	err = f.Walk(func(path string, o hdf5.Object) error {
		d, ok := o.(*hdf5.Dataset)
		if !ok {
			fmt.Println(path)
			return nil
		}
		if d.Type().Kind == hdf5.String {
			s, err := d.Text()
			fmt.Println(path, s)
			return err
		}
		x, err := d.Float32s()
		fmt.Println(path, d.Type(), d.Shape(), x)
		return err
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// /
	// /node
	// /node/type Linear
	// /node/weight float32 [2 3] [1 2 3 4 5 6]
}
