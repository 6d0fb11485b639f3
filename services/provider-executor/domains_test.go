package executor_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	executor "github.com/errand-run/errand/services/provider-executor"
	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	"github.com/errand-run/errand/shared/service"
	"github.com/prometheus/client_golang/prometheus"
)

// elsewhere is a site that nobody should visit, and how often somebody did.
func elsewhere(t *testing.T) (host string, visits *atomic.Int64) {
	t.Helper()
	visits = new(atomic.Int64)
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://"), visits
}

// wanderer visits both addresses in turn and then reports.
func wanderer(first, second string) modelsim.Script {
	steps := make(chan modelsim.Reply, 3)
	steps <- modelsim.Decide("go there", modelsim.Navigate(first))
	steps <- modelsim.Decide("go on", modelsim.Navigate(second))
	steps <- modelsim.Decide("report", modelsim.Done("I have been there.", nil, true))
	return func(modelsim.Call) modelsim.Reply { return <-steps }
}

func TestARunReachesItsAllowedDomainsAndNoOtherHost(t *testing.T) {
	t.Parallel()
	url, _ := counter(t)
	host, visits := elsewhere(t)
	r := newRig(t, wanderer("http://"+host, url)).withBrowser()
	r.serve()
	run := r.run(r.dispatch(event.Request{
		Prompt: "look around", Means: event.Means{AllowedDomains: []string{strings.TrimPrefix(url, "http://")}},
	}))
	if run.Status != event.StatusSuccess || len(run.History) != 3 {
		t.Fatalf("status %s, error %+v, history %s", run.Status, run.Error, raw(run.History))
	}
	there, here := run.History[0].Actions[0], run.History[1].Actions[0]
	if there.Error == nil || !strings.Contains(*there.Error, host+" is not in the run's allowed_domains") {
		t.Errorf("the refused navigation: %s", raw(there))
	}
	if here.Success == nil || !*here.Success {
		t.Errorf("the allowed navigation: %s", raw(here))
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("%d visits", n)
	}
}

func TestARunDoesNotReachThePlatform(t *testing.T) {
	t.Parallel()
	url, _ := counter(t)
	host, visits := elsewhere(t)
	r := newRig(t, wanderer("http://"+host, url)).withOwnBrowser()
	r.cfg.Browser.Egress.Own = []string{host}
	r.serve()
	run := r.run(r.dispatch(event.Request{Prompt: "look around"}))
	if len(run.History) != 3 || !strings.Contains(string(raw(run.History[0])), "is a listener of Errand itself") {
		t.Errorf("history %s", raw(run.History))
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("%d visits", n)
	}
}

func TestDomainsThatNobodyCanEnforceFailTheRun(t *testing.T) {
	t.Parallel()
	r := newRig(t, wanderer("http://127.0.0.1:1", "http://127.0.0.1:1"))
	r.cfg.Browser.CDPURL = "ws://127.0.0.1:1"
	r.serve()
	wantCode(t, r.run(r.dispatch(event.Request{Prompt: "look", Means: event.Means{AllowedDomains: []string{"shop.test"}}})), "allowed_domains_unenforceable")
	wantCode(t, r.run(r.dispatch(event.Request{Prompt: "look", Means: event.Means{AllowedDomains: []string{"a b"}}})), "invalid_allowed_domains")
}

func TestWithoutAWayToTheNetworkTheExecutorEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t, wanderer("", ""))
	r.cfg.Browser.CDPURL, r.cfg.Browser.Egress.Listen = "ws://127.0.0.1:1", "192.0.2.1"
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s := &executor.Service{
		Config: r.cfg, Frame: service.Frame{Bus: r.bus, Log: natstest.Quiet(), Metrics: prometheus.NewRegistry(), Instance: "test"},
	}
	if err := s.Run(ctx); err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "ERRAND_PROXY_LISTEN") {
		t.Errorf("Run: %v, %v", err, ctx.Err())
	}
}

func TestMistakesAboutTheNetworkAreAllNamed(t *testing.T) {
	_, err := executor.LoadConfig(func(name string) string {
		return map[string]string{
			"ERRAND_ALLOW_PRIVATE": "10.0.0.1", "ERRAND_PROXY_LISTEN": "10.0.0.1:3128", "ERRAND_PLATFORM_ADDRS": "gateway:8080,nats",
		}[name]
	})
	for _, want := range []string{`ERRAND_ALLOW_PRIVATE: "10.0.0.1"`, `ERRAND_PROXY_LISTEN: "10.0.0.1:3128"`, `ERRAND_PLATFORM_ADDRS: "nats"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
}
