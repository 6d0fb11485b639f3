package browser

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/url"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
)

// blank is the document in which an origin's storage is filled: nothing of the site is in it.
var blank = map[string]any{
	"responseCode": 200, "responseHeaders": []map[string]string{{"name": "Content-Type", "value": "text/html"}},
	"body": base64.StdEncoding.EncodeToString([]byte("<!doctype html><title></title>")),
}

// Restored says what the session began with. The zero value: it was given no state.
func (s *Session) Restored() Restored {
	clean := func(lines []string) (all []string) {
		for _, line := range lines {
			all = append(all, clip(harmless(cleanLine(s.options.Secrets.Mask(line))), maxRestoredLine))
		}
		return all
	}
	return Restored{Has: clean(s.restored.Has), Lost: clean(s.restored.Lost), Texts: s.restored.Texts}
}

// maxRestoredLine is the most characters of one part of what is said of a restored session.
const maxRestoredLine = 500

// putBack fills cookies and storage before the session's proxy lets anything through. Each origin is visited in a
// document that the browser is given instead of asking the network.
func (s *Session) putBack(ctx context.Context, state *State) error {
	if err := s.setCookies(ctx, state); err != nil {
		return err
	}
	t, err := s.current(ctx)
	if err != nil {
		return err
	}
	for _, o := range state.Origins {
		s.origins.known[o.Origin] = o
		if err := s.store(ctx, t, o.Origin, map[string]any{"do": "store", "local": o.Local, "databases": o.Databases}); err != nil {
			return err
		}
	}
	for i, saved := range state.Tabs {
		if i > 0 {
			if t, err = s.openTab(ctx); err != nil {
				return err
			}
		}
		if len(saved.Session) == 0 {
			continue
		}
		if err := s.store(ctx, t, saved.Origin, map[string]any{"do": "store", "session": saved.Session}); err != nil {
			return err
		}
	}
	s.restored.Lost = append(s.restored.Lost, state.Lost...)
	if len(state.Origins) > 0 {
		s.restored.Has = append(s.restored.Has, "what the websites had stored")
	}
	return nil
}

func (s *Session) setCookies(ctx context.Context, state *State) error {
	lost := 0
	for _, raw := range state.Cookies { // one at a time: one that is refused takes the others with it
		c, err := cookieParam(raw)
		if err == nil {
			err = s.browser.conn.Root.Call(ctx, "Storage.setCookies", map[string]any{"browserContextId": s.contextID, "cookies": []any{c}}, nil)
		}
		if ended := unusable(ctx, err); ended != nil {
			return ended
		}
		if err != nil {
			lost++
		}
	}
	if n := len(state.Cookies) - lost; n > 0 {
		s.restored.Has = append(s.restored.Has, fmt.Sprintf("%d cookies (logins with them)", n))
	}
	if lost > 0 {
		s.restored.Lost = append(s.restored.Lost, fmt.Sprintf("%d cookies", lost))
	}
	return nil
}

// store runs a job of the state script in a blank document of an origin.
func (s *Session) store(ctx context.Context, t *tab, origin string, job map[string]any) error {
	ctx, cancel := context.WithTimeout(ctx, adoptTimeout)
	defer cancel()
	err := t.visitBlank(ctx, origin)
	var answer struct {
		Lost []string `json:"lost"`
	}
	if err == nil {
		err = t.runState(ctx, job, &answer)
	}
	if ended := unusable(ctx, err); ended != nil {
		return ended
	}
	if err != nil {
		answer.Lost = []string{"what " + origin + " had stored"}
	}
	s.restored.Lost = append(s.restored.Lost, answer.Lost...)
	return nil
}

// unusable is err where it says that the browser, or who waits for it, has gone.
func unusable(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, cdp.ErrClosed) || errors.Is(err, cdp.ErrTimeout) || errors.Is(err, ErrBrowserGone) {
		return err
	}
	return nil
}

