package workflow

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// InitialURL is the name of the parameter that a run's initial_url is the value of.
const InitialURL = "initial_url"

// Binding is where the values of parameters come from.
type Binding struct {
	Prompt     string
	Parameters json.RawMessage // object: the caller's values by name; null or nothing: none
	InitialURL string          // of the run
}

// UnboundError says that some parameters have no value. Names may be empty: then the prompt is not the one that the
// workflow was made for, which has no parameters there that could tell the difference.
type UnboundError struct {
	Names     []string
	Ambiguous bool // the prompt can be read in more than one way
}

// Error tells what to do.
func (e *UnboundError) Error() string {
	const all = `"parameters" must hold every one of them`
	switch {
	case len(e.Names) == 0:
		return `the prompt is another one than the workflow was made for; send "parameters" (an empty object will do) to replay it nevertheless, or run without use_cached_workflow`
	case e.Ambiguous:
		return fmt.Sprintf("the prompt can be read in more than one way, so the value of %s is not certain: %s", strings.Join(e.Names, ", "), all)
	}
	return fmt.Sprintf("the prompt has no value for %s: word it like the workflow's prompt_template, or send them: %s", strings.Join(e.Names, ", "), all)
}

// Bind finds a value for each parameter of w: the caller's, else what stands in its place in the prompt, where only one
// reading of the prompt fits the template. The case and the spaces of the template's own text do not matter. The error
// is an *InvalidError for the caller's values, or an *UnboundError; with the latter come the values that are known.
func Bind(w Workflow, b Binding) (map[string]any, error) {
	values, err := w.CheckParameters(b.Parameters)
	if err != nil {
		return nil, err
	}
	explicit := len(b.Parameters) > 0 && string(b.Parameters) != "null"
	w.bindInitialURL(values, b.InitialURL)
	missing := w.missing(values)
	if len(missing) == 0 && (explicit || w.PromptTemplate == "") {
		return values, nil
	}
	if w.isExample(b.Prompt) {
		for _, p := range w.Parameters {
			if slices.Contains(missing, p.Name) {
				values[p.Name] = p.ExampleValue
			}
		}
		return values, nil
	}
	found, ambiguous := w.match(b.Prompt, missing)
	if found == nil {
		return values, &UnboundError{missing, ambiguous}
	}
	for _, name := range missing {
		if v, ok := found[name]; ok {
			values[name] = v
		}
	}
	if missing = w.missing(values); len(missing) > 0 {
		return values, &UnboundError{Names: missing}
	}
	return values, nil
}

// bindInitialURL takes the run's own, or where it has none the one of the recording.
func (w Workflow) bindInitialURL(values map[string]any, url string) {
	i := slices.IndexFunc(w.Parameters, func(p Parameter) bool { return p.Name == InitialURL })
	if i < 0 || values[InitialURL] != nil {
		return
	}
	if url != "" {
		values[InitialURL] = url
	} else if example := w.Parameters[i].ExampleValue; example != nil {
		values[InitialURL] = example
	}
}

// missing lists the parameters without a value.
func (w Workflow) missing(values map[string]any) (list []string) {
	for _, p := range w.Parameters {
		if _, ok := values[p.Name]; !ok {
			list = append(list, p.Name)
		}
	}
	return list
}

// examples are the values of the recording; ok is false where one is not known.
func (w Workflow) examples() (values map[string]any, ok bool) {
	values = map[string]any{}
	for _, p := range w.Parameters {
		if p.ExampleValue == nil {
			return nil, false
		}
		values[p.Name] = p.ExampleValue
	}
	return values, true
}

// isExample reports whether a prompt is the one of the recording.
func (w Workflow) isExample(prompt string) bool {
	values, ok := w.examples()
	return ok && strings.EqualFold(spaced(w.Prompt(values)), spaced(prompt))
}

// spaced is a text with single spaces.
func spaced(s string) string { return strings.Join(strings.Fields(s), " ") }

// Prompt is the prompt with these values. A placeholder whose value is missing stays.
func (w Workflow) Prompt(values map[string]any) string {
	var b strings.Builder
	parts, _ := pieces(w.PromptTemplate)
	for _, p := range parts {
		text, err := p.text(values)
		switch {
		case p.name == "":
			b.WriteString(p.literal)
		case err != nil:
			b.WriteString(p.String())
		default:
			b.WriteString(text)
		}
	}
	return b.String()
}

// Differs reports whether values are others than those of the recording.
func (w Workflow) Differs(values map[string]any) bool {
	return slices.ContainsFunc(w.Parameters, func(p Parameter) bool {
		example, noExample := textOf(p.ExampleValue)
		value, noValue := textOf(values[p.Name])
		return noExample != nil || noValue != nil || example != value
	})
}
