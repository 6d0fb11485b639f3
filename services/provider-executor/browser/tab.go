package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
)

const adoptTimeout = 15 * time.Second // a renderer that starts slower than that serves nobody

// tab is one page of a session. What changes is guarded by the session's lock.
type tab struct {
	session  *Session
	target   *cdp.Session
	targetID string
	id       string // what the model calls it

	doc      document
	came     map[string]bool         // loaders of the documents that have come since the last navigation of ours
	asked    bool                    // for another document, of which nothing is known yet
	drag     json.RawMessage         // what a drag of the browser's own carries, nil while there is none
	reply    reply                   // the newest, which may be of a document yet to come
	requests map[string]bool         // of the watched action, not yet answered; true: for a new document
	worlds   map[string]string       // names of the isolated worlds in frames whose first one was broken
	frames   map[*cdp.Session]string // cross-site frames, and the frame each stands in

	blank     bool            // requests get the blank document instead of an answer
	posted    string          // loader of the newest document that was asked for by sending something
	databases map[string]bool // by origin: may have changed since they were read
}

// document is what is known of the document in a tab's main frame.
type document struct {
	url    string
	loader string // a new one for every new document
	ready  bool   // its DOM is complete
}

// reply is the HTTP answer that a document came with.
type reply struct {
	loader string
	status int
}

// order is one call of a setup.
type order struct {
	method string
	params any
}

// prepare sets the tab up and lets it run.
func (t *tab) prepare() error {
	orders := append(t.common(),
		order{"Page.enable", nil},
		order{"Inspector.enable", nil},
		order{"Emulation.setDeviceMetricsOverride", map[string]any{
			"width": viewportWidth, "height": viewportHeight, "deviceScaleFactor": 1, "mobile": false,
		}},
		order{"Emulation.setFocusEmulationEnabled", map[string]any{"enabled": true}},
	)
	return run(t.target, orders)
}

// common is what pages and cross-site frames both need.
func (t *tab) common() []order {
	orders := []order{
		// A worker is held as a frame is, whether it is wanted or not; one that nobody meets would wait for ever.
		{"Target.setAutoAttach", autoAttach("iframe", "worker")},
		{"Page.setInterceptFileChooserDialog", map[string]any{"enabled": true}}, // nobody would see the dialog
	}
	t.session.mu.Lock()
	defer t.session.mu.Unlock()
	if ua := t.session.options.UserAgent; ua != "" {
		orders = append(orders, order{"Emulation.setUserAgentOverride", map[string]any{"userAgent": ua}})
	}
	if t.session.options.Eager {
		orders = append(orders, order{"Page.enable", nil}, preload)
	}
	if t.session.watching {
		orders = append(orders, networkEvents)
	}
	if t.session.holding {
		orders = append(orders, order{"Fetch.enable", held})
	}
	return orders
}

// run sends the orders in one go, lets the target run, and waits for the answers.
func run(target *cdp.Session, orders []order) error {
	ctx, cancel := context.WithTimeout(context.Background(), adoptTimeout)
	defer cancel()
	orders = append(orders, order{"Runtime.runIfWaitingForDebugger", nil})
	var sent []*cdp.Pending
	for _, c := range orders {
		sent = append(sent, target.Start(c.method, c.params))
	}
	var errs []error
	for _, p := range sent {
		errs = append(errs, p.Wait(ctx, nil))
	}
	return errors.Join(errs...)
}

// handle takes the events of the page's own session.
func (t *tab) handle(e cdp.Event) {
	switch e.Method {
	case "Page.frameNavigated":
		t.navigated(e)
	case "Page.navigatedWithinDocument":
		t.moved(e)
	case "Page.frameRequestedNavigation":
		t.asks(e)
	case "Page.frameClearedScheduledNavigation", "Page.frameStoppedLoading":
		t.comesToNothing(e)
	case "Page.windowOpen":
		t.session.change(func() { t.session.expected++ })
	case "Page.domContentEventFired":
		t.session.change(func() { t.doc.ready = true })
	case "Page.javascriptDialogOpening":
		t.answer(e)
	case "Input.dragIntercepted":
		t.drags(e)
	case "Storage.indexedDBContentUpdated", "Storage.indexedDBListUpdated":
		t.databaseChanged(e)
	case "Inspector.targetCrashed":
		t.target.Fail(ErrPageCrashed)
	default:
		t.handleShared(t.target, e)
	}
}

