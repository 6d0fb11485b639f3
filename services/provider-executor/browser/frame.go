package browser

import (
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
)

//go:embed js/*.js
var scripts embed.FS

// script is what lives in our isolated world of every frame that was looked at: a
// function that is called with the world's token.
var script = func() string {
	var b strings.Builder
	b.WriteString("(function (token, early) {\n'use strict';\n")
	for _, name := range []string{"name", "accname", "hint", "lines", "modal", "walk", "stays", "act", "field", "effect", "secret", "target", "content", "unroll", "file", "resolve", "sight", "changes", "source", "anchor", "reread", "main"} {
		source, err := scripts.ReadFile("js/" + name + ".js")
		if err != nil {
			panic(err) // embedded above
		}
		b.Write(source)
	}
	b.WriteString("})")
	return b.String()
}()

const worldName = "errand"

// preload puts the script into every document before the page's own. Tokens of such worlds are made there, above all
// that are counted. In a page without scripts of its own some browsers run it only once something else is evaluated, when
// our world may have its script already.
var preload = order{"Page.addScriptToEvaluateOnNewDocument", map[string]any{
	"source": "globalThis.errand || " + script + "(2 ** 32 + Math.floor(Math.random() * 2 ** 52), true)", "worldName": worldName, "runImmediately": true,
}}

// lastToken numbers worlds over the whole process, so that an element's key, which
// is unique in its world, can never be taken for one in another world.
var lastToken atomic.Int64

// frame is one frame of a tab as found by its newest look at the frame tree.
type frame struct {
	target  *cdp.Session // the CDP session that speaks for it
	id      string
	url     string
	name    string // that its owner gave it
	parent  *frame
	context int    // execution context of our isolated world
	world   string // its name
	// crowded: a frame in it could not be entered, so that its own listeners cannot be told from those of that frame.
	crowded   bool
	listeners *listeners // nil: not to be asked for
}

// tree is a frame as Page.getFrameTree tells it.
type tree struct {
	Frame struct {
		ID       string `json:"id"`
		ParentID string `json:"parentId"`
		URL      string `json:"url"`
		Name     string `json:"name"`
	} `json:"frame"`
	Children []tree `json:"childFrames"`
}

// framesOf lists the tab's frames, parents first, each with a world to run in. A
// frame that cannot be entered is left out; without the main frame it fails.
func (t *tab) framesOf(ctx context.Context) ([]*frame, error) {
	sessions, above := t.frameSessions()
	page := &frame{target: t.target, id: t.targetID, world: t.worldOf(t.targetID)}
	world := page.startWorld() // that of the main frame, which is often the only one
	var sent []*cdp.Pending
	for _, target := range sessions {
		sent = append(sent, target.Start("Page.getFrameTree", nil))
	}
	found := map[string]*frame{}
	parents := map[string]string{}
	var order []string
	for i, p := range sent {
		var answer struct {
			Tree tree `json:"frameTree"`
		}
		if err := p.Wait(ctx, &answer); err != nil {
			if i == 0 {
				world.Forget()
				return nil, err
			}
			continue
		}
		parents[answer.Tree.Frame.ID] = above[i]
		answer.Tree.each(func(n tree) {
			if found[n.Frame.ID] == nil {
				order = append(order, n.Frame.ID)
			}
			found[n.Frame.ID] = &frame{target: sessions[i], id: n.Frame.ID, url: n.Frame.URL, name: n.Frame.Name, world: t.worldOf(n.Frame.ID)}
			if n.Frame.ParentID != "" {
				parents[n.Frame.ID] = n.Frame.ParentID
			}
		})
	}
	for id, f := range found {
		f.parent = found[parents[id]]
	}
	frames, err := enterAll(ctx, world, order, found)
	t.listenTo(frames)
	return frames, err
}

// worldOf is the name of the isolated world that is used in a frame.
func (t *tab) worldOf(frameID string) string {
	t.session.mu.Lock()
	defer t.session.mu.Unlock()
	return cmp.Or(t.worlds[frameID], worldName)
}

