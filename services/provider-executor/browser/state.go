package browser

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// StateVersion is the version of State's form. A state of another one is not restored.
const StateVersion = 1

// State is what a session's browser holds at one moment: enough to go on in another browser. It has session cookies and
// whatever pages store, so it is a secret as a whole: it is kept sealed, and is no part of any answer.
//
// What it lacks: the storage of frames of other sites, service workers and their caches, what a page holds in its
// memory only, passwords, numbers of cards, and the values of the run's secrets in forms.
type State struct {
	Version int               `json:"v"`
	Cookies []json.RawMessage `json:"cookies,omitempty"` // as Storage.getCookies gives them
	Origins []OriginState     `json:"origins,omitempty"` // that the session's tabs have been at
	Tabs    []TabState        `json:"tabs"`
	Active  int               `json:"active"` // index of the active tab
	Lost    []string          `json:"lost,omitempty"`
}

// OriginState is what an origin has stored for all its pages.
type OriginState struct {
	Origin    string            `json:"origin"`
	Local     map[string]string `json:"local,omitempty"`
	Databases json.RawMessage   `json:"databases,omitempty"` // of IndexedDB, as js/state.js encodes them
}

// TabState is a tab with its page.
type TabState struct {
	URL       string            `json:"url"`
	Posted    bool              `json:"posted,omitempty"` // the page is the answer to something that was sent
	Text      string            `json:"text,omitempty"`   // the beginning of such a page: it is not asked for again
	Origin    string            `json:"origin,omitempty"`
	Session   map[string]string `json:"session,omitempty"` // sessionStorage of the page's origin
	Scroll    []float64         `json:"scroll,omitempty"`  // x and y in CSS pixels
	Fields    []Field           `json:"fields,omitempty"`
	Passwords int               `json:"passwords,omitempty"` // filled password fields, which are not kept
}

// Field is a form field whose value is not what the page came with.
type Field struct {
	Way     []int   `json:"way"` // from the document's element, the index among the children
	Tag     string  `json:"tag"`
	Type    string  `json:"type"`
	Name    string  `json:"name"`
	Value   *string `json:"value,omitempty"`
	Checked *bool   `json:"checked,omitempty"`
	Chosen  []int   `json:"chosen,omitempty"` // indexes of options
}

// Restored says how a session began that was given a State. Addresses and texts in it are the websites' words.
type Restored struct {
	Has   []string // what was put back, as parts of a sentence
	Lost  []string // what was not, and why
	Texts []string // the beginnings of pages that were not asked for again
}

// WithoutPages is the state with none of its pages open: where a page may be what ended the browser.
func (s State) WithoutPages() State {
	for _, t := range s.Tabs {
		if t.URL != "" {
			s.Lost = append(slices.Clip(s.Lost), fmt.Sprintf("the page %s, which may be what ended the browser", t.URL))
		}
	}
	s.Tabs, s.Active = nil, 0
	return s
}

// WithoutDatabases is the state without what its origins hold in IndexedDB.
func (s State) WithoutDatabases() State {
	s.Origins = slices.Clone(s.Origins)
	for i, o := range s.Origins {
		if len(o.Databases) > 0 {
			s.Origins[i].Databases = nil
			s.Lost = append(slices.Clip(s.Lost), "the databases of "+o.Origin+", which are too large")
		}
	}
	return s
}

// visitable reports whether a page can be asked for again by its address.
func (t TabState) visitable() bool {
	return !t.Posted && (strings.HasPrefix(t.URL, "http://") || strings.HasPrefix(t.URL, "https://"))
}

// cookieParam is a cookie of Storage.getCookies as Storage.setCookies takes it. A cookie of one host only must not name
// its domain, which would give it to the hosts below too.
func cookieParam(raw json.RawMessage) (map[string]any, error) {
	var c map[string]any
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, fmt.Errorf("decode cookie: %w", err)
	}
	domain, _ := c["domain"].(string)
	path, _ := c["path"].(string)
	scheme := "http"
	if secure, _ := c["secure"].(bool); secure || c["sourceScheme"] == "Secure" {
		scheme = "https"
	}
	c["url"] = (&url.URL{Scheme: scheme, Host: strings.TrimPrefix(domain, "."), Path: path}).String()
	if !strings.HasPrefix(domain, ".") {
		delete(c, "domain")
	}
	if session, _ := c["session"].(bool); session {
		delete(c, "expires")
	}
	for _, k := range []string{"session", "size", "sameParty", "sourcePort", "partitionKeyOpaque"} {
		delete(c, k)
	}
	return c, nil
}
