package effects_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/errand-run/errand/services/provider-executor/effects"
	"github.com/errand-run/errand/shared/event"
)

const form, multi, asJSON = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "application/json; charset=utf-8"

func sent(t *testing.T, r effects.Request) event.Sent {
	t.Helper()
	s, ok := r.Sent(nil)
	if !ok {
		t.Fatalf("%+v is taken for harmless", r)
	}
	return s
}

func post(media, body string) effects.Request {
	return effects.Request{Method: "POST", URL: "https://shop.test/order?x=1#f", ContentType: media, Body: []byte(body)}
}

func TestTwoTriesAtTheSameAreAlikeAndOtherRequestsAreNot(t *testing.T) {
	part := func(name, value string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	for name, c := range map[string]struct {
		one, two effects.Request
		alike    bool
	}{
		"another token":           {post(form, "csrf=1&qty=2"), post(form, "qty=3&csrf=99"), true},
		"another field":           {post(form, "qty=2"), post(form, "qty=2&gift=1"), false},
		"another action":          {post(form, "action=add"), post(form, "action=remove"), false},
		"parts":                   {post(multi, part("a", "1")+part("b", "2")+"--b--"), post(multi, part("a", "7")+part("b", "2")+"--b--"), true},
		"JSON":                    {post(asJSON, `{"items":[{"id":1}],"at":5}`), post(asJSON, `{"at":6,"items":[{"id":2},{"id":3}]}`), true},
		"JSON with more":          {post(asJSON, `{"a":1}`), post(asJSON, `{"a":1,"b":2}`), false},
		"a GraphQL mutation":      {post(asJSON, `{"query":"mutation A{a}","variables":{"x":1}}`), post(asJSON, `{"query":"mutation A{a}","variables":{"y":1}}`), true},
		"another mutation":        {post(asJSON, `{"query":"mutation A{a}"}`), post(asJSON, `{"query":"mutation B{b}"}`), false},
		"no body":                 {post("", ""), post("", ""), true},
		"a body that is nonsense": {post(asJSON, `{"a`), post(asJSON, `{"b`), true},
	} {
		t.Run(name, func(t *testing.T) {
			one, two := sent(t, c.one), sent(t, c.two)
			if alike := one == two; alike != c.alike {
				t.Errorf("alike: %v of %+v and %+v", alike, one, two)
			}
			if one.URL != "https://shop.test/order" {
				t.Errorf("address %s", one.URL)
			}
		})
	}
}

func TestWhatOnlyAsksIsNotInTheLedger(t *testing.T) {
	for _, r := range []effects.Request{
		{Method: "GET", URL: "https://a.test/"}, {Method: "OPTIONS", URL: "https://a.test/"}, {Method: "POST", URL: "blob:x"},
		post(asJSON, `{"query":"query A { a }","operationName":"A"}`), post(asJSON, `{"query":"{ a }"}`),
	} {
		if s, ok := r.Sent(nil); ok {
			t.Errorf("%+v is %+v", r, s)
		}
	}
	if _, ok := post(form, "query=query+planner").Sent(nil); !ok {
		t.Error("a form with a field called query is taken for harmless")
	}
}

// step is one that has sent things by a click.
func step(n int, interrupted bool, sent ...event.Sent) event.StepData {
	return event.StepData{Number: n, URL: "https://shop.test/basket?id=1", Interrupted: interrupted, Actions: []event.Action{{Name: "click", Sent: sent}}}
}

func TestWhatWasSentOrMayHaveBeenIsStopped(t *testing.T) {
	order := sent(t, post(form, "qty=1"))
	with := func(status int, script bool) event.Sent {
		s := order
		s.Status, s.Script = status, script
		return s
	}
	for name, c := range map[string]struct {
		history []event.StepData
		stops   bool
	}{
		"nothing sent":            {[]event.StepData{step(1, true)}, false},
		"done":                    {[]event.StepData{step(1, false, with(303, false))}, true},
		"refused by the site":     {[]event.StepData{step(1, false, with(422, false))}, false},
		"an error of the site":    {[]event.StepData{step(1, false, with(500, false))}, true},
		"no answer":               {[]event.StepData{step(1, true, with(0, false))}, true},
		"of another form":         {[]event.StepData{step(1, false, sent(t, post(form, "other=1")))}, false},
		"by scripts, twice":       {[]event.StepData{step(1, false, with(200, true)), step(2, false, with(200, true))}, true},
		"by scripts at each step": {[]event.StepData{step(1, false, with(200, true)), step(2, false, with(200, true)), step(3, false, with(200, true))}, false},
		"that and no answer": {[]event.StepData{step(1, false, with(200, true)), step(2, false, with(200, true)), step(3, false, with(200, true)),
			step(4, true, with(0, true))}, true},
		"forms at each step": {[]event.StepData{step(1, false, with(303, false)), step(2, false, with(303, false)), step(3, false, with(303, false))}, true},
	} {
		t.Run(name, func(t *testing.T) {
			l := effects.New(c.history, nil)
			if why, stops := l.Stops(order); stops != c.stops {
				t.Errorf("stopped: %v (%s)", stops, why)
			}
			if stopped := l.Stopped(); (len(stopped) > 0) != c.stops {
				t.Errorf("stopped %q", stopped)
			}
		})
	}
}

func TestAStepIsRepeatedOnlyByWhoHasLooked(t *testing.T) {
	order := sent(t, post(form, "qty=1"))
	l := effects.New([]event.StepData{step(3, true, order)}, nil)
	if got := l.Patterns(); !slices.Equal(got, []string{"https://shop.test/order*"}) {
		t.Errorf("patterns %q", got)
	}
	refused := func(words string) {
		t.Helper()
		_ = l.Heed(words)
		if _, stops := l.Stops(order); !stops {
			t.Errorf("sent again after %q", words)
		}
	}
	l.Looked("https://shop.test/basket#top") // the page that it was sent from
	l.Looked("https://elsewhere.test/orders")
	if err := l.Heed("REPEAT STEP 3: there is no order"); !errors.Is(err, effects.ErrNotSeen) {
		t.Errorf("error %v", err)
	}
	l.Looked("https://shop.test/orders?page=1")
	refused("I will repeat step 3")
	refused("REPEAT STEP 3: ")
	refused("REPEAT STEP 4: there is no order")
	if err := l.Heed("It failed. Repeat step 3: the list of orders is empty."); err != nil {
		t.Error(err)
	}
	if why, stops := l.Stops(order); stops || len(l.Stopped()) > 0 {
		t.Errorf("still stopped: %s, %q", why, l.Stopped())
	}
}

func TestOfTwoStoresAtOnceTheLastHoldsBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stored [][]event.Sent
		l := effects.New(nil, func(_ context.Context, s []event.Sent) error {
			time.Sleep(time.Duration(3-len(s)) * time.Second) // the shorter list takes longer
			stored = append(stored, s)
			return nil
		})
		a, b := sent(t, post(form, "a=1")), sent(t, post(form, "b=1"))
		var wg sync.WaitGroup
		wg.Go(func() { _ = l.Sending(t.Context(), a) })
		synctest.Wait()
		wg.Go(func() { _ = l.Sending(t.Context(), b) })
		wg.Wait()
		if len(stored) != 2 || len(stored[1]) != 2 {
			t.Errorf("stored %v", stored)
		}
	})
}

