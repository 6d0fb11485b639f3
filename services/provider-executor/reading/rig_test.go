package reading_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"reflect"
	"sync"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/egress"
	"github.com/errand-run/errand/services/provider-executor/reading"
	"github.com/errand-run/errand/shared/workflow"
)

// One Chromium serves all tests.
var engine = browser.New(browser.Config{Egress: egress.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})

func TestMain(m *testing.M) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	code := m.Run()
	cancel()
	if err := <-done; err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
		code = 1
	}
	os.Exit(code)
}

// visitor looks at a site of one page, which changes between visits.
type visitor struct {
	testing.TB
	*browser.Session
	url  string
	mu   sync.Mutex
	page string
}

func newVisitor(t testing.TB) *visitor {
	t.Helper()
	session, err := engine.NewSession(t.Context(), browser.SessionOptions{Eager: true}) // as replays have it
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{TB: t, Session: session}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		v.mu.Lock()
		defer v.mu.Unlock()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!doctype html><title>Shop</title><body>"+v.page)
	}))
	t.Cleanup(func() {
		server.Close()
		if err := session.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	v.url = server.URL
	return v
}

func (v *visitor) show(page string) {
	v.Helper()
	v.mu.Lock()
	v.page = page
	v.mu.Unlock()
	if out, err := v.Do(v.Context(), browser.Action{Name: "navigate", URL: v.url}); err != nil || out.Error != "" {
		v.Fatalf("navigate: %+v %v", out, err)
	}
}

// record finds the parts of a result on the page that is shown.
func (v *visitor) record(prompt string, result json.RawMessage, isJSON bool) *workflow.Result {
	v.Helper()
	leaves, err := v.Leaves(v.Context(), reading.Needles(result, isJSON))
	if err != nil {
		v.Fatal(err)
	}
	found := reading.Find(reading.Recorded{Result: result, JSON: isJSON, Prompt: prompt, Pages: []reading.Page{{Step: 2, Leaves: leaves}}})
	return &workflow.Result{Text: found.Text, Example: result, Fields: found.Fields, NeedsModel: found.NeedsModel}
}

// again reads the result anew from the page that is shown.
func (v *visitor) again(result *workflow.Result) (whole json.RawMessage, missing []string, err error) {
	values, err := reading.Read(v.Context(), v, result.Fields)
	if err != nil {
		return nil, nil, err
	}
	return reading.Assemble(result, values, nil)
}

type recordedField = workflow.Field

func asJSON(value any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func same(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
