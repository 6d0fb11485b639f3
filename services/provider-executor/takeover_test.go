package executor_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	"github.com/errand-run/errand/shared/vault"
)

// shop is an external ledger: it counts the logins and the orders that really came.
type shop struct {
	url            string
	logins, orders atomic.Int64
	ordering       func() // while an order is in the shop's hands
	answers        bool   // an order is answered at once, not by a redirection
}

func openShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{ordering: func() {}}
	page := func(w http.ResponseWriter, text string) { fmt.Fprint(w, "<!doctype html><title>Shop</title>"+text) }
	const thanks = `<h1>Order number 17</h1><a href=/orders>My orders</a>`
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		page(w, `<h1>Welcome</h1><form method=post action=/login><button>Log in</button></form>`)
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		s.logins.Add(1)
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "ada", HttpOnly: true})
		http.Redirect(w, r, "/basket", http.StatusSeeOther)
	})
	mux.HandleFunc("POST /order", func(w http.ResponseWriter, r *http.Request) {
		s.orders.Add(1)
		s.ordering()
		if s.answers {
			page(w, thanks)
			return
		}
		http.Redirect(w, r, "/thanks", http.StatusSeeOther)
	})
	for path, text := range map[string]string{
		"/basket": `<h1>Basket</h1><form method=post action=/order><label>Note <input name=note></label><button>Place order</button></form>`,
		"/thanks": thanks,
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			if _, err := r.Cookie("session"); err != nil {
				http.Redirect(w, r, "/", http.StatusSeeOther)
				return
			}
			page(w, text)
		})
	}
	mux.HandleFunc("GET /orders", func(w http.ResponseWriter, _ *http.Request) {
		page(w, fmt.Sprintf(`<h1>You have %d orders</h1><a href=/basket>Basket</a>`, s.orders.Load()))
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

// pageLed is a model that does what the page in front of it says, and believes nothing else. At a page with the text
// hold it thinks for ever, once, and says so on held.
func (s *shop) pageLed(hold string) (script modelsim.Script, held chan struct{}) {
	held = make(chan struct{}, 1)
	var once atomic.Bool
	return func(c modelsim.Call) modelsim.Reply {
		page := c.Page()[strings.LastIndex(c.Page(), "<page "):]
		if hold != "" && strings.Contains(page, hold) && !once.Swap(true) {
			held <- struct{}{}
			return modelsim.Reply{Delay: time.Hour}
		}
		for _, button := range []string{"Log in", "Place order"} {
			if index, there := modelsim.Find(page, "button", button); there {
				return modelsim.Decide(button, modelsim.Click(index))
			}
		}
		if strings.Contains(page, "Order number") {
			return modelsim.Decide("report", modelsim.Done("ordered", nil, true))
		}
		return modelsim.Decide("open the shop", modelsim.Navigate(s.url))
	}, held
}

// handOver gives the run of a stopped or lost executor to the next one.
func (r *rig) handOver(k event.Key) {
	r.Helper()
	last, err := r.bus.Last(r.Context(), k)
	if err != nil {
		r.Fatal(err)
	}
	now := r.bus.Now(r.Context())
	run := last.Data.Run
	run.StartedAt = &now
	var step *event.StepRef
	if steps, err := r.bus.Steps(r.Context(), k); err == nil && len(steps) > 0 {
		step = &event.StepRef{Number: steps[len(steps)-1].Data.Number, Sequence: steps[len(steps)-1].Sequence}
	}
	r.dispatchAgain(run, last.Sequence, step)
}

func TestATakeoverGoesOnWhereTheRunStood(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, hold string
		shutdown   bool // else the executor loses its lease
	}{
		{"logged in", "Basket", false},
		{"ordered, then shut down", "Order number", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t)
			script, held := s.pageLed(c.hold)
			r := newRig(t, script).withBrowser()
			r.cfg.Keys = masterKey(t)
			stop := r.serve()
			k := r.dispatch(event.Request{Prompt: "Order."})
			<-held
			if c.shutdown {
				stop()
			}
			r.handOver(k)
			if c.shutdown {
				r.serve()
			}
			run := r.run(k)
			if run.State != event.StateSucceeded || run.Attempt != 2 || s.logins.Load() != 1 || s.orders.Load() != 1 {
				t.Errorf("run %s in attempt %d, %d logins, %d orders: %+v", run.State, run.Attempt, s.logins.Load(), s.orders.Load(), run.Error)
			}
			told := ""
			for _, call := range r.sim.Calls() {
				told += call.Page()
			}
			if !strings.Contains(told, "# A new browser") || !strings.Contains(told, "loaded anew") {
				t.Errorf("the model is not told what was restored: %s", told)
			}
		})
	}
}

func TestAShutdownWaitsForTheOrderInTheShopsHands(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	arrived, stopping := make(chan struct{}), make(chan struct{})
	s.ordering = func() { close(arrived); <-stopping }
	script, _ := s.pageLed("")
	r := newRig(t, script).withBrowser()
	r.cfg.Keys, r.cfg.Grace = masterKey(t), time.Minute
	stop := r.serve()
	k := r.dispatch(event.Request{Prompt: "Order."})
	<-arrived
	stopped := make(chan struct{})
	go func() { defer close(stopped); stop() }()
	close(stopping)
	<-stopped
	steps, err := r.bus.Steps(t.Context(), k)
	if err != nil || len(steps) != 3 || steps[2].Phase != event.Done || steps[2].Data.Actions[0].Unfinished {
		t.Fatalf("the order's step was not let end: %s, %v", raw(steps), err)
	}
	r.handOver(k)
	r.serve()
	if run := r.run(k); run.State != event.StateSucceeded || s.orders.Load() != 1 || s.logins.Load() != 1 {
		t.Errorf("run %s, %d orders, %d logins: %+v", run.State, s.orders.Load(), s.logins.Load(), run.Error)
	}
}

