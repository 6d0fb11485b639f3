package browser

import (
	"context"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
)

// listenLimit is how long the browser is asked for listeners: code of the page may run meanwhile, and a page can be
// read without the answer.
const listenLimit = 3 * time.Second

// reacting are the listeners that make an element a control.
var reacting = map[string]bool{
	"click": true, "mousedown": true, "mouseup": true, "pointerdown": true, "pointerup": true, "dblclick": true,
	"contextmenu": true, "dragstart": true, "drop": true, "mouseenter": true,
}

// typing are the listeners of a field that does something while it is typed into.
var typing = map[string]bool{"input": true, "keydown": true, "keypress": true, "keyup": true}

// listeners finds the elements with listeners in the frames of one tab, once for all of them.
//
// The browser is asked with the document of the page's own world: asked with one of an isolated world it crashes
// (ADR 0007). It lists the nodes of child frames too, and a node that is resolved into another frame's world breaks that
// world, so each frame gets its own nodes only.
type listeners struct {
	frames []*frame
	once   sync.Once
	found  map[*frame]listening
}

// of returns a frame's own elements that have listeners; none if the browser did not say.
func (l *listeners) of(ctx context.Context, f *frame) listening {
	if l == nil {
		return listening{}
	}
	l.once.Do(func() { l.found = findListeners(ctx, l.frames) })
	return l.found[f]
}

// listening is what the browser says of one frame and the frames in it.
type listening struct {
	reacting []int        // nodes with listeners that make a control
	typing   []int        // nodes with listeners for what is typed
	all      map[int]bool // nodes with any listener
	top      map[int]bool // document, html and body
}

// findListeners asks parents before their children: what has come into a frame meanwhile is subtracted.
func findListeners(ctx context.Context, frames []*frame) map[*frame]listening {
	ctx, cancel := context.WithTimeout(ctx, listenLimit)
	defer cancel()
	known := map[*frame]*listening{}
	for i, document := range pageDocuments(ctx, frames) {
		if document != "" {
			known[frames[i]] = frames[i].listensIn(ctx, document)
		}
	}
	found := map[*frame]listening{}
	for _, f := range frames {
		if known[f] != nil && !f.crowded {
			found[f] = known[f].own(f, frames, known)
		}
	}
	return found
}

// own is what of a list belongs to the frame itself: nothing, if a frame in it did not say what is its own.
func (l *listening) own(f *frame, frames []*frame, known map[*frame]*listening) (own listening) {
	var inner []*listening
	for _, child := range frames {
		if child.parent != f || child.target != f.target {
			continue
		}
		if known[child] == nil {
			return own
		}
		inner = append(inner, known[child])
	}
	foreign := func(id int) bool {
		return l.top[id] || slices.ContainsFunc(inner, func(child *listening) bool { return child.all[id] })
	}
	own.reacting = slices.DeleteFunc(l.reacting, foreign)
	own.typing = slices.DeleteFunc(l.typing, foreign)
	return own
}

// pageDocuments returns each frame's document as an object of the page's own world.
func pageDocuments(ctx context.Context, frames []*frame) []string {
	sent := make([]*cdp.Pending, len(frames))
	for i, f := range frames {
		if f.isRoot() {
			sent[i] = f.target.Start("Runtime.evaluate", map[string]any{"expression": "document"})
		} else {
			sent[i] = f.startObject("document", objectGroup)
		}
	}
	documents := make([]string, len(frames))
	for i, f := range frames {
		documents[i], _ = waitObject(ctx, sent[i])
		if !f.isRoot() && documents[i] != "" {
			documents[i] = f.ofThePage(ctx, documents[i])
		}
	}
	return documents
}

// isRoot: the frame is the outermost one that its CDP session speaks for.
func (f *frame) isRoot() bool { return f.parent == nil || f.parent.target != f.target }

// ofThePage is a node of our world as an object of the page's own world.
func (f *frame) ofThePage(ctx context.Context, object string) string {
	var described struct {
		Node node `json:"node"`
	}
	if f.target.Call(ctx, "DOM.describeNode", map[string]any{"objectId": object}, &described) != nil {
		return ""
	}
	var resolved struct {
		Object struct {
			ObjectID string `json:"objectId"`
		} `json:"object"`
	}
	if f.target.Call(ctx, "DOM.resolveNode", map[string]any{"backendNodeId": described.Node.ID}, &resolved) != nil {
		return ""
	}
	return resolved.Object.ObjectID
}

// node is a node as DOM.describeNode reports it.
type node struct {
	ID       int    `json:"backendNodeId"`
	Name     string `json:"nodeName"`
	Children []node `json:"children"`
}

// listensIn asks for the listeners in a document; nil: there was no answer.
func (f *frame) listensIn(ctx context.Context, document string) *listening {
	defer func() {
		f.target.Start("Runtime.releaseObject", map[string]any{"objectId": document}).Forget()
	}()
	listed := f.target.Start("DOMDebugger.getEventListeners", map[string]any{"objectId": document, "depth": -1, "pierce": true})
	described := f.target.Start("DOM.describeNode", map[string]any{"objectId": document, "depth": 2})
	var answer struct {
		Listeners []struct {
			Type string `json:"type"`
			ID   int    `json:"backendNodeId"`
		} `json:"listeners"`
	}
	var top struct {
		Node node `json:"node"`
	}
	err, topErr := listed.Wait(ctx, &answer), described.Wait(ctx, &top)
	if err != nil || topErr != nil {
		return nil
	}
	l := &listening{all: map[int]bool{}, top: map[int]bool{}}
	top.Node.mark(l.top)
	for _, listener := range answer.Listeners {
		l.all[listener.ID] = true
		if reacting[listener.Type] {
			l.reacting = append(l.reacting, listener.ID)
		}
		if typing[listener.Type] {
			l.typing = append(l.typing, listener.ID)
		}
	}
	return l
}

// mark notes the nodes that must not be resolved into a world of ours: document, html and body.
func (n node) mark(top map[int]bool) {
	top[n.ID] = true
	for _, child := range n.Children {
		child.mark(top)
	}
}

// unasked is the address of a page without what differs from visit to visit: one that has crashed is not asked for its
// listeners and shadow roots again.
func unasked(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}
