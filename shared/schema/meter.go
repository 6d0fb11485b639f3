package schema

import (
	"context"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// maxWork is how much work one validation may do: about the number of pairs of a subschema and a value that it applies
// to. A result of 300 KB with a schema of the usual kind takes some ten thousand.
const maxWork = 1_000_000

var errTooCostly error = &Error{Reason: "checking it against the schema takes too long; use a simpler schema"}

// stopped is what the meter panics with to leave the library, which knows no context. validate recovers it.
type stopped struct{ error }

// meter counts the work of the validation that is under way, and ends it. The library calls it for every subschema that
// it applies to a value, and for every pattern that it matches. Outside of a validation it counts nothing.
type meter struct {
	over func() error // why the validation under way must end, nil to go on; nil itself if none is under way
	work int
}

// start begins a validation that ends with ctx.
func (m *meter) start(ctx context.Context) {
	m.work, m.over = 0, func() error {
		if ctx.Err() == nil {
			return nil
		}
		return context.Cause(ctx)
	}
}

func (m *meter) stop() { m.over = nil }

// add counts n units of work.
func (m *meter) add(n int) {
	if m.over == nil {
		return
	}
	const often = 1 << 10
	before := m.work / often
	m.work += n
	if m.work > maxWork {
		panic(stopped{errTooCostly})
	}
	if m.work/often == before {
		return
	}
	if err := m.over(); err != nil {
		panic(stopped{err})
	}
}

// attach has every schema call the meter. A format is the one keyword that is called for every value before the schema
// goes on to its subschemas; of those, one that refuses the value by its type, const or enum alone never gets that far,
// which is why a schema counts its subschemas with itself.
func (m *meter) attach(roots []*jsonschema.Schema) {
	for s := range all(roots) {
		own, fixed := s.Format, weight(s)
		s.Format = &jsonschema.Format{Validate: func(v any) error {
			m.add(fixed * (1 + length(v)))
			if own == nil {
				return nil
			}
			return own.Validate(v)
		}}
		if own != nil {
			s.Format.Name = own.Name
		}
	}
}

// weight is what a schema costs for each part of a value.
func weight(s *jsonschema.Schema) int {
	n := 1 + len(inPlace(s)) + len(s.PatternProperties)
	for _, sub := range inPlace(s) {
		if sub.Enum != nil {
			n += len(sub.Enum.Values)
		}
	}
	return n
}

// length is how many parts a value has.
func length(v any) int {
	switch v := v.(type) {
	case map[string]any:
		return len(v)
	case []any:
		return len(v)
	case string:
		return len(v) / 100
	}
	return 0
}
