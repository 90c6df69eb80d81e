package play

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"strconv"
	"time"

	"sresnet/internal/hint"
)

// Server serves the page, on this machine only.
type Server struct {
	listener net.Listener
}

// Listen opens a port of 127.0.0.1; 0 is for any that is free.
func Listen(port int) (*Server, error) {
	l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, hint.Error(fmt.Errorf("play: port %d: %w", port, err), "give another {port}, or none for any that is free")
	}
	return &Server{l}, nil
}

// port returns the number of the port.
func (s *Server) port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// URL returns the address of the page.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() + "/" }

// Serve serves the page until ctx ends, which is no error.
func (s *Server) Serve(ctx context.Context) error {
	h := &http.Server{
		Handler: handler(strconv.Itoa(s.port())), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 1 << 14,
	}
	stop := context.AfterFunc(ctx, func() { _ = h.Close() })
	defer stop()
	if err := h.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("play: %w", err)
	}
	return nil
}

// handler answers for the page and for nothing else. A page of another site can make a browser
// ask here under a name of its own: such a Host is refused.
func handler(port string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		html, policy := page()
		head := w.Header()
		head.Set("Content-Security-Policy", policy+"; frame-ancestors 'none'")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		head.Set("Cache-Control", "no-store")
		switch {
		case r.Host != "127.0.0.1:"+port && r.Host != "localhost:"+port:
			http.Error(w, "this server answers to 127.0.0.1:"+port+" only", http.StatusForbidden)
		case r.URL.Path != "/":
			http.NotFound(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			head.Set("Allow", "GET, HEAD")
			http.Error(w, "the page can only be read", http.StatusMethodNotAllowed)
		default:
			head.Set("Content-Type", "text/html; charset=utf-8")
			head.Set("Content-Length", strconv.Itoa(len(html)))
			_, _ = w.Write(html) // Whoever asked may have gone.
		}
	})
}

// Browse has the system open an address in a browser. It does not wait; where there is no
// browser, nothing happens.
func Browse(url string) {
	name, args := "xdg-open", []string{url}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	}
	cmd := exec.Command(name, args...)
	if cmd.Start() == nil {
		go func() { _ = cmd.Wait() }()
	}
}