// renew gives a frame another isolated world: something has broken the one that it has.
func (t *tab) renew(ctx context.Context, f *frame) error {
	f.world = fmt.Sprintf("%s-%d", worldName, lastToken.Add(1))
	t.session.change(func() { t.worlds[f.id] = f.world })
	return f.enter(ctx)
}

// listenTo lets the frames be asked for their listeners, unless their page has crashed before.
func (t *tab) listenTo(frames []*frame) {
	if t.session.crashedAt(t) {
		return
	}
	read := frames[:min(len(frames), maxFrames)]
	for _, f := range frames[len(read):] {
		if f.parent != nil {
			f.parent.crowded = true
		}
	}
	all := &listeners{frames: read}
	for _, f := range read {
		f.listeners = all
	}
}

// frameSessions lists the sessions that speak for the tab's frames, the page's own
// first, and for each the frame that its topmost one stands in.
func (t *tab) frameSessions() (sessions []*cdp.Session, above []string) {
	t.session.mu.Lock()
	defer t.session.mu.Unlock()
	sessions, above = []*cdp.Session{t.target}, []string{""}
	for child, parent := range t.frames {
		sessions, above = append(sessions, child), append(above, parent)
	}
	return sessions, above
}

func (n tree) each(f func(tree)) {
	f(n)
	for _, child := range n.Children {
		child.each(f)
	}
}

// enterAll makes the worlds of all frames but the first in one go and returns the
// frames that have one.
func enterAll(ctx context.Context, first *cdp.Pending, order []string, found map[string]*frame) ([]*frame, error) {
	sent := []*cdp.Pending{first}
	for _, id := range order[1:] {
		sent = append(sent, found[id].startWorld())
	}
	var frames []*frame
	for i, id := range order {
		f := found[id]
		if err := f.waitWorld(ctx, sent[i]); err != nil {
			if i == 0 {
				return nil, err
			}
			if f.parent != nil {
				f.parent.crowded = true
			}
			continue
		}
		if f.parent != nil || i == 0 {
			frames = append(frames, f)
		}
	}
	return frames, nil
}

func (f *frame) startWorld() *cdp.Pending {
	return f.target.Start("Page.createIsolatedWorld", map[string]any{"frameId": f.id, "worldName": cmp.Or(f.world, worldName)})
}

func (f *frame) waitWorld(ctx context.Context, p *cdp.Pending) error {
	var answer struct {
		Context int `json:"executionContextId"`
	}
	if err := p.Wait(ctx, &answer); err != nil {
		return err
	}
	f.context = answer.Context
	return nil
}

// enter gives the frame its isolated world; the browser keeps one per document.
func (f *frame) enter(ctx context.Context) error { return f.waitWorld(ctx, f.startWorld()) }

// evaluated is the answer of Runtime.evaluate and Runtime.callFunctionOn.
type evaluated struct {
	Result struct {
		Value    json.RawMessage `json:"value"`
		ObjectID string          `json:"objectId"`
	} `json:"result"`
	thrown
}

// thrown is how either tells of an error of the script.
type thrown struct {
	Exception *struct {
		Text      string `json:"text"`
		Exception struct {
			Description string `json:"description"`
		} `json:"exception"`
	} `json:"exceptionDetails"`
}

func (e thrown) err() error {
	if e.Exception == nil {
		return nil
	}
	return &scriptError{e.Exception.Text, e.Exception.Exception.Description}
}

// scriptError is what a script in the page threw.
type scriptError struct{ text, stack string }

func (e *scriptError) Error() string { return fmt.Sprintf("page script: %s %s", e.text, e.stack) }

var errNotInstalled = errors.New("walker is not installed")

// call runs one function of our script in the frame and decodes what it gives into
// out, unless that is nil.
func (f *frame) call(ctx context.Context, out any, function string, args ...any) error {
	return f.finish(ctx, f.start(function, args...), out, function, args...)
}

