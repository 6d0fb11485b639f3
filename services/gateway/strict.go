package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
)

// plainJSON takes a body only if it is JSON in UTF-8 and as it was sent: its Content-Type, in any case, is
// application/json, and nothing has compressed it. The operations then find the media type in lower case.
func plainJSON(c *fiber.Ctx) error {
	media, params, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil || media != fiber.MIMEApplicationJSON {
		return huma.Error415UnsupportedMediaType("expected Content-Type: application/json")
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return huma.Error415UnsupportedMediaType(fmt.Sprintf("expected JSON in UTF-8, not in %q", charset))
	}
	if encoding := c.Get(fiber.HeaderContentEncoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return huma.ErrorWithHeaders(huma.Error415UnsupportedMediaType(
			fmt.Sprintf("expected a body without Content-Encoding: %q is not read", encoding)), http.Header{"Accept-Encoding": {"identity"}})
	}
	c.Request().Header.SetContentType(fiber.MIMEApplicationJSON)
	return nil
}

// unambiguous returns why valid JSON would be read as something else than was sent: it is not UTF-8, has half of a
// surrogate pair, or gives a name twice in one object. The decoder would put U+FFFD for the former and forget one of the
// latter.
func unambiguous(body []byte) error {
	if !utf8.Valid(body) {
		return errors.New("expected UTF-8")
	}
	if at, ok := loneSurrogate(body); ok {
		return fmt.Errorf("expected both halves of a surrogate pair: %s stands alone", body[at:at+6])
	}
	if name, ok := repeatedName(body); ok {
		return fmt.Errorf("expected each name once in an object: %q is given twice", name)
	}
	return nil
}

// loneSurrogate finds an escaped half of a surrogate pair. A backslash is only within strings.
func loneSurrogate(body []byte) (at int, found bool) {
	for i := 0; i < len(body)-1; i++ {
		if body[i] != '\\' {
			continue
		}
		unit, ok := escapedUnit(body[i:])
		switch {
		case !ok:
			i++ // an escape of one character
		case unit>>10 == 0xDC00>>10:
			return i, true
		case unit>>10 == 0xD800>>10:
			if low, ok := escapedUnit(body[i+6:]); !ok || low>>10 != 0xDC00>>10 {
				return i, true
			}
			i += 11
		default:
			i += 5
		}
	}
	return 0, false
}

// escapedUnit reads \uXXXX at the beginning of text.
func escapedUnit(text []byte) (unit uint64, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return unit, err == nil
}

// repeatedName finds a name that an object of valid JSON gives twice.
func repeatedName(body []byte) (name string, found bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return repeatedIn(d)
}

// repeatedIn reads one value.
func repeatedIn(d *json.Decoder) (name string, found bool) {
	token, err := d.Token()
	delim, _ := token.(json.Delim)
	if err != nil || delim == 0 {
		return "", false
	}
	names := map[string]bool{}
	for d.More() {
		if delim == '{' {
			key, err := d.Token()
			if err != nil {
				return "", false
			}
			name := key.(string)
			if names[name] {
				return name, true
			}
			names[name] = true
		}
		if name, found := repeatedIn(d); found {
			return name, true
		}
	}
	_, _ = d.Token() // the closing one
	return "", false
}

// singleHeaders refuses a request that says twice where it goes or where it comes from: two readers of it could
// believe different ones.
func singleHeaders(c *fiber.Ctx) error {
	for _, name := range []string{fiber.HeaderHost, fiber.HeaderOrigin} {
		if n := headerLines(c.Request().Header.RawHeaders(), name); n > 1 {
			return huma.Error400BadRequest(fmt.Sprintf("expected one %s header, not %d", name, n))
		}
	}
	return c.Next()
}

func headerLines(raw []byte, name string) (n int) {
	for line := range bytes.Lines(raw) {
		before, _, ok := bytes.Cut(line, []byte(":"))
		if ok && strings.EqualFold(strings.TrimSpace(string(before)), name) {
			n++
		}
	}
	return n
}

// knownQuery refuses a query parameter that the operation does not have, or that is given twice: the answer would be to
// another question.
func knownQuery(h huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		var names []string
		for _, p := range ctx.Operation().Parameters {
			if p.In == "query" {
				names = append(names, p.Name)
			}
		}
		url := ctx.URL()
		if errs := unknownQuery(url.Query(), names); len(errs) > 0 {
			_ = huma.WriteErr(h, ctx, http.StatusUnprocessableEntity, "validation failed", errs...)
			return
		}
		next(ctx)
	}
}

func unknownQuery(query map[string][]string, names []string) (errs []error) {
	for name, values := range query {
		switch {
		case !slices.Contains(names, name):
			message := "unexpected query parameter: this operation has none"
			if len(names) > 0 {
				message = "unexpected query parameter: expected one of " + strings.Join(names, ", ")
			}
			errs = append(errs, &huma.ErrorDetail{Location: "query." + name, Message: message})
		case len(values) > 1:
			errs = append(errs, &huma.ErrorDetail{Location: "query." + name, Message: "expected once"})
		}
	}
	return errs
}

// controlled reports whether a text has a control character other than those of the layout of a text.
func controlled(text *string, layout string) bool {
	return text != nil && strings.ContainsFunc(*text, func(r rune) bool {
		return (r < ' ' || r == 0x7f) && !strings.ContainsRune(layout, r)
	})
}
