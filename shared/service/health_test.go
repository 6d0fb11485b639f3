package service

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealthIsTheAnswerOfReadyz(t *testing.T) {
	ready := true
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/readyz":
			http.NotFound(w, r)
		case !ready:
			http.Error(w, "NATS is away", http.StatusServiceUnavailable)
		}
	}))
	defer srv.Close()
	addr := srv.Listener.Addr().String()
	if err := Health(t.Context(), addr); err != nil {
		t.Errorf("ready service: %v", err)
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := Health(t.Context(), "0.0.0.0:"+port); err != nil {
		t.Errorf("ready service on all interfaces: %v", err)
	}
	ready = false
	if err := Health(t.Context(), addr); err == nil || !strings.Contains(err.Error(), "NATS is away") {
		t.Errorf("service that is not ready: %v, want its reason", err)
	}
}

func TestHealthSaysWhatIsMissing(t *testing.T) {
	if err := Health(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "ERRAND_ADDR") {
		t.Errorf("no address: %v, want ERRAND_ADDR named", err)
	}
}
