package public_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sresnet/dataset"
	"sresnet/internal/download"
	"sresnet/models/public"
	"sresnet/resnet"
)

// Every entry is one that this program can read, with data and a normalisation that it has,
// and whole.
func TestModels(t *testing.T) {
	seen := make(map[string]bool)
	for _, m := range public.Models() {
		for _, key := range []string{m.Name, m.URL, m.SHA256} {
			if seen[key] {
				t.Errorf("%s: %q is there twice", m.Name, key)
			}
			seen[key] = true
		}
		if !slices.Contains(resnet.Architectures(), m.Arch) {
			t.Errorf("%s: there is no architecture %s", m.Name, m.Arch)
		}
		if ext := path.Ext(m.File); ext != ".safetensors" && !slices.Contains(resnet.StateDicts(), ext) {
			t.Errorf("%s: %s ends in none of what is read", m.Name, m.File)
		}
		if _, err := dataset.ParseNormalization(m.Normalize, 3); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
		if _, err := dataset.ParseSpec(m.Data); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
		for _, address := range []string{m.URL, m.Source} {
			if u, err := url.Parse(address); err != nil || u.Scheme != "https" || u.RawQuery != "" {
				t.Errorf("%s: address %q: %v", m.Name, address, err)
			}
		}
		if !regexp.MustCompile(`^([0-9a-f]{8}|[0-9a-f]{64})$`).MatchString(m.SHA256) {
			t.Errorf("%s: SHA-256 %q", m.Name, m.SHA256)
		}
		// Names of files of PyTorch's hub hold the first digits of the checksum.
		if ext := path.Ext(m.URL); ext != ".safetensors" && !strings.HasSuffix(m.URL, "-"+m.SHA256[:8]+ext) {
			t.Errorf("%s: %s does not go with SHA-256 %s", m.Name, m.URL, m.SHA256)
		}
		if !(m.Top1 > 50 && m.Top1 < 100) || m.Parameters < 200_000 || m.Licence == "" || m.By == "" || m.Trained == "" {
			t.Errorf("%s: %+v", m.Name, m)
		}
		if m.Bytes != 0 && (m.Bytes < 4*int64(m.Parameters) || m.Bytes > 5*int64(m.Parameters)) {
			t.Errorf("%s: %d bytes for %d parameters", m.Name, m.Bytes, m.Parameters)
		}
	}
	if len(seen) < 3*15 {
		t.Errorf("only %d networks", len(seen)/3)
	}
}

func TestKnown(t *testing.T) {
	if m, ok := public.Known("ResNet20-CIFAR10"); !ok || m.Name != "resnet20-cifar10" || m.File != "resnet20-cifar10.pt" {
		t.Errorf("got %+v, %v", m, ok)
	}
	if m, ok := public.Known("resnet20-cifar10-option-a"); !ok || m.File != "resnet20-cifar10-option-a.pth" {
		t.Errorf("got %+v, %v", m, ok)
	}
	if _, ok := public.Known("resnet20"); ok {
		t.Error("resnet20 is known")
	}
}

// The keys of the JSON form are an interface.
func TestJSON(t *testing.T) {
	b, err := json.Marshal(public.Models()[0])
	const want = `{"name":"resnet20-cifar10-option-a","arch":"resnet20-cifar","trained_on":"CIFAR-10","top1":91.73,"parameters":270000,` +
		`"normalize":"imagenet","data":"cifar10:DIR","licence":"BSD-2-Clause","by":"akamaster","source":"https://github.com/akamaster/pytorch_resnet_cifar10",` +
		`"url":"https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/pretrained_models/resnet20-12fca82f.th","sha256":"12fca82f","file":"resnet20-cifar10-option-a.pth"}`
	if err != nil || string(b) != want {
		t.Errorf("got %s, error %v", b, err)
	}
}

// A network arrives, whole, and what is printed says where and whose.
func TestGet(t *testing.T) {
	content := bytes.Repeat([]byte("weights "), 10000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}))
	defer server.Close()
	sum := sha256.Sum256(content)
	all := hex.EncodeToString(sum[:])
	for _, digits := range []string{all, all[:8]} {
		m, _ := public.Known("resnet50-imagenet-v2")
		m.URL, m.SHA256 = server.URL+"/there.pth", digits
		file := filepath.Join(t.TempDir(), "with space.pth")
		for _, want := range []bool{false, true} {
			there, err := m.Get(t.Context(), file, download.Options{})
			if err != nil || there != want {
				t.Fatalf("got %v, want %v, error %v", there, want, err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, content) {
			t.Errorf("got %d bytes, error %v", len(got), err)
		}
		if got := m.DataIn(); got != "folder:imagenet?resize=232&crop=224" {
			t.Errorf("data in %s", got)
		}
		var b strings.Builder
		m.PrintFile(&b, file, true)
		text := strings.Join(strings.Fields(b.String()), " ")
		checked := "its SHA-256 is the published one."
		if digits != all {
			checked = "its SHA-256 begins with " + digits + ", which is all that is published."
		}
		for _, part := range []string{
			"resnet50-imagenet-v2 was already in " + file + "; " + checked,
			"a top-1 accuracy of 80.86 % (resized to 232, 224x224 of it); licence BSD-3-Clause: https://docs.pytorch.org",
		} {
			if !strings.Contains(text, part) {
				t.Errorf("no %q in %s", part, text)
			}
		}
	}
}
