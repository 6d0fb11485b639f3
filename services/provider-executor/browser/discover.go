package browser

import (
	"context"
	"fmt"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
)

const (
	maxHosts     = 20  // closed shadow roots looked for at one observation of a frame
	maxListeners = 300 // elements with listeners made known at one observation
)

// discovery is what the walker cannot find out by itself: closed shadow roots, and
// elements that are controls only by their listeners.
type discovery struct {
	hosts  int          // elements that may have such a root
	heard  map[int]bool // whose listeners are known
	typing map[int]bool // which are known to listen for what is typed
}

// discover tells the frame's walker about it and reports whether there was anything
// new. What cannot be found out stays unknown.
func (f *frame) discover(ctx context.Context, d discovery) bool {
	if f.listeners == nil {
		return false // this page has crashed before
	}
	news := f.reveal(ctx, min(d.hosts, maxHosts))
	return f.hear(ctx, d) || news
}

// reveal opens the closed shadow roots of the walker's first hosts to the walker.
func (f *frame) reveal(ctx context.Context, hosts int) bool {
	var found, described []*cdp.Pending
	for i := range hosts {
		found = append(found, f.startObject(fmt.Sprintf("errand.hosts[%d]", i), objectGroup))
	}
	for _, p := range found {
		host, err := waitObject(ctx, p)
		if err == nil && host != "" {
			described = append(described, f.target.Start("DOM.describeNode", map[string]any{"objectId": host, "depth": 1, "pierce": true}))
		}
	}
	var roots []int
	for _, p := range described {
		roots = append(roots, closedRoots(ctx, p)...)
	}
	return len(roots) > 0 && f.tell(ctx, "reveal", roots)
}

// closedRoots reads the ids of closed shadow roots from a node's description.
func closedRoots(ctx context.Context, description *cdp.Pending) (ids []int) {
	var described struct {
		Node struct {
			ShadowRoots []struct {
				BackendNodeID int    `json:"backendNodeId"`
				Type          string `json:"shadowRootType"`
			} `json:"shadowRoots"`
		} `json:"node"`
	}
	if description.Wait(ctx, &described) != nil {
		return nil
	}
	for _, root := range described.Node.ShadowRoots {
		if root.Type == "closed" {
			ids = append(ids, root.BackendNodeID)
		}
	}
	return ids
}

// hear makes known the elements that got a listener since it was last asked.
func (f *frame) hear(ctx context.Context, d discovery) bool {
	found := f.listeners.of(ctx, f)
	if fields := unheard(d.typing, found.typing); len(fields) > 0 {
		f.tell(ctx, "hearTyping", fields)
	}
	nodes := unheard(d.heard, found.reacting)
	return len(nodes) > 0 && f.tell(ctx, "hear", nodes)
}

// unheard takes the next nodes that are not known yet, and notes them as known.
func unheard(known map[int]bool, nodes []int) (fresh []int) {
	for _, id := range nodes {
		if !known[id] && len(fresh) < maxListeners {
			known[id] = true
			fresh = append(fresh, id)
		}
	}
	return fresh
}

// tell calls one of the walker's functions with nodes that only the browser knows.
func (f *frame) tell(ctx context.Context, function string, nodes []int) bool {
	var sent []*cdp.Pending
	for _, id := range nodes {
		sent = append(sent, f.target.Start("DOM.resolveNode", map[string]any{
			"backendNodeId": id, "executionContextId": f.context, "objectGroup": objectGroup,
		}))
	}
	passed := []map[string]any{{"value": function}}
	for _, p := range sent {
		var resolved struct {
			Object struct {
				ObjectID string `json:"objectId"`
			} `json:"object"`
		}
		if p.Wait(ctx, &resolved) == nil { // else it is gone, or in a frame of its own
			passed = append(passed, map[string]any{"objectId": resolved.Object.ObjectID})
		}
	}
	defer func() {
		f.target.Start("Runtime.releaseObjectGroup", map[string]any{"objectGroup": objectGroup}).Forget()
	}()
	var news bool
	p := f.target.Start("Runtime.callFunctionOn", map[string]any{
		"functionDeclaration": runner, "executionContextId": f.context, "arguments": passed,
		"returnByValue": true, "awaitPromise": true,
	})
	return f.wait(ctx, p, &news) == nil && news
}

const objectGroup = "errand"

// startObject evaluates an expression in the frame's world to an object.
func (f *frame) startObject(expression, group string) *cdp.Pending {
	return f.target.Start("Runtime.evaluate", map[string]any{
		"expression": expression, "contextId": f.context, "objectGroup": group,
	})
}

// waitObject gets the object's id.
func waitObject(ctx context.Context, p *cdp.Pending) (string, error) {
	var answer evaluated
	if err := p.Wait(ctx, &answer); err != nil {
		return "", err
	}
	return answer.Result.ObjectID, answer.err()
}
