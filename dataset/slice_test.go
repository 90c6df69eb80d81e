package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"sresnet/tensor"
)

func TestSlice(t *testing.T) {
	d := &Dataset{shape: tensor.Shape{1, 1, 2}, classes: 10, labels: []uint16{3, 1, 9}, images: &byteStore{[]byte{0, 1, 2, 3, 4, 5}, 2}}
	part, err := d.Slice(1, 3)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := labels(part), []int{1, 9}; !slices.Equal(got, want) || d.Len() != 3 {
		t.Errorf("got labels %v, want %v; %d images are left", got, want, d.Len())
	}
	for i, want := range [][]float32{{2, 3}, {4, 5}} {
		got := make([]float32, 2)
		if err := part.Pixels(i, got); err != nil || !slices.Equal(got, want) {
			t.Errorf("image %d: got %v, want %v, error %v", i, got, want, err)
		}
	}
	for _, r := range [][2]int{{-1, 2}, {1, 1}, {2, 1}, {1, 4}} {
		if _, err := d.Slice(r[0], r[1]); err == nil || !strings.Contains(err.Error(), "the images are 0 to 2") {
			t.Errorf("Slice(%d, %d): got error %v", r[0], r[1], err)
		}
	}
}

func TestClassName(t *testing.T) {
	for _, tt := range []struct {
		data string
		k    int
		want string
	}{{"cifar10", 6, "frog"}, {"cifar10", 10, "10"}, {"mnist", 6, "6"}, {"cifar100", 99, "worm"}, {"cifar100", 19, "cattle"}, {"kmnist", 9, "wo"}, {"fashion-mnist", 9, "ankle boot"}, {"cifar10", -1, "-1"}} {
		d := Dataset{name: tt.data}
		if got := d.ClassName(tt.k); got != tt.want {
			t.Errorf("%s, class %d: got %q, want %q", tt.data, tt.k, got, tt.want)
		}
	}
}

// Runs are told apart by the hashes of their images, so that these must never change.
func TestHash(t *testing.T) {
	d := &Dataset{shape: tensor.Shape{1, 1, 2}, classes: 10, labels: []uint16{3, 1, 9}, images: &byteStore{[]byte{0, 1, 2, 3, 4, 5}, 2}}
	want := sha256.Sum256([]byte("3 images of 1x1x2\n\x00\x01\x02\x03\x04\x05\x03\x01\x09"))
	if got := d.Hash(); got != hex.EncodeToString(want[:]) {
		t.Errorf("got %s, want %x", got, want)
	}
	d.classes = 1000
	want = sha256.Sum256([]byte("3 images of 1x1x2\n\x00\x01\x02\x03\x04\x05\x03\x00\x01\x00\x09\x00"))
	if got := d.Hash(); got != hex.EncodeToString(want[:]) {
		t.Errorf("1000 classes: got %s, want %x", got, want)
	}
}