// visitBlank opens a blank document of an origin, without any request.
func (t *tab) visitBlank(ctx context.Context, origin string) error {
	t.session.change(func() { t.blank = true })
	defer func() { t.session.change(func() { t.blank = false }) }()
	if err := t.target.Call(ctx, "Fetch.enable", nil, nil); err != nil {
		return err
	}
	defer func() { _ = t.target.Call(ctx, "Fetch.disable", nil, nil) }()
	var answer struct {
		LoaderID  string `json:"loaderId"`
		ErrorText string `json:"errorText"`
	}
	if err := t.target.Call(ctx, "Page.navigate", map[string]any{"url": origin + "/"}, &answer); err != nil {
		return err
	}
	if answer.ErrorText != "" {
		return fmt.Errorf("open a blank page of %s: %s", origin, answer.ErrorText)
	}
	return t.session.await(ctx, func() bool { return t.target.Err() != nil || t.doc.loader == answer.LoaderID && t.doc.ready })
}

// fulfil answers a request that is held with the blank document.
func fulfil(target *cdp.Session, request string) {
	answer := map[string]any{"requestId": request}
	maps.Copy(answer, blank)
	target.Start("Fetch.fulfillRequest", answer).Forget()
}

// reopen asks for the pages again by their addresses, one tab after the other, and fills their forms. What came as an
// answer to something sent is not asked for: that would send it again.
func (s *Session) reopen(ctx context.Context, state *State) error {
	s.mu.Lock()
	tabs := append([]*tab(nil), s.tabs...)
	s.mu.Unlock()
	for i, saved := range state.Tabs {
		if i >= len(tabs) {
			break
		}
		if err := s.activate(ctx, tabs[i]); err != nil {
			return err
		}
		if err := s.reopenTab(ctx, tabs[i], saved); err != nil {
			return err
		}
	}
	if len(state.Tabs) == 0 { // the blank document is no page of the site's
		_, err := s.Do(ctx, Action{Name: "navigate", URL: "about:blank"})
		return err
	}
	if state.Active < len(tabs) {
		return s.activate(ctx, tabs[state.Active])
	}
	return nil
}

func (s *Session) reopenTab(ctx context.Context, t *tab, saved TabState) error {
	if !saved.visitable() {
		if saved.Posted {
			s.restored.Lost = append(s.restored.Lost, fmt.Sprintf(
				"the page %s: it was the answer to a form that was sent, and is not asked for again", saved.URL))
			s.restored.Texts = append(s.restored.Texts, s.options.Secrets.Mask(saved.Text))
		}
		_, err := s.Do(ctx, Action{Name: "navigate", URL: "about:blank"})
		return err
	}
	out, err := s.Do(ctx, Action{Name: "navigate", URL: saved.URL})
	if err != nil {
		return err
	}
	t.target.Start("Page.resetNavigationHistory", nil).Forget()
	if out.Error != "" {
		s.restored.Lost = append(s.restored.Lost, "the page "+saved.URL+": "+out.Error)
		return nil
	}
	s.restored.Has = append(s.restored.Has, "the page "+saved.URL+", loaded anew")
	if saved.Passwords > 0 {
		s.restored.Lost = append(s.restored.Lost, "what was typed into password fields")
	}
	if len(saved.Fields) == 0 && len(saved.Scroll) != 2 {
		return nil
	}
	var answer struct {
		Lost []string `json:"lost"`
	}
	err = t.runState(ctx, map[string]any{"do": "refill", "fields": saved.Fields, "scroll": saved.Scroll}, &answer)
	if ended := unusable(ctx, err); ended != nil {
		return ended
	}
	if err != nil {
		answer.Lost = []string{"what was typed"}
	}
	if len(saved.Fields) > 0 && err == nil {
		s.restored.Has = append(s.restored.Has, "what was typed into its form")
	}
	s.restored.Lost = append(s.restored.Lost, answer.Lost...)
	return nil
}

// originOf is the scheme, host and port of an address.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