// handleShared takes the events that cross-site frames send too.
func (t *tab) handleShared(from *cdp.Session, e cdp.Event) {
	switch e.Method {
	case "Network.requestWillBeSent", "Network.responseReceived", "Network.loadingFinished", "Network.loadingFailed":
		t.track(e)
	case "Target.attachedToTarget":
		t.attach(from, e)
	case "Fetch.requestPaused":
		t.pauses(from, e)
	case "Page.fileChooserOpened":
		t.chooses(from, e)
	}
}

func (t *tab) navigated(e cdp.Event) {
	var p struct {
		Frame struct {
			ParentID string `json:"parentId"`
			LoaderID string `json:"loaderId"`
			URL      string `json:"url"`
			Fragment string `json:"urlFragment"`
		} `json:"frame"`
	}
	if e.Decode(&p) != nil || p.Frame.ParentID != "" {
		return
	}
	t.session.change(func() {
		if t.doc.loader != p.Frame.LoaderID {
			clear(t.worlds)
			clear(t.requests) // those of the document before end without a word
			t.doc, t.asked = document{loader: p.Frame.LoaderID}, false
			t.came[p.Frame.LoaderID] = true
		}
		t.doc.url = p.Frame.URL + p.Frame.Fragment
	})
}

func (t *tab) moved(e cdp.Event) {
	var p struct {
		FrameID string `json:"frameId"`
		URL     string `json:"url"`
	}
	if e.Decode(&p) != nil || p.FrameID != t.targetID {
		return // a page's main frame has the id of its target
	}
	t.session.change(func() { t.doc.url, t.asked = p.URL, false })
}

// asks notes that the page wants another document in its own place.
func (t *tab) asks(e cdp.Event) {
	var p struct {
		FrameID     string `json:"frameId"`
		Disposition string `json:"disposition"`
	}
	if e.Decode(&p) == nil && p.FrameID == t.targetID && p.Disposition == "currentTab" {
		t.session.change(func() { t.asked = true })
	}
}

// comesToNothing: what was asked for is under way by now, or given up.
func (t *tab) comesToNothing(e cdp.Event) {
	var p struct {
		FrameID string `json:"frameId"`
	}
	if e.Decode(&p) == nil && p.FrameID == t.targetID {
		t.session.change(func() { t.asked = false })
	}
}

// attach takes in a cross-site frame, held before its first request.
func (t *tab) attach(parent *cdp.Session, e cdp.Event) {
	var a attached
	if e.Decode(&a) != nil {
		return
	}
	child := t.session.browser.conn.Session(a.SessionID)
	if child == nil {
		return
	}
	if a.Target.Type == "worker" {
		child.Start("Runtime.runIfWaitingForDebugger", nil).Forget()
		parent.Start("Target.detachFromTarget", map[string]any{"sessionId": a.SessionID}).Forget()
		return
	}
	t.session.change(func() {
		t.frames[child] = a.Target.ParentFrameID
		t.session.frames[a.Target.TargetID] = true
	})
	t.session.serve(child, func(e cdp.Event) { t.handleShared(child, e) }, func() {
		t.session.change(func() {
			delete(t.frames, child)
			delete(t.session.frames, a.Target.TargetID)
		})
	})
	t.session.start(func() {
		if err := run(child, t.common()); err != nil && child.Err() == nil {
			t.session.browser.log.Warn("a frame could not be set up", "error", err)
		}
	})
}

// answer closes a dialog at once, since an open one stops the whole page.
func (t *tab) answer(e cdp.Event) {
	var p struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}
	if e.Decode(&p) != nil {
		return
	}
	s := t.session
	s.mu.Lock()
	accept := p.Type == "alert" || p.Type == "beforeunload" && s.unsaved.mayLeave(s.options.Eager) || p.Type == "confirm" && s.acting
	s.mu.Unlock()
	t.target.Start("Page.handleJavaScriptDialog", map[string]any{"accept": accept}).Forget()
	answer := "dismissed"
	if accept {
		answer = "accepted"
	}
	s.change(func() {
		if len(s.dialogs) < maxDialogs {
			s.dialogs = append(s.dialogs, fmt.Sprintf("%s %q -> %s", p.Type, clip(harmless(cleanLine(p.Message)), 200), answer))
		}
	})
}
