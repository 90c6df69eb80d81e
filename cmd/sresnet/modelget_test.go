package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"sresnet/models/public"
)

// get writes a network of a server's to a file, which other commands take; given again it
// downloads nothing, and a folder is where the file goes.
func TestModelGet(t *testing.T) {
	content := randomWeights(t)
	sum := sha256.Sum256(content)
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}))
	defer server.Close()
	m := public.Model{Name: "resnet20-mnist", File: "resnet20-mnist.safetensors", URL: server.URL + "/model.safetensors", SHA256: hex.EncodeToString(sum[:]), Trained: "MNIST", Data: "mnist", Normalize: "mnist", By: "us", Licence: "none", Source: server.URL}
	dir := t.TempDir()
	for range 2 {
		var stdout, stderr bytes.Buffer
		cmd := new(cobra.Command)
		cmd.SetContext(t.Context())
		cmd.SetOut(&stdout)
		cmd.SetErr(&stderr)
		if err := runModelGet(cmd, m, dir); err != nil {
			t.Fatalf("%v: %s", err, stderr.String())
		}
		if !strings.Contains(strings.Join(strings.Fields(stdout.String()), " "), "Next: sresnet eval "+filepath.Join(dir, "resnet20-mnist.safetensors")+" --data mnist") {
			t.Errorf("got %s", stdout.String())
		}
	}
	if requests != 1 {
		t.Errorf("%d requests", requests)
	}
	code, stdout, stderr := sresnet(t, t.Context(), "inspect", filepath.Join(dir, "resnet20-mnist.safetensors"))
	if code != 0 || !strings.Contains(stdout, "The network converts.") {
		t.Errorf("inspect: exit code %d: %s%s", code, stdout, stderr)
	}
}

// The list fits a terminal, and its JSON has all.
func TestModelList(t *testing.T) {
	code, stdout, stderr := sresnet(t, t.Context(), "model", "list")
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	fits(t, "model list", stdout)
	code, text, stderr := sresnet(t, t.Context(), "model", "list", "--json")
	var list struct{ Models []public.Model }
	if err := json.Unmarshal([]byte(text), &list); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v: %s", code, err, stderr)
	}
	if len(list.Models) != len(public.Models()) {
		t.Errorf("%d networks of %d", len(list.Models), len(public.Models()))
	}
	for _, m := range list.Models {
		if !strings.Contains(stdout, " "+m.Name+" ") {
			t.Errorf("%s is not in the table", m.Name)
		}
	}
}

// internet is a proxy behind which every server is one of our own, with a certificate that
// the program is told to trust. It returns a function that runs the program with it.
func internet(t *testing.T, handle http.HandlerFunc) (run func(ctx context.Context, args ...string) (code int, stderr string)) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"github.com"}, IsCA: true, BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(handle)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "only CONNECT", http.StatusBadRequest)
			return
		}
		up, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		down, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			up.Close()
			return
		}
		fmt.Fprint(down, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { io.Copy(up, down); up.Close() }()
		go func() { io.Copy(down, up); down.Close() }()
	}))
	t.Cleanup(proxy.Close)
	dir := t.TempDir()
	authority := filepath.Join(dir, "authority.pem")
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
	if err := os.WriteFile(authority, b, 0o644); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "sresnet") // Under this name the test binary is the program.
	if err := os.Symlink(self, program); err != nil {
		t.Skip(err)
	}
	return func(ctx context.Context, args ...string) (int, string) {
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.Env = append(os.Environ(), "HTTPS_PROXY="+proxy.URL, "SSL_CERT_FILE="+authority, "NO_PROXY=")
		var stderr strings.Builder
		cmd.Stderr = &stderr
		_ = cmd.Run() // Its exit code says enough.
		return cmd.ProcessState.ExitCode(), stderr.String()
	}
}

// The published addresses are asked, through the proxy of the environment, and whatever comes
// instead of the file leaves an error that helps, and no file.
func TestModelGetErrors(t *testing.T) {
	var answer http.HandlerFunc
	var asked []string
	run := internet(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Host+r.URL.Path)
		answer(w, r)
	})
	for _, tt := range []struct {
		name     string
		answer   http.HandlerFunc
		says     []string
		leftover bool
	}{
		{"not found", http.NotFound, []string{`the server answers "404 Not Found"`, "it is published at https://github.com/chenyaofo/pytorch-cifar-models"}, false},
		{"a page", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>Log in") }, []string{"a web page came in place of the file", "hint: "}, false},
		{"other bytes", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "weights") }, []string{"the file is not the published one: its SHA-256 is 9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c", "not 4118986f...", "hint: "}, false},
		{"a broken connection", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.Write(make([]byte, 400))
		}, []string{"interrupted after 400 bytes, which are kept", "which resumes where it stopped"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer, asked = tt.answer, nil
			dir := t.TempDir()
			code, stderr := run(t.Context(), "model", "get", "resnet20-cifar10", dir)
			if strings.Contains(stderr, "x509: ") {
				t.Skipf("this system has no SSL_CERT_FILE: %s", stderr)
			}
			for _, part := range tt.says {
				if code != exitError || !strings.Contains(stderr, part) {
					t.Errorf("exit code %d, no %q in: %s", code, part, stderr)
				}
			}
			if got := strings.Join(asked, " "); got != "github.com/chenyaofo/pytorch-cifar-models/releases/download/resnet/cifar10_resnet20-4118986f.pt" {
				t.Errorf("asked for %s", got)
			}
			if list, err := os.ReadDir(dir); err != nil || (len(list) > 0) != tt.leftover {
				t.Errorf("left: %v, error %v", list, err)
			}
		})
	}
}

// Ctrl-C ends a download at once, and what has come is kept.
func TestModelGetInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	run := internet(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.Write(make([]byte, 400))
		w.(http.Flusher).Flush()
		time.AfterFunc(200*time.Millisecond, cancel)
		<-r.Context().Done()
	})
	dir := t.TempDir()
	code, stderr := run(ctx, "model", "get", "resnet20-cifar10", dir)
	if strings.Contains(stderr, "x509: ") {
		t.Skipf("this system has no SSL_CERT_FILE: %s", stderr)
	}
	if code != exitInterrupted || stderr != "sresnet: error: interrupted while downloading\nsresnet: hint: the same command resumes where it stopped\n" {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if info, err := os.Stat(filepath.Join(dir, "resnet20-cifar10.pt.part")); err != nil || info.Size() != 400 {
		t.Errorf("the part: %v, %v", info, err)
	}
}
