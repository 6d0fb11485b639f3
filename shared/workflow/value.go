package workflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// parameterTypes are the types that a parameter may have.
var parameterTypes = []string{TypeString, TypeNumber, TypeInteger, TypeBoolean, TypeDate}

// value is v as a value of the parameter: a string, a bool, or a json.Number, in its canonical form.
func (p Parameter) value(v any) (any, error) {
	switch p.Type {
	case TypeString:
		if s, ok := v.(string); ok {
			return s, nil
		}
		return nil, fmt.Errorf("must be a string, not %s", shown(v))
	case TypeDate:
		if s, ok := v.(string); ok && isDate(s) {
			return s, nil
		}
		return nil, fmt.Errorf("must be a date as YYYY-MM-DD, not %s", shown(v))
	case TypeBoolean:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, fmt.Errorf("must be true or false, not %s", shown(v))
	}
	text, ok := plainValue(v)
	if !ok {
		return nil, fmt.Errorf("must be a number, not %s", shown(v))
	}
	if p.Type == TypeInteger && strings.Contains(text, ".") {
		return nil, fmt.Errorf("must be a whole number, not %s", shown(v))
	}
	return json.Number(text), nil
}

// read is the value that a text holds.
func (p Parameter) read(text, format string) (any, error) {
	switch p.Type {
	case TypeDate:
		if date, ok := readDate(text, format); ok {
			return date, nil
		}
		if formats := dateFormats(text); len(formats) == 1 {
			date, _ := readDate(text, formats[0])
			return date, nil
		}
	case TypeBoolean:
		if text == "true" || text == "false" {
			return text == "true", nil
		}
	case TypeNumber, TypeInteger:
		if n, ok := readNumber(text, format); ok {
			return p.value(json.Number(n))
		}
		if formats := numberFormats(text); len(formats) == 1 {
			n, _ := readNumber(text, formats[0])
			return p.value(json.Number(n))
		}
		if n, ok := plainNumber(text); ok {
			return p.value(json.Number(n))
		}
	}
	return p.value(text)
}

// plainValue is a number of decoded JSON or of Go, without exponent.
func plainValue(v any) (string, bool) {
	switch v := v.(type) {
	case json.Number:
		return plainNumber(v.String())
	case float64, int, int64:
		text, err := textOf(v)
		return text, err == nil
	}
	return "", false
}

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

// shown is a value as an error shows it.
func shown(v any) string {
	raw, err := encode(v)
	if err != nil || len(raw) > 100 {
		return "that"
	}
	return string(raw)
}

// Check is v as a value of the parameter of that name, in the form in which values are filled in; a number may be given
// as a string. An error says what it must be.
func Check(w Workflow, name string, v any) (any, error) {
	i := slices.IndexFunc(w.Parameters, func(p Parameter) bool { return p.Name == name })
	if i < 0 {
		return nil, errors.New(w.unknown())
	}
	p := w.Parameters[i]
	value, err := p.value(v)
	if text, isText := v.(string); err != nil && isText && (p.Type == TypeNumber || p.Type == TypeInteger || p.Type == TypeBoolean) {
		if read, readErr := p.read(strings.TrimSpace(text), ""); readErr == nil {
			return read, nil
		}
	}
	return value, err
}

// unknown says that there is no such parameter, and which there are.
func (w Workflow) unknown() string {
	if len(w.Parameters) == 0 {
		return "is not a parameter of the workflow, which has none"
	}
	var list []string
	for _, p := range w.Parameters {
		list = append(list, fmt.Sprintf("%s (%s)", p.Name, p.Type))
	}
	return "is not a parameter of the workflow; its parameters are " + strings.Join(list, ", ")
}

// CheckParameters reads an object of values by name, as a run request gives them; null and nothing are no values. The
// error is an *InvalidError whose places are parameters.NAME.
func (w Workflow) CheckParameters(raw json.RawMessage) (map[string]any, error) {
	given := map[string]any{}
	if len(raw) > 0 {
		v, err := decode(raw)
		if object, ok := v.(map[string]any); err != nil || !ok && v != nil {
			return nil, &InvalidError{[]Problem{{"parameters", "must be an object of values by name"}}}
		} else if ok {
			given = object
		}
	}
	var found problems
	for _, name := range sortedKeys(given) {
		value, err := Check(w, name, given[name])
		if err != nil {
			found.add("parameters."+name, err.Error())
			continue
		}
		given[name] = value
	}
	return given, found.err()
}
