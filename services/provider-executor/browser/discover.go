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

// clicky are the listeners that make an element something to click.
var clicky = map[string]bool{"click": true, "mousedown": true, "mouseup": true, "pointerdown": true, "pointerup": true}

// discover tells the frame's walker what it cannot find out by itself: closed shadow
// roots, and elements that are controls only by their listeners. It reports whether
// there was anything new. What cannot be found out stays unknown.
func (f *frame) discover(ctx context.Context, hosts int, heard map[int]bool) bool {
	news := false
	for i := range min(hosts, maxHosts) {
		news = f.reveal(ctx, i) || news
	}
	return f.hear(ctx, heard) || news
}

// reveal opens the closed shadow root of the walker's host number i to the walker.
func (f *frame) reveal(ctx context.Context, i int) bool {
	host, err := f.object(ctx, fmt.Sprintf("errand.hosts[%d]", i))
	if err != nil || host == "" {
		return false
	}
	var described struct {
		Node struct {
			ShadowRoots []struct {
				BackendNodeID int    `json:"backendNodeId"`
				Type          string `json:"shadowRootType"`
			} `json:"shadowRoots"`
		} `json:"node"`
	}
	params := map[string]any{"objectId": host, "depth": 1, "pierce": true}
	if f.target.Call(ctx, "DOM.describeNode", params, &described) != nil {
		return false
	}
	for _, root := range described.Node.ShadowRoots {
		if root.Type == "closed" {
			return f.tell(ctx, "reveal", []int{root.BackendNodeID})
		}
	}
	return false
}

// hear makes known the elements that got a listener since it was last asked.
func (f *frame) hear(ctx context.Context, heard map[int]bool) bool {
	document, err := f.object(ctx, "document")
	if err != nil {
		return false
	}
	var answer struct {
		Listeners []struct {
			Type          string `json:"type"`
			BackendNodeID int    `json:"backendNodeId"`
		} `json:"listeners"`
	}
	params := map[string]any{"objectId": document, "depth": -1, "pierce": true}
	if f.target.Call(ctx, "DOMDebugger.getEventListeners", params, &answer) != nil {
		return false
	}
	var nodes []int
	for _, l := range answer.Listeners {
		if clicky[l.Type] && !heard[l.BackendNodeID] && len(nodes) < maxListeners {
			heard[l.BackendNodeID] = true
			nodes = append(nodes, l.BackendNodeID)
		}
	}
	return len(nodes) > 0 && f.tell(ctx, "hear", nodes)
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

// object evaluates an expression in the frame's world to an object's id.
func (f *frame) object(ctx context.Context, expression string) (string, error) {
	var answer evaluated
	err := f.target.Call(ctx, "Runtime.evaluate", map[string]any{
		"expression": expression, "contextId": f.context, "objectGroup": objectGroup,
	}, &answer)
	if err != nil {
		return "", err
	}
	return answer.Result.ObjectID, answer.err()
}
