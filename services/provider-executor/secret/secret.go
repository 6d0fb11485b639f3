// Package secret holds what a run may type without its model seeing it. The model writes <secret:name>; the value is
// put in where it is typed, on the domains that its owner has named and nowhere else, and wherever it would come out
// again, <secret:name> stands in its place.
package secret

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/errand-run/errand/shared/netguard"
	"github.com/errand-run/errand/shared/totp"
)

// Secret is one secret in clear text.
type Secret struct {
	Name    string
	Value   string
	Domains []string // where it may be typed, as in allowed_domains; at least one
	TOTP    bool     // the value is the key of an authenticator app, and its codes are typed
}

// Set is the secrets of a run. A nil or empty Set has none, and masks nothing. Its methods may be called concurrently.
type Set struct {
	now func() time.Time

	mu      sync.RWMutex
	entries []entry
	mask    mask
}

type entry struct {
	Secret
	domains netguard.Domains
	codes   totp.Key
}

// NewSet is a set without secrets. now is the clock of one-time passwords.
func NewSet(now func() time.Time) *Set { return &Set{now: now} }

// Add puts a secret into the set. Its errors do not show the value.
func (s *Set) Add(secret Secret) error {
	e := entry{Secret: secret}
	var err error
	if e.domains, err = netguard.ParseDomains(secret.Domains); err != nil {
		return fmt.Errorf("read the domains of secret %s: %w", secret.Name, err)
	}
	if len(e.domains) == 0 {
		return fmt.Errorf("read the domains of secret %s: there are none", secret.Name)
	}
	if secret.TOTP {
		if e.codes, err = totp.Parse(secret.Value); err != nil {
			return fmt.Errorf("read secret %s: %w", secret.Name, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = append(s.entries, e)
	s.mask.add(secret.Name, secret.Value)
	if u, err := url.Parse(secret.Value); secret.TOTP && err == nil {
		s.mask.add(secret.Name, u.Query().Get("secret"))
	}
	return nil
}

// Empty reports whether there is nothing to fill in and nothing to mask.
func (s *Set) Empty() bool {
	if s == nil {
		return true
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.entries) == 0
}

// Names tells a model, one line each, which secrets there are and where they may be typed.
func (s *Set) Names() []string {
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var lines []string
	for _, e := range s.entries {
		line := fmt.Sprintf("%s on %s", placeholder(e.Name), strings.Join(e.Domains, ", "))
		if e.TOTP {
			line += " (the current code of an authenticator app)"
		}
		lines = append(lines, line)
	}
	return lines
}

var named = regexp.MustCompile(`<secret:([a-z0-9_]{1,64})>`)

func placeholder(name string) string { return "<secret:" + name + ">" }

// In reports whether text asks for a secret to be filled in.
func In(text string) bool { return named.MatchString(text) }

// Fill puts the values into a text that is about to be typed into a document. origins are that document's and those of
// all documents around it, as pages know them ("https://example.com"): each must be one that the secret may be typed
// on. The error is a sentence for the model.
func (s *Set) Fill(text string, origins []string) (string, error) {
	if s == nil {
		s = &Set{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var refused error
	filled := named.ReplaceAllStringFunc(text, func(asked string) string {
		value, err := s.value(named.FindStringSubmatch(asked)[1], origins)
		refused = errors.Join(refused, err)
		return value
	})
	if refused != nil {
		return "", refused
	}
	return filled, nil
}

// value is what is typed for a secret.
func (s *Set) value(name string, origins []string) (string, error) {
	for _, e := range s.entries {
		if e.Name != name {
			continue
		}
		for _, origin := range origins {
			if !e.allows(origin) {
				return "", fmt.Errorf("%s may be typed on %s only, and not on %s: nothing was typed", placeholder(name), strings.Join(e.Domains, ", "), origin)
			}
		}
		if len(origins) == 0 {
			return "", fmt.Errorf("%s may be typed on %s only: nothing was typed", placeholder(name), strings.Join(e.Domains, ", "))
		}
		if !e.TOTP {
			return e.Value, nil
		}
		code := e.codes.Code(s.now())
		s.mask.add(name, code)
		return code, nil
	}
	return "", fmt.Errorf("there is no %s: nothing was typed", placeholder(name))
}

func (e entry) allows(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	port := map[string]uint64{"http": 80, "https": 443}[u.Scheme]
	if port == 0 {
		return false
	}
	if p := u.Port(); p != "" {
		if port, err = strconv.ParseUint(p, 10, 16); err != nil {
			return false
		}
	}
	host, err := netguard.CanonicalHost(u.Hostname())
	return err == nil && e.domains.Allow(host, uint16(port))
}

// Typeable gives the values that may be typed on an origin: a document there may have them.
func (s *Set) Typeable(origin string) []string {
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var values []string
	for _, e := range s.entries {
		if !e.TOTP && e.allows(origin) {
			values = append(values, e.Value)
		}
	}
	return values
}
