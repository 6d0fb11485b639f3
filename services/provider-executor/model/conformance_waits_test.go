package model_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/services/provider-executor/modelsim"
)

func waitedOut(t *testing.T, p model.Provider) {
	var at []time.Time // calls come one after the other
	c, _ := connect(t, p, func(call modelsim.Call) modelsim.Reply {
		switch at = append(at, time.Now()); len(at) {
		case 1:
			return modelsim.Reply{Status: 429, Text: "Rate limit reached", Header: http.Header{"Retry-After": {"1"}}}
		case 2:
			return modelsim.Reply{Status: 503, Text: "Overloaded", Header: http.Header{"Retry-After": {"1.2"}}}
		}
		return oracle(call)
	})
	if _, err := decide(c); err != nil {
		t.Fatal(err)
	}
	for i, asked := range []time.Duration{time.Second, 1200 * time.Millisecond} {
		if waited := at[i+1].Sub(at[i]); waited < asked {
			t.Errorf("asked again after %s, although told to wait %s", waited, asked)
		}
	}
}

func outage(t *testing.T, p model.Provider) {
	var mu sync.Mutex
	calls := 0
	var handle http.Handler
	c := client(t, p, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		calls++
		handle.ServeHTTP(w, r)
	}))
	soon := http.Header{"Retry-After": {"0.01"}}
	broken := modelsim.New(func(modelsim.Call) modelsim.Reply {
		return modelsim.Reply{Status: 503, Text: "Down for repairs", Header: soon}
	})
	for n := range 3 {
		handle, calls = broken, 0
		_, err := decide(c)
		if e := failsWith(t, err, model.CodeUnavailable); calls != 4 || e.Status != 503 || errors.Is(err, model.ErrResting) {
			t.Errorf("outage %d: %d calls, then: %s", n, calls, e)
		}
	}
	handle, calls = modelsim.New(oracle), 0
	start := time.Now()
	_, err := decide(c)
	e := failsWith(t, err, model.CodeUnavailable)
	if !errors.Is(err, model.ErrResting) || calls != 0 || time.Since(start) > 5*time.Second || e.Provider != p ||
		!strings.Contains(e.Message, "Down for repairs") || !strings.HasPrefix(e.Message, string(p)+" is not asked for now") {
		t.Errorf("%d calls in %s, then: %s", calls, time.Since(start), e)
	}
}

func longRateLimit(t *testing.T, p model.Provider) {
	c, sim := connect(t, p, modelsim.Sequence(
		modelsim.Reply{Status: 429, Text: "Daily limit reached", Header: http.Header{"Retry-After": {"3600"}}}, modelsim.Reply{Text: "never"}))
	_, err := decide(c)
	if e := failsWith(t, err, model.CodeRateLimited); e.RetryAfter != time.Hour || e.Status != 429 || len(sim.Calls()) != 1 {
		t.Errorf("RetryAfter %s, status %d, %d calls", e.RetryAfter, e.Status, len(sim.Calls()))
	}
}

func serverError(t *testing.T, p model.Provider) {
	var once sync.Once
	c, sim := connect(t, p, func(call modelsim.Call) modelsim.Reply {
		reply := oracle(call)
		once.Do(func() { reply = modelsim.Reply{Status: 500, Text: "oops"} })
		return reply
	})
	if resp, err := decide(c); err != nil || resp.Text != oracleSays || len(sim.Calls()) != 2 {
		t.Errorf("Decide = %q, %v after %d calls", resp.Text, err, len(sim.Calls()))
	}
}

func brokenConnection(t *testing.T, p model.Provider) {
	sim := modelsim.New(oracle)
	var once sync.Once
	c := client(t, p, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		once.Do(func() { panic(http.ErrAbortHandler) })
		sim.ServeHTTP(w, r)
	}))
	if resp, err := decide(c); err != nil || resp.Text != oracleSays {
		t.Errorf("Decide = %q, %v", resp.Text, err)
	}
}
