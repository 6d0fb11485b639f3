package effects

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"

	"github.com/errand-run/errand/shared/event"
)

// Request is a request as the browser is about to send it.
type Request struct {
	Method      string
	URL         string
	ContentType string
	Body        []byte
	Script      bool // a script sends it; else it asks for a document
}

// harmless are the methods of requests that change nothing at the other end.
var harmless = []string{"", "GET", "HEAD", "OPTIONS"}

// Bounds of what is looked at in a body.
const (
	maxBody  = 1 << 20 // bytes
	maxPaths = 300
	maxDepth = 6
)

// Sent describes a request for the ledger. ok is false for one that changes nothing: by its method, or a GraphQL query.
// digest gives a body its digest; nil: it has none.
func (r Request) Sent(digest func([]byte) string) (s event.Sent, ok bool) {
	u, err := url.Parse(r.URL)
	if err != nil || slices.Contains(harmless, r.Method) || u.Scheme != "http" && u.Scheme != "https" {
		return event.Sent{}, false
	}
	names := r.fields()
	if slices.ContainsFunc(names, func(n string) bool { return n == graphQLQuery }) {
		return event.Sent{}, false
	}
	s = event.Sent{Method: r.Method, URL: u.Scheme + "://" + u.Host + u.EscapedPath(), Script: r.Script, Form: short(strings.Join(names, "\n"))}
	if digest != nil && len(r.Body) > 0 {
		s.Body = digest(r.Body)
	}
	return s, true
}

func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// fields are the names of what a body holds, sorted, with the values of those that say what is asked for.
func (r Request) fields() []string {
	media, params, _ := mime.ParseMediaType(r.ContentType)
	body := r.Body[:min(len(r.Body), maxBody)]
	found := map[string]bool{"type " + media: true}
	switch {
	case media == "application/x-www-form-urlencoded":
		values, _ := url.ParseQuery(string(body))
		for name, v := range values {
			found[name+told(name, v[0])] = true
		}
	case media == "multipart/form-data":
		parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
		for len(found) < maxPaths {
			part, err := parts.NextPart()
			if err != nil {
				break
			}
			value, _ := io.ReadAll(io.LimitReader(part, 200))
			found[part.FormName()+told(part.FormName(), string(value))] = true
		}
	default:
		var v any
		if json.Unmarshal(body, &v) == nil {
			walk(v, "", maxDepth, found)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// walk collects the paths of a JSON value.
func walk(v any, path string, depth int, found map[string]bool) {
	if depth == 0 || len(found) >= maxPaths {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			text, _ := inner.(string)
			found[path+name+told(name, text)] = true
			if path == "" && name == "query" && isQuery(text) {
				found[graphQLQuery] = true
			}
			if name != "variables" { // whose optional parts come and go
				walk(inner, path+name+".", depth-1, found)
			}
		}
	case []any:
		for _, inner := range v {
			walk(inner, path+"[].", depth-1, found)
		}
	}
}

// graphQLQuery marks a body that only asks.
const graphQLQuery = "a GraphQL query"

func isQuery(text string) bool {
	text = strings.TrimSpace(text)
	return strings.HasPrefix(text, "{") || strings.HasPrefix(text, "query ") || strings.HasPrefix(text, "query(") || strings.HasPrefix(text, "query{")
}

// told is the value of a field that says what a request asks for, as protocols have it that send all to one address.
func told(name, value string) string {
	switch strings.ToLower(name) {
	case "query":
		if text := strings.TrimSpace(value); strings.HasPrefix(text, "mutation") {
			return "=" + short(text)
		}
	case "operationname", "method", "action", "op", "operation", "cmd", "command", "_method":
		if len(value) <= 200 {
			return "=" + value
		}
	}
	return ""
}
