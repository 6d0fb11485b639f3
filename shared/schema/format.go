package schema

import (
	"errors"
	"net/mail"
	"strings"
	"unicode"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/net/idna"
)

// registerFormats adds the formats of the standard that the library lacks or does not check whole.
func registerFormats(c *jsonschema.Compiler) {
	c.RegisterFormat(textFormat("idn-hostname", func(s string) error {
		_, err := idna.Lookup.ToASCII(s)
		if s == "" || len(s) > 253 || err != nil {
			return errors.New("not a host name")
		}
		return nil
	}))
	c.RegisterFormat(textFormat("idn-email", address))
	c.RegisterFormat(textFormat("email", func(s string) error { // the library's takes an empty local part
		if strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) {
			return errors.New("not ASCII")
		}
		return address(s)
	}))
}

func address(s string) error {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 {
		return errors.New("not an email address")
	}
	domain := s[strings.LastIndexByte(s, '@')+1:]
	if _, err := idna.Lookup.ToASCII(domain); err != nil {
		return errors.New("no host name behind the @")
	}
	return nil
}

// textFormat is a format of strings; other values satisfy it.
func textFormat(name string, check func(string) error) *jsonschema.Format {
	return &jsonschema.Format{Name: name, Validate: func(v any) error {
		if s, ok := v.(string); ok {
			return check(s)
		}
		return nil
	}}
}
