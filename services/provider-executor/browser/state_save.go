package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
)

// saveLimit bounds the saving of one state: a page that answers nothing is left out of it.
const saveLimit = 3 * time.Second

// stateScript is js/state.js: a function of one job, not installed in pages.
var stateScript = func() string {
	source, err := scripts.ReadFile("js/state.js")
	if err != nil {
		panic(err) // embedded
	}
	return string(source)
}()

// saved is what the script reads of a tab.
type saved struct {
	TabState
	Local     map[string]string `json:"local"`
	Databases json.RawMessage   `json:"databases"`
	Lost      []string          `json:"lost"`
}

// origins is what a session remembers of the origins that its tabs have been at. Used by whoever has the turn, but for
// changed.
type origins struct {
	known   map[string]OriginState
	tracked map[string]bool // whose databases' changes are told of, by tab and origin
}

// State reads what the browser holds now. A tab that does not answer is left out, and stands in Lost.
// Errors: ErrBrowserGone, ctx's.
func (s *Session) State(ctx context.Context) (State, error) {
	done, err := s.take(ctx)
	if err != nil {
		return State{}, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	s.mu.Lock()
	tabs, active := slices.Clone(s.tabs), s.active
	s.mu.Unlock()
	state := State{Version: StateVersion}
	for _, t := range tabs {
		read, err := s.saveTab(ctx, t)
		if errors.Is(err, cdp.ErrClosed) {
			return State{}, fmt.Errorf("save the browser's state: %w", ErrBrowserGone)
		}
		if err != nil {
			state.Lost = append(state.Lost, "the page "+read.URL+", which did not answer")
		}
		if t == active {
			state.Active = len(state.Tabs)
		}
		state.Tabs, state.Lost = append(state.Tabs, read.TabState), append(state.Lost, read.Lost...)
	}
	for _, name := range slices.Sorted(maps.Keys(s.origins.known)) {
		state.Origins = append(state.Origins, s.origins.known[name])
	}
	if state.Cookies, err = s.cookies(ctx); err != nil { // after the pages were read: what they have set meanwhile is in
		return State{}, fmt.Errorf("read the cookies: %w", err)
	}
	return state, nil
}

func (s *Session) cookies(ctx context.Context) ([]json.RawMessage, error) {
	var answer struct {
		Cookies []json.RawMessage `json:"cookies"`
	}
	err := s.browser.conn.Root.Call(ctx, "Storage.getCookies", map[string]any{"browserContextId": s.contextID}, &answer)
	return answer.Cookies, err
}

// saveTab reads a tab, and remembers what its origin has stored.
func (s *Session) saveTab(ctx context.Context, t *tab) (saved, error) {
	s.mu.Lock()
	doc, posted := t.doc, t.posted != "" && t.posted == t.doc.loader
	s.mu.Unlock()
	read := saved{TabState: TabState{URL: doc.url}}
	if !strings.HasPrefix(doc.url, "http") {
		return read, nil
	}
	origin := originOf(doc.url)
	changed := s.follows(ctx, t, origin)
	if err := t.runState(ctx, map[string]any{"do": "save", "text": posted, "databases": changed}, &read); err != nil {
		s.change(func() { t.databases[origin] = t.databases[origin] || changed })
		return saved{TabState: TabState{URL: doc.url}}, err
	}
	read.URL, read.Posted, read.Text = doc.url, posted, s.options.Secrets.Mask(read.Text)
	read.Fields = slices.DeleteFunc(read.Fields, func(f Field) bool { return f.Value != nil && s.options.Secrets.Mask(*f.Value) != *f.Value })
	known := OriginState{Origin: read.Origin, Local: read.Local, Databases: s.origins.known[read.Origin].Databases}
	if changed {
		known.Databases = nil
		if string(read.Databases) != "[]" {
			known.Databases = read.Databases
		}
	}
	if read.Origin != "null" {
		s.origins.known[read.Origin] = known
	}
	return read, nil
}

// follows reports whether the databases of a tab's origin may have changed since they were last read, and has the
// browser tell of further changes.
func (s *Session) follows(ctx context.Context, t *tab, origin string) bool {
	key := t.id + " " + origin
	if !s.origins.tracked[key] {
		s.origins.tracked[key] = t.target.Call(ctx, "Storage.trackIndexedDBForOrigin", map[string]any{"origin": origin}, nil) == nil
		s.change(func() { t.databases[origin] = true })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := t.databases[origin] || !s.origins.tracked[key]
	t.databases[origin] = false
	return changed
}

// databaseChanged notes that a database of an origin is another now.
func (t *tab) databaseChanged(e cdp.Event) {
	var p struct {
		Origin string `json:"origin"`
	}
	if e.Decode(&p) == nil {
		t.session.change(func() { t.databases[strings.TrimSuffix(p.Origin, "/")] = true })
	}
}

// runState runs the state script in the tab's main frame.
func (t *tab) runState(ctx context.Context, job map[string]any, out any) error {
	f := &frame{target: t.target, id: t.targetID, world: t.worldOf(t.targetID)}
	if err := f.enter(ctx); err != nil {
		return err
	}
	encoded, err := json.Marshal(job)
	if err != nil {
		return fmt.Errorf("encode job: %w", err)
	}
	var answer evaluated
	params := map[string]any{"expression": stateScript + "(" + string(encoded) + ")", "contextId": f.context, "returnByValue": true, "awaitPromise": true}
	if err := t.target.Call(ctx, "Runtime.evaluate", params, &answer); err != nil {
		return err
	}
	if err := answer.err(); err != nil {
		return err
	}
	var text string
	if err := json.Unmarshal(answer.Result.Value, &text); err != nil {
		return fmt.Errorf("decode the state script's answer: %w", err)
	}
	return json.Unmarshal([]byte(text), out)
}
