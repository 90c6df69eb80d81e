package play

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// cifar returns test images of CIFAR-10 as PNG files, and their labels.
func cifar(t *testing.T, n int) (files [][]byte, labels []int) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "shared", "data", "cifar10", "test_batch.bin"))
	if err != nil {
		t.Skip("no CIFAR-10 at hand: ", err)
	}
	for i := range n {
		p := data[3073*i:][:3073]
		img := image.NewRGBA(image.Rect(0, 0, 32, 32))
		for j := range 1024 {
			img.SetRGBA(j%32, j/32, color.RGBA{p[1+j], p[1025+j], p[2049+j], 255})
		}
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		files, labels = append(files, b.Bytes()), append(labels, int(p[0]))
	}
	return files, labels
}

// TestBrowserReal drops real networks and images on the page. How fast they are is printed.
func TestBrowserReal(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute")
	}
	images, labels := cifar(t, 12)
	browser, url := chromium(t), written(t)
	for _, name := range []string{"resnet20_cifar10_chenyaofo", "resnet44_cifar10_akamaster"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "shared", "data", "models", name+".onnx"))
		if err != nil {
			t.Skip("no trained networks at hand: ", err)
		}
		t.Run(name, func(t *testing.T) {
			b := open(t, browser, url, plain)
			b.wait("spikes", `document.documentElement.dataset.first > 0`)
			b.drop(name+".onnx", "", data)
			for i := len(images) - 1; i >= 0; i-- { // The last one dropped is shown.
				b.drop(fmt.Sprintf("%d.png", i), "image/png", images[i])
			}
			b.wait("network", fmt.Sprintf(`document.getElementById("network-says").textContent.startsWith("%s.onnx: ")`, name))
			b.wait("calibration", fmt.Sprintf(`document.getElementById("calibration").textContent.includes("from %d of your images")`, len(images)))
			b.wait("spikes", `Number(document.getElementById("time").value) > 10`)
			b.toEnd()
			t.Logf("%s; %s a second; says %s, trained %s, label %d", b.text(`document.getElementById("network-says").textContent`), b.text(`document.getElementById("rate").textContent`),
				b.text(`document.getElementById("answer").textContent`), b.text(`document.getElementById("trained").textContent`), labels[0])
			b.keep(name)
			if bad := b.text(ink); bad != "" {
				t.Errorf("no ink: %s", bad)
			}
			if says := b.text(`document.getElementById("trained").textContent`); says != fmt.Sprint(labels[0]) {
				t.Errorf("the trained network says %s, label %d: %s", says, labels[0], b.text(`document.getElementById("error").textContent`))
			}
		})
	}
}