func TestWhatWasStoppedIsUnseenUntilAPageThatCouldShowItIsLookedAt(t *testing.T) {
	order := sent(t, post(form, "qty=1"))
	done := order
	done.Status = 303
	l := effects.New([]event.StepData{step(3, true, order)}, nil)
	if got := l.Unseen(); len(got) != 0 {
		t.Errorf("unseen %q before anything was stopped", got)
	}
	l.Stops(order)
	l.Looked("https://shop.test/basket")
	if got := l.Unseen(); len(got) != 1 || !strings.Contains(got[0], "step 3 may have sent") {
		t.Errorf("unseen %q", got)
	}
	l.Looked("https://shop.test/orders")
	if got := l.Unseen(); len(got) != 0 {
		t.Errorf("unseen %q after a look", got)
	}
	known := effects.New([]event.StepData{step(3, false, done)}, nil)
	if known.Stops(order); len(known.Unseen()) != 0 {
		t.Error("what is known to be done is unseen")
	}
}

func TestNothingLeavesThatCannotBeWrittenDown(t *testing.T) {
	var stored [][]event.Sent
	fails := errors.New("away")
	l := effects.New(nil, func(_ context.Context, s []event.Sent) error {
		stored = append(stored, s)
		if len(stored) == 3 {
			return fails
		}
		return nil
	})
	a, b := sent(t, post(form, "a=1")), sent(t, post(form, "b=1"))
	err1, err2 := l.Sending(t.Context(), a), l.Sending(t.Context(), b)
	l.Begin()
	err3 := l.Sending(t.Context(), b)
	if err1 != nil || err2 != nil || !errors.Is(err3, fails) || len(stored[1]) != 2 || len(stored[2]) != 1 {
		t.Errorf("%v, %v, %v; stored %v", err1, err2, err3, stored)
	}
	var none *effects.Ledger
	if _, stops := none.Stops(a); stops || none.Heed("repeat step 1: x") != nil || none.Sending(t.Context(), a) != nil || strings.Join(none.Patterns(), "") != "" {
		t.Error("no ledger does something")
	}
}