// careful is pageLed, but where it is told that something is not sent again it looks at the orders first.
func (s *shop) careful() modelsim.Script {
	led, _ := s.pageLed("")
	return func(c modelsim.Call) modelsim.Reply {
		told, page, _ := strings.Cut(c.Page(), "<page ")
		step := repeatStep.FindStringSubmatch(told)
		switch {
		case strings.Contains(page, "You have 0 orders"):
			reply := modelsim.Decide("order again", modelsim.Navigate(s.url+"/basket"))
			raw, _ := json.Marshal(reply.JSON)
			return modelsim.Reply{JSON: json.RawMessage(strings.Replace(string(raw), `"evaluation_previous_goal":""`, `"evaluation_previous_goal":"REPEAT STEP 3: there are no orders"`, 1))}
		case strings.Contains(page, "You have 1 orders"):
			return modelsim.Decide("report", modelsim.Done("ordered", nil, true))
		case step != nil:
			return modelsim.Decide("look at the orders", modelsim.Navigate(s.url+"/orders"))
		}
		return led(c)
	}
}

var repeatStep = regexp.MustCompile(`"REPEAT STEP (\d+): "`)

// The executor is lost while the order is in the shop's hands: nobody knows what came of it.
func TestAnOrderOfUnknownOutcomeIsNotSentAgainUnseen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		careful, retry, drops bool // drops: the shop loses the first order
		code                  string
		orders                int64
	}{
		"a model that goes by the page":           {code: "interrupted", orders: 1},
		"a model that looks, and it is there":     {careful: true, orders: 1},
		"a model that looks, and it is not there": {careful: true, drops: true, orders: 1},
		"a task that wants it sent again":         {retry: true, orders: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t)
			arrived, lost := make(chan struct{}), make(chan struct{})
			var once sync.Once
			s.ordering = func() {
				once.Do(func() {
					if c.drops {
						s.orders.Add(-1)
					}
					close(arrived)
					<-lost
				})
			}
			script, _ := s.pageLed("")
			if c.careful {
				script = s.careful()
			}
			r := newRig(t, script).withBrowser()
			r.cfg.Keys = masterKey(t)
			r.serve()
			req := event.Request{Prompt: "Order."}
			if c.retry {
				req.OnInterrupt = "retry"
			}
			k := r.dispatch(req)
			<-arrived
			r.handOver(k)
			close(lost)
			run := r.run(k)
			if s.orders.Load() != c.orders || s.logins.Load() != 1 {
				t.Errorf("%d orders, %d logins", s.orders.Load(), s.logins.Load())
			}
			if c.code != "" {
				wantCode(t, run, c.code)
				if !strings.Contains(run.Error.Message, "step 3 may have sent POST "+s.url+"/order") {
					t.Errorf("it says %s", run.Error.Message)
				}
			} else if run.State != event.StateSucceeded {
				t.Errorf("run %s: %+v", run.State, run.Error)
			}
		})
	}
}

func TestARunGoesOnWhereAnInterruptedStepHasSentNothing(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	script, _ := s.pageLed("")
	r := newRig(t, script).withBrowser()
	k := r.dispatch(event.Request{Prompt: "Order."})
	r.lose(k, event.StepData{Number: 1, Description: "Place order", Actions: []event.Action{{Name: "click", Params: map[string]any{}}}})
	r.serve()
	if run := r.run(k); run.State != event.StateSucceeded || s.orders.Load() != 1 {
		t.Errorf("run %s with %d orders: %+v", run.State, s.orders.Load(), run.Error)
	}
}

// The model answers while NATS is away, so that the next step meets a log that cannot be written and a lease that has run out.
func TestARunGoesOnInTheSameBrowserAfterNATSWasAway(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	asked, away := make(chan struct{}), make(chan struct{})
	led, _ := s.pageLed("")
	var once sync.Once
	r := newRig(t, func(c modelsim.Call) modelsim.Reply {
		if strings.Contains(c.Page(), "Basket") {
			once.Do(func() { close(asked); <-away })
		}
		return led(c)
	}).withBrowser()
	b, outage := natstest.Unsteady(t)
	r.bus, r.cfg.Lease = b, 600*time.Millisecond
	r.serve()
	k := r.dispatch(event.Request{Prompt: "Order."})
	<-asked
	outage.Begin()
	close(away)
	outage.End()
	if run := r.run(k); run.State != event.StateSucceeded || run.Attempt != 1 || s.logins.Load() != 1 || s.orders.Load() != 1 {
		t.Errorf("run %s in attempt %d, %d logins, %d orders: %+v", run.State, run.Attempt, s.logins.Load(), s.orders.Load(), run.Error)
	}
}

func masterKey(t *testing.T) vault.Keys {
	t.Helper()
	keys, err := vault.Parse(vault.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
