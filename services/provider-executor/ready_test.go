package executor_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	executor "github.com/errand-run/errand/services/provider-executor"
	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	"github.com/errand-run/errand/shared/service"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

func TestAnExecutorWithoutABrowserSaysOverHTTPThatItIsNotReady(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(modelsim.Call) modelsim.Reply {
		return modelsim.Decide("open", modelsim.Navigate("http://127.0.0.1:1/"))
	})
	ln, err := service.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := service.Frame{Bus: r.bus, Log: natstest.Quiet(), Metrics: prometheus.NewRegistry(), Instance: "i", Listener: ln}
	s := &executor.Service{Config: r.cfg, Frame: f}
	ctx, stop := context.WithCancel(t.Context())
	var g errgroup.Group
	g.Go(func() error { return f.Serve(ctx, s.Ready) })
	g.Go(func() error { return s.Run(ctx) })
	wantCode(t, r.run(r.dispatch(event.Request{Prompt: "look"})), "no_browser")
	natstest.Eventually(t, func() error {
		resp, err := http.Get("http://" + ln.Addr().String() + "/readyz")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "chromium") {
			return fmt.Errorf("%s %s %v", resp.Status, body, err)
		}
		return nil
	})
	stop()
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}
