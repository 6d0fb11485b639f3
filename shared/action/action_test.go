package action

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEachRowSaysAllThatOthersDeriveFromIt(t *testing.T) {
	seen := map[string]string{}
	for _, s := range table {
		for _, name := range append([]string{s.Name}, aliasNames(s)...) {
			if seen[name] != "" {
				t.Errorf("%s is a name of %s and of %s", name, seen[name], s.Name)
			}
			seen[name] = s.Name
		}
		switch s.Replay.Keep {
		case Always, LeftOut, IfNeeded:
			if s.Replay.Reason != "" {
				t.Errorf("%s: a reason stands with an action that can be replayed", s.Name)
			}
		case Refused:
			if s.Replay.Reason == "" {
				t.Errorf("%s: it is not said why it cannot be replayed", s.Name)
			}
		default:
			t.Errorf("%s: its row does not say what a replay does with it", s.Name)
		}
		if s.ReadOnly && s.Effectful {
			t.Errorf("%s only reads and has effects", s.Name)
		}
		if _, must := s.ForElement(); must && s.Unaimed {
			t.Errorf("%s is for an element that the model was shown, and may not follow what changes the page", s.Name)
		}
	}
}

func aliasNames(s Spec) (names []string) {
	for _, a := range s.Aliases {
		names = append(names, a.Name)
	}
	return names
}

func TestAParameterHasOneTypeAndAPlaceOnTheWireAndInAction(t *testing.T) {
	fields := map[string]bool{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Action]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[name] = true
	}
	types := map[string]Type{}
	for _, s := range table {
		for _, p := range s.Params {
			if known, ok := types[p.Name]; ok && known != p.Type {
				t.Errorf("%s is of type %q in %s and of type %q elsewhere", p.Name, p.Type, s.Name, known)
			}
			types[p.Name] = p.Type
			if !slices.Contains(order, p.Name) {
				t.Errorf("%s of %s has no place in the schema", p.Name, s.Name)
			}
			if !fields[p.Name] && !s.ByAgent {
				t.Errorf("%s of %s is no field of Action", p.Name, s.Name)
			}
		}
	}
	if len(types) != len(order) {
		t.Errorf("the schema has %d parameters, and the table %d", len(order), len(types))
	}
}

func TestTheSchemaAndThePromptHaveEveryActionThatIsOffered(t *testing.T) {
	var schema struct {
		Properties map[string]struct {
			Type any
			Enum []string
		}
	}
	if err := json.Unmarshal(Schema(false), &schema); err != nil {
		t.Fatal(err)
	}
	if got := schema.Properties["name"].Enum; !slices.Equal(got, Offered(false)) || slices.Contains(got, "evaluate") {
		t.Errorf("the schema offers %q", got)
	}
	for _, name := range Offered(false) {
		if !regexp.MustCompile(`(- |, )` + name + `( \{|,|:|\n)`).MatchString(Prompt()) {
			t.Errorf("the prompt does not have %s", name)
		}
	}
	if strings.Contains(Prompt(), "evaluate") || !slices.Contains(Offered(true), "evaluate") {
		t.Error("evaluate is not offered on request only")
	}
}

func TestOldNamesAreReadAsThePresentOnes(t *testing.T) {
	for old, want := range map[string]string{
		`{"name": "click_element_by_index", "index": 3}`:                                 `{"name":"click","index":3}`,
		`{"name": "open_tab", "url": "u"}`:                                               `{"name":"navigate","url":"u","new_tab":true}`,
		`{"name": "scroll_up", "down": null}`:                                            `{"name":"scroll","down":false}`,
		`{"name": "append_file", "file_name": "f", "content": "c"}`:                      `{"name":"write_file","text":"c","clear":false,"path":"f"}`,
		`{"name": "write_file", "path": "f", "append": true}`:                            `{"name":"write_file","clear":false,"path":"f"}`,
		`{"name": "replace_file_str", "file_name": "f", "old_str": "a", "new_str": "b"}`: `{"name":"replace_file","text":"b","query":"a","path":"f"}`,
		`{"name": "search_page", "pattern": "p"}`:                                        `{"name":"search_page","query":"p"}`,
		`{"name": "find_elements", "selector": "p", "query": null}`:                      `{"name":"find_elements","query":"p"}`,
		`{"name": "execute_javascript", "code": "1"}`:                                    `{"name":"evaluate","text":"1"}`,
		`{"name": "fly", "index": 1}`:                                                    `{"name":"fly","index":1}`,
	} {
		var flat map[string]any
		if err := json.Unmarshal([]byte(old), &flat); err != nil {
			t.Fatal(err)
		}
		a, err := Decode(flat)
		got, _ := json.Marshal(a)
		if err != nil || string(got) != want {
			t.Errorf("%s is read as %s, %v", old, got, err)
		}
	}
	if _, err := Decode(map[string]any{"name": "click", "index": "three"}); err == nil {
		t.Error("an index in words was read")
	}
}

func TestEffectsAreKnownByOldNamesToo(t *testing.T) {
	for name, want := range map[string]bool{"click": true, "input_text": true, "navigate": true, "scroll": false, "wait": false, "find_text": false, "fly": false} {
		if Effectful(name) != want {
			t.Errorf("Effectful(%s) is %v", name, !want)
		}
	}
}

func TestAFingerprintKeepsItsForm(t *testing.T) {
	golden, err := os.ReadFile("testdata/target.json")
	if err != nil {
		t.Fatal(err)
	}
	var target Target
	d := json.NewDecoder(bytes.NewReader(golden))
	d.DisallowUnknownFields()
	if err := d.Decode(&target); err != nil {
		t.Fatal(err)
	}
	for i, v := 0, reflect.ValueOf(target); i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("the golden file has no %s", v.Type().Field(i).Name)
		}
	}
	written, _ := json.MarshalIndent(target, "", "  ")
	if string(written)+"\n" != string(golden) {
		t.Errorf("the fingerprint is written as\n%s", written)
	}
}
