package schema

import (
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Bounds of what is said of a value: a model reads it, and it stands in a run's error.
const (
	maxPlaces = 12
	maxPlace  = 400 // bytes
)

var english = message.NewPrinter(language.English)

// violation lists the places where a value does not satisfy the schema, the outer before the inner.
func violation(err error) error {
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return &Error{Reason: err.Error()}
	}
	v, more := &Violation{}, 0
	var add func(e *jsonschema.ValidationError)
	add = func(e *jsonschema.ValidationError) {
		if len(v.Places) == maxPlaces {
			more++
			return
		}
		if speaks(e) {
			v.Places = append(v.Places, fmt.Sprintf("at '%s': %s", pointer(e.InstanceLocation), sentence(e)))
		}
		for _, cause := range e.Causes {
			add(cause)
		}
	}
	add(invalid)
	if more > 0 {
		v.Places = append(v.Places, "and more")
	}
	return v
}

// speaks reports whether an error says something itself, and does not only hold others.
func speaks(e *jsonschema.ValidationError) bool {
	switch e.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.Reference, *kind.AllOf:
		return len(e.Causes) == 0
	}
	return true
}

func sentence(e *jsonschema.ValidationError) string {
	switch k := e.ErrorKind.(type) {
	case *kind.Format:
		return fmt.Sprintf("%s is not a valid %s", clip(fmt.Sprintf("%q", k.Got), 100), k.Want)
	case *kind.Pattern:
		return fmt.Sprintf("%s does not match the pattern %s", clip(fmt.Sprintf("%q", k.Got), 100), clip(k.Want, 200))
	}
	return clip(e.ErrorKind.LocalizedString(english), maxPlace)
}

func pointer(tokens []string) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteString("/" + escape(t))
	}
	return b.String()
}

// schemaError says in one sentence what is wrong with a schema.
func schemaError(err error) error {
	var regex *jsonschema.InvalidRegexError
	var load *jsonschema.LoadURLError
	var anchor *jsonschema.AnchorNotFoundError
	var missing *jsonschema.JSONPointerNotFoundError
	var against *jsonschema.SchemaValidationError
	var invalid *jsonschema.ValidationError
	if errors.As(err, &against) {
		err = against.Err
	}
	switch {
	case errors.As(err, &regex):
		return &Error{place(regex.URL), regex.Err.Error()}
	case errors.As(err, &load):
		return &Error{Reason: fmt.Sprintf("the reference to %s is not followed: a schema must hold all that it refers to", clip(load.URL, 200))}
	case errors.As(err, &anchor):
		return &Error{Reason: "a reference leads nowhere: there is no anchor " + clip(anchor.Reference, 200)}
	case errors.As(err, &missing):
		return &Error{Reason: "a reference leads nowhere: there is nothing at " + clip(place(missing.URL), 200)}
	case errors.As(err, &invalid):
		e := deepest(invalid)
		return &Error{pointer(e.InstanceLocation), keywordSentence(e)}
	}
	return &Error{Reason: clip(err.Error(), maxPlace)}
}

// deepest is the error that lies deepest in the schema: the alternatives above it fail because of it.
func deepest(e *jsonschema.ValidationError) *jsonschema.ValidationError {
	found := e
	for _, cause := range e.Causes {
		if c := deepest(cause); !speaks(found) || len(c.InstanceLocation) > len(found.InstanceLocation) || (len(found.Causes) > 0 && len(c.InstanceLocation) == len(found.InstanceLocation)) {
			found = c
		}
	}
	return found
}

// keywordSentence is a metaschema's objection to a keyword.
func keywordSentence(e *jsonschema.ValidationError) string {
	switch k := e.ErrorKind.(type) {
	case *kind.Format:
		if k.Want == "regex" {
			return k.Err.Error()
		}
	case *kind.PropertyNames:
		if len(e.Causes) > 0 {
			return fmt.Sprintf("the name %q: %s", clip(k.Property, 100), keywordSentence(deepest(e.Causes[0])))
		}
	}
	return sentence(e)
}