// finish waits for a call that was sent off, and sends it again where the script was not there yet.
func (f *frame) finish(ctx context.Context, sent *cdp.Pending, out any, function string, args ...any) error {
	err := f.wait(ctx, sent, out)
	if !errors.Is(err, errNotInstalled) {
		return err
	}
	installing, calling := f.install(), f.start(function, args...)
	var answer evaluated
	if err := installing.Wait(ctx, &answer); err != nil {
		calling.Forget()
		return fmt.Errorf("install walker: %w", err)
	}
	return errors.Join(answer.err(), f.wait(ctx, calling, out))
}

// start sends such a call off; wait gets its result.
func (f *frame) start(function string, args ...any) *cdp.Pending {
	encoded, err := json.Marshal(append([]any{}, args...))
	if err != nil {
		panic(err) // plain values only
	}
	expression := fmt.Sprintf("globalThis.errand ? errand.run(%q, %s) : null", function, encoded)
	return f.target.Start("Runtime.evaluate", map[string]any{
		"expression": expression, "contextId": f.context, "returnByValue": true, "awaitPromise": true, "timeout": scriptTime,
	})
}

// scriptTime is how long our script may be busy, in ms: less than its call waits, so that it is no page's end.
const scriptTime = 4000

func (f *frame) wait(ctx context.Context, p *cdp.Pending, out any) error {
	var answer struct {
		Result struct {
			Value any `json:"value"` // JSON made in the page: it keeps lone surrogates out of the protocol
		} `json:"result"`
		thrown
	}
	if err := p.Wait(ctx, &answer); err != nil {
		return err
	}
	if err := answer.err(); err != nil {
		return err
	}
	text, installed := answer.Result.Value.(string)
	if !installed {
		return errNotInstalled
	}
	if out == nil {
		out = &json.RawMessage{}
	}
	said := struct {
		OK      any    `json:"ok"`
		Refused string `json:"refused"`
	}{OK: out}
	if err := json.Unmarshal([]byte(text), &said); err != nil {
		return fmt.Errorf("decode script's answer: %w", err)
	}
	if said.Refused != "" {
		return refusal(said.Refused)
	}
	return nil
}

// refusal is why an element cannot be acted on, as the end of a sentence.
type refusal string

func (r refusal) Error() string { return string(r) }

func (f *frame) install() *cdp.Pending {
	return f.target.Start("Runtime.evaluate", map[string]any{
		"expression": fmt.Sprintf("%s(%d)", script, lastToken.Add(1)), "contextId": f.context, "returnByValue": true,
	})
}

// owner finds the element of the parent's document that shows this frame and returns
// its object id in the parent's world.
func (f *frame) owner(ctx context.Context) (string, error) {
	var node struct {
		BackendNodeID int `json:"backendNodeId"`
	}
	if err := f.parent.target.Call(ctx, "DOM.getFrameOwner", map[string]any{"frameId": f.id}, &node); err != nil {
		return "", err
	}
	var resolved struct {
		Object struct {
			ObjectID string `json:"objectId"`
		} `json:"object"`
	}
	params := map[string]any{"backendNodeId": node.BackendNodeID, "executionContextId": f.parent.context}
	if err := f.parent.target.Call(ctx, "DOM.resolveNode", params, &resolved); err != nil {
		return "", err
	}
	return resolved.Object.ObjectID, nil
}

// runner calls a function of our script with arguments that may be objects.
const runner = "function (name, ...args) { return globalThis.errand ? errand.run(name, args) : null; }"

// atOwner runs a function of our script in the parent's world with the element that
// shows this frame as its first argument.
func (f *frame) atOwner(ctx context.Context, out any, function string, args ...any) error {
	object, err := f.owner(ctx)
	if err != nil {
		return fmt.Errorf("find frame's element: %w", err)
	}
	defer func() {
		f.parent.target.Start("Runtime.releaseObject", map[string]any{"objectId": object}).Forget()
	}()
	passed := []map[string]any{{"value": function}, {"objectId": object}}
	for _, a := range args {
		passed = append(passed, map[string]any{"value": a})
	}
	p := f.parent.target.Start("Runtime.callFunctionOn", map[string]any{
		"functionDeclaration": runner,
		"objectId":            object, "arguments": passed, "returnByValue": true, "awaitPromise": true,
	})
	return f.wait(ctx, p, out)
}
