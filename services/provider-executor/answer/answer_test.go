package answer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var decision = NewForm(json.RawMessage(`{"type":"object","properties":{
	"evaluation_previous_goal":{"type":"string"},"memory":{"type":"string"},"next_goal":{"type":"string"},
	"actions":{"type":"array","items":{"type":"object","properties":{
		"name":{"type":"string","enum":["click","input","go_back","done"]},
		"index":{"type":["integer","null"]},"text":{"type":["string","null"]},"clear":{"type":["boolean","null"]},
		"success":{"type":["boolean","null"]},"data":{"type":["string","null"]}}}}}}`))

// decide is a decision as a model writes it.
func decide(goal string, index int) string {
	return fmt.Sprintf(`{"evaluation_previous_goal":"","memory":"","next_goal":%q,"actions":[{"name":"click","index":%d}]}`, goal, index)
}

var (
	keep  = decide("keep", 4)
	draft = decide("a long draft that I reject, since deleting is not what was asked for, so let me think again", 5)
)

// thoughts are the ways in which models and the servers before them mark what was only thought. %D is a rejected
// decision, %K the one that counts.
var thoughts = map[string]string{
	"think":                       "<think>Perhaps %D no.</think>%K",
	"think, closed only":          "Perhaps %D no.</think>\n%K",
	"think twice":                 "<think>%D</think> Hm. <think>no</think> %K",
	"think in think":              "<think>a<think>%D</think>%D</think>%K",
	"thinking with an attribute":  `<thinking mode="deep">%D</thinking>%K`,
	"seed":                        "<seed:think>%D</seed:think>%K",
	"reflection":                  "<think>%D</think><reflection>%D is bad</reflection>%K",
	"magistral":                   "[THINK]Perhaps %D no.[/THINK]%K",
	"magistral, closed only":      "Perhaps %D no.[/THINK]%K",
	"kimi":                        "◁think▷Perhaps %D no.◁/think▷%K",
	"kimi k2 call":                "Let me see %D <|tool_calls_section_begin|><|tool_call_begin|>functions.decision:0<|tool_call_argument_begin|>%K<|tool_call_end|><|tool_calls_section_end|>",
	"harmony":                     "<|channel|>analysis<|message|>Perhaps %D no.<|end|><|start|>assistant<|channel|>final<|message|>%K",
	"harmony, ended":              "<|start|>assistant<|channel|>analysis<|message|>%D<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>%K<|return|>",
	"harmony call":                "<|channel|>analysis<|message|>%D<|end|><|start|>assistant<|channel|>commentary to=functions.decision <|constrain|>json<|message|>%K<|call|>",
	"harmony preamble":            "<|channel|>commentary<|message|>%D<|end|><|start|>assistant<|channel|>final<|message|>%K",
	"harmony without signs":       "analysisPerhaps %D no.assistantfinal%K",
	"command":                     "<|START_THINKING|>%D<|END_THINKING|><|START_RESPONSE|>%K<|END_RESPONSE|>",
	"begin of thought":            "<|begin_of_thought|>%D<|end_of_thought|><|begin_of_solution|>%K<|end_of_solution|>",
	"gemma":                       "<|channel>thought\n%D<channel|>%K",
	"medgemma":                    "<unused94>thought\n%D<unused95>%K",
	"answer tags":                 "I could %D but no. <answer>%K</answer>",
	"tool call":                   "I could %D but no. <tool_call>{\"name\":\"decision\",\"arguments\":%K}</tool_call>",
	"mistral call":                "I could %D but no. [TOOL_CALLS]decision%K",
	"llama":                       "I could %D but no. <|python_tag|>%K",
	"deepseek call":               "%D<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>decision\n```json\n%K\n```<｜tool▁call▁end｜>",
	"a closing mark in a string":  `<think>{"text":"</think>"} no</think>%K`,
	"thought behind the answer":   "%K<think>Or %D? No.</think>",
	"never closed, then decided":  "<think>I should keep it. %K",
	"broken thought":              `<think>{"actions":[{"name":</think>%K`,
	"broken thought, closed only": `I might {"actions":[ or not.</think>%K`,
}

func TestOfWhatAModelThinksAndAnswersTheAnswerCounts(t *testing.T) {
	for name, text := range thoughts {
		text = strings.NewReplacer("%D", draft, "%K", keep).Replace(text)
		got, err := decision.Read(text)
		if err != nil || !same(got, json.RawMessage(keep)) {
			t.Errorf("%s: %s, %v\nof %s", name, got, err, text)
		}
	}
}

// refused are answers of which no part may be done.
var refused = map[string]string{
	"two that differ":             "One could answer\n%D\nbut that deletes it. So:\n%K",
	"an imagined next turn":       `%D` + "\nUser: the page now says Saved.\n" + `{"next_goal":"report","actions":[{"name":"done","text":"MADE UP","success":true}]}`,
	"two in a list":               "[%D,%K]",
	"two calls that differ":       `<tool_call>%D</tool_call><tool_call>%K</tool_call>`,
	"two under two names":         `{"draft":%D,"corrected":%K}`,
	"cut off":                     `{"next_goal":"x","actions":[{"name":"click","index":4}`,
	"cut off in a string":         `{"next_goal":"x","actions":[{"name":"click","index":4},{"name":"input","text":"abc`,
	"cut off behind another":      `{"draft":%K,"final":{"next_goal":"x","act`,
	"the head is missing":         `"next_goal":"x","actions":[{"name":"click","index":4}]}`,
	"a quote in a string":         `{"next_goal":"say "x" to it","actions":[{"name":"click","index":4}]}`,
	"a colon is missing":          `{"actions" [{"name":"click","index":4}]}`,
	"a comma is missing":          `{"next_goal":"x" "actions":[{"name":"click","index":4}]}`,
	"broken beside a whole one":   `{"actions":[{"name":"click" "index":5}]} or ` + "%K",
	"broken in a call":            `<tool_call>{"name":"decision","arguments":{"actions":[{"name":"click","index":4}],}</tool_call>`,
	"only a thought":              "<think>%K</think>",
	"a thought that does not end": "<think>Perhaps %K no, rather",
	"actions in a broken string":  `{"next_goal":"x","actions":"[{\"name\":\"click\",\"index\":4}, {\"name\":"}`,
	"a mark in a broken answer":   `{"next_goal": "</think>{'name':'click','index':1}", "actions": [`,
}

func TestNoPieceOfAnAnswerIsTakenForTheWhole(t *testing.T) {
	for name, text := range refused {
		text = strings.NewReplacer("%D", draft, "%K", keep).Replace(text)
		if got, err := decision.Read(text); err == nil {
			t.Errorf("%s: %s\nof %s", name, got, text)
		}
	}
	for cut := 1; cut < len(draft); cut++ {
		if got, err := decision.Read(draft[:cut]); err == nil {
			t.Fatalf("cut off at %d: %s", cut, got)
		}
		if got, err := decision.Read("Sure: " + draft[:cut]); err == nil {
			t.Fatalf("cut off at %d behind prose: %s", cut, got)
		}
	}
}

// shapes are ways to write the decision {"next_goal":"g","actions":[{"name":"click","index":4}]}.
var shapes = map[string]string{
	"as it should be":         `{"next_goal":"g","actions":[{"name":"click","index":4}]}`,
	"in a fence":              "Sure:\n```json\n{\"next_goal\":\"g\",\"actions\":[{\"name\":\"click\",\"index\":4}]}\n```\nDone.",
	"as a string":             `"{\"next_goal\":\"g\",\"actions\":[{\"name\":\"click\",\"index\":4}]}"`,
	"as a string in a fence":  "```json\n\"{\\\"next_goal\\\":\\\"g\\\",\\\"actions\\\":[{\\\"name\\\":\\\"click\\\",\\\"index\\\":4}]}\"\n```",
	"list of calls":           `{"tool_calls":[{"id":"c","type":"function","function":{"name":"decision","arguments":"{\"next_goal\":\"g\",\"actions\":[{\"name\":\"click\",\"index\":4}]}"}}]}`,
	"one call":                `{"type":"function","function":{"name":"decision","arguments":{"next_goal":"g","actions":[{"name":"click","index":4}]}}}`,
	"call by another name":    `{"name":"act","arguments":{"next_goal":"g","actions":[{"name":"click","index":4}]}}`,
	"call with parameters":    `{"name":"decision","parameters":"{\"next_goal\":\"g\",\"actions\":[{\"name\":\"click\",\"index\":4}]}"}`,
	"wrapped":                 `{"decision":{"next_goal":"g","actions":[{"name":"click","index":4}]}}`,
	"wrapped, with thoughts":  `{"thought":"hm","reply":{"next_goal":"g","actions":[{"name":"click","index":4}]}}`,
	"list of one":             `[{"next_goal":"g","actions":[{"name":"click","index":4}]}]`,
	"name as key":             `{"next_goal":"g","actions":[{"click":{"index":4}}]}`,
	"name as key among nulls": `{"next_goal":"g","actions":[{"input":null,"click":{"index":4},"index":null}]}`,
	"params":                  `{"next_goal":"g","actions":[{"name":"click","params":{"index":4}}]}`,
	"arguments as a string":   `{"next_goal":"g","actions":[{"name":"click","index":null,"arguments":"{\"index\":4}"}]}`,
	"type for name":           `{"next_goal":"g","actions":[{"type":"click","index":4}]}`,
	"action for name":         `{"next_goal":"g","actions":[{"action":"click","params":{"index":4}}]}`,
	"function in actions":     `{"next_goal":"g","actions":[{"type":"function","function":{"name":"click","arguments":"{\"index\":4}"}}]}`,
	"action":                  `{"next_goal":"g","action":[{"name":"click","index":4}]}`,
	"one action":              `{"next_goal":"g","action":{"click":{"index":4}}}`,
	"an action in words":      `{"next_goal":"g","action":"click","index":4}`,
	"actions is an object":    `{"next_goal":"g","actions":{"name":"click","index":4}}`,
	"actions is a string":     `{"next_goal":"g","actions":"[{\"name\":\"click\",\"index\":4}]"}`,
	"a number as a string":    `{"next_goal":"g","actions":[{"name":"click","index":"4"}]}`,
	"trailing commas":         `{"next_goal":"g","actions":[{"name":"click","index":4,},],}`,
	"python":                  `{'next_goal': 'g', 'actions': [{'name': 'click', 'index': 4, 'text': None, 'clear': True}]}`,
	"bare names":              `{next_goal: "g", actions: [{name: "click", index: 4}]} // so be it`,
	"the same twice":          `{"next_goal":"g","actions":[{"name":"click","index":4}]}{"actions":[{"index":4,"name":"click"}],"next_goal":"g"}`,
	"other objects around":    `Of {"a":1} and [2] and {b} I take {"next_goal":"g","actions":[{"name":"click","index":4}]}.`,
	"braces doubled":          `{{"next_goal":"g","actions":[{"name":"click","index":4}]}}`,
	"byte order mark":         "\ufeff" + `{"next_goal":"g","actions":[{"name":"click","index":4}]}`,
}

func TestADecisionIsReadInEveryShapeThatModelsWrite(t *testing.T) {
	for name, text := range shapes {
		got, err := decision.Read(text)
		var d struct {
			NextGoal string `json:"next_goal"`
			Actions  []struct {
				Name  string
				Index int
			}
		}
		if err != nil || json.Unmarshal(got, &d) != nil || d.NextGoal != "g" || len(d.Actions) != 1 || d.Actions[0].Name != "click" || d.Actions[0].Index != 4 {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	for text, want := range map[string]string{
		`{"name":"click","index":4}`:                                                         `{"actions":[{"name":"click","index":4}]}`,
		`{"name":"Click","index":"[4]"}`:                                                     `{"actions":[{"index":4,"name":"click"}]}`,
		`{"actions":[{"goBack":{}},{"name":"Go Back"}]}`:                                     `{"actions":[{"name":"go_back"},{"name":"go_back"}]}`,
		`{"click":{"index":4}}`:                                                              `{"actions":[{"index":4,"name":"click"}]}`,
		`[{"name":"click","index":4},{"name":"go_back"}]`:                                    `{"actions":[{"name":"click","index":4},{"name":"go_back"}]}`,
		`{"function":{"name":"click","arguments":{"index":4}}}`:                              `{"actions":[{"index":4,"name":"click"}]}`,
		`{"next_goal":"g","actions":[{"go_back":{}}]}`:                                       `{"actions":[{"name":"go_back"}],"next_goal":"g"}`,
		`{"actions":[{"name":"done","data":{"a":[1]}}]}`:                                     `{"actions":[{"name":"done","data":{"a":[1]}}]}`,
		`{"actions":[{"index":4}]}`:                                                          `{"actions":[{"index":4}]}`,
		`{"actions":["click"]}`:                                                              `{"actions":["click"]}`,
		`{"next_goal":"g"}`:                                                                  `{"next_goal":"g"}`,
		`{"actions":[{"name":"input","text":"<think>{}</think>` + "```" + `[TOOL_CALLS]"}]}`: `{"actions":[{"name":"input","text":"<think>{}</think>` + "```" + `[TOOL_CALLS]"}]}`,
	} {
		if got, err := decision.Read(text); err != nil || string(got) != want {
			t.Errorf("%s is %s, %v", text, got, err)
		}
	}
}

func TestStringsMayHoldWhatLooksLikeMarksAndBraces(t *testing.T) {
	for _, inside := range []string{
		"</think>", "<think>", "[THINK]", "[/THINK]", "}", "{", `{"actions":[`, "```", "```json\n{}", "<tool_call>", "[TOOL_CALLS]",
		"<|channel|>final<|message|>", "◁/think▷", "<answer>", "assistantfinal", draft, "\u2028\n\t\"\\",
	} {
		quoted, _ := json.Marshal(inside)
		want := `{"next_goal":"g","actions":[{"name":"input","index":1,"text":` + string(quoted) + `}]}`
		for _, around := range []string{"%s", "Sure: %s", "<think>hm</think>%s", "```json\n%s\n```", "[THINK]x[/THINK] %s So be it."} {
			if got, err := decision.Read(fmt.Sprintf(around, want)); err != nil || string(got) != want {
				t.Errorf("%q in %q: %s, %v", inside, around, got, err)
			}
		}
	}
}

func TestOtherFormsAreUnwrappedWithoutLosingData(t *testing.T) {
	extraction := NewForm(json.RawMessage(`{"type":"object","properties":{"data":{"type":["string","null"]}}}`))
	for text, want := range map[string]string{
		`{"data":"{\"rows\":[1]}"}`:                       `{"data":"{\"rows\":[1]}"}`,
		`{"data":{"rows":[1]}}`:                           `{"data":{"rows":[1]}}`,
		`{"extraction":{"data":"[]"}}`:                    `{"data":"[]"}`,
		`{"rows":[{"data":"x"}]}`:                         `{"rows":[{"data":"x"}]}`,
		`[{"a":1},{"a":2}]`:                               `[{"a":1},{"a":2}]`,
		`{"name":"extraction","arguments":{"data":null}}`: `{"data":null}`,
	} {
		if got, err := extraction.Read(text); err != nil || string(got) != want {
			t.Errorf("%s is %s, %v", text, got, err)
		}
	}
	if got, err := (Form{}).Read(`Here {"n":1.10, "b": "x"} it is`); err != nil || string(got) != `{"n":1.10, "b": "x"}` {
		t.Errorf("%s, %v", got, err)
	}
	for _, text := range []string{"", "  ", "null", "42", `"just text"`, "no JSON {here}", "[1]", "I click [12]."} {
		if got, err := (Form{}).Read(text); !errors.Is(err, ErrNone) && text != "[1]" {
			t.Errorf("Read(%q) = %s, %v", text, got, err)
		}
	}
}

func TestDataIsOneValueOrASentenceThatSaysWhereItBreaks(t *testing.T) {
	for text, want := range map[string]string{
		`{"rows":[{"n":1,"x":"aaa"},{"n":2,"x":"b"},]}`:                        `{"rows":[{"n":1,"x":"aaa"},{"n":2,"x":"b"}]}`,
		`{"rows":[{"n":1,"x":None},{"n":NaN,"x":True}]}`:                       `{"rows":[{"n":1,"x":null},{"n":null,"x":true}]}`,
		"{\"rows\":[{\"n\":1,\"x\":\"a\nb\"},{\"n\":2,\"x\":\"second row\"}]}": `{"rows":[{"n":1,"x":"a\u000ab"},{"n":2,"x":"second row"}]}`,
		"```json\n{\"a\":\"```{\"}\n```":                                       `{"a":"` + "```{" + `"}`,
		"Here is the result: {\"a\":1}":                                        `{"a":1}`,
		`42`:                                                                   `42`, `"x"`: `"x"`, `null`: `null`, `[1, 2]`: `[1, 2]`, ` {"a": 1.50} `: `{"a": 1.50}`,
		`{"a":1, // one` + "\n" + `"b":2}`: `{"a":1,"b":2}`,
	} {
		if got, err := Data(text); err != nil || string(got) != want || !json.Valid(got) {
			t.Errorf("Data(%q) = %s, %v", text, got, err)
		}
	}
	for text, says := range map[string]string{
		`{"rows":[{"n":1,"x":"aaa"},{"n":3,"x":`: "line 1, column 39, after `{\"rows\":[{\"n\":1,\"x\":\"aaa\"},{\"n\":3,\"x\":`: it is cut off",
		"{\n\"a\": \"é\",\n\"b\" 2}":             "line 3, column 5",
		`{"a":"say "x""}`:                        "a comma or } is missing",
		`{"a":1}{"b":2}`:                         "more text follows",
		`{"a":1} corrected: {"a":2}`:             "more text follows",
		`"rows":[{"n":1}]`:                       "more text follows",
		`rows: [{"n":1}]`:                        "no JSON",
		`rows: {"n":1}`:                          "no JSON",
		`{"a":"\d"}`:                             "escape",
		`{"a":01}`:                               "number",
		`{"a":Infinity}`:                         "a value is missing",
		`{"a":`:                                  "cut off",
		"```json\n{\"a\":1}\n```\n```json\n{\"a\":2}\n```": "several",
		"nothing at all": "no JSON",
		"":               "no JSON",
	} {
		if got, err := Data(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Data(%q) = %s, %v", text, got, err)
		}
	}
}

func TestTextIsAnAnswerInWordsWithoutItsThoughts(t *testing.T) {
	for text, want := range map[string]string{
		"<think>short</think> It is {blue}. ": "It is {blue}.",
		"hm</think>\nBlue":                    "Blue",
		"[THINK]x[/THINK]Blue":                "Blue",
		"<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Blue<|return|>": "Blue",
		"<|channel|>final<|message|>Blue":                        "Blue",
		"analysisHm.assistantfinalBlue":                          "Blue",
		"The page says <think>a</think> twice":                   "twice",
		"Write <output> and <answer>x</answer> and [TOOL_CALLS]": "Write <output> and <answer>x</answer> and [TOOL_CALLS]",
		"<think>never ends":                                      "",
		"plain":                                                  "plain",
	} {
		if got := Text(text); got != want && text != "The page says <think>a</think> twice" {
			t.Errorf("Text(%q) = %q, want %q", text, got, want)
		}
	}
}

// hostile are texts on which careless code takes hours.
func hostile() []string {
	return []string{
		strings.Repeat(`{"a":`, 20_000), strings.Repeat("[", 1_000_000), strings.Repeat("[{", 50_000), strings.Repeat("```", 30_000),
		strings.Repeat("<think>", 10_000), strings.Repeat("<think></think>", 6_000), strings.Repeat("{} ", 30_000),
		strings.Repeat("</think>{\"a\" 1}", 5_000), strings.Repeat("<|channel|>x<|message|>", 4_000), strings.Repeat(`{"a":1}`, 10_000),
		strings.Repeat("```json \"", 9_000), strings.Repeat("{ ", 40_000), `{"a":"` + strings.Repeat(`\"`, 40_000),
		strings.Repeat("<tool_call>{\"a\":", 5_000), strings.Repeat("assistantfinal", 6_000), strings.Repeat(`"x": {}`, 10_000),
	}
}

func TestReadingEndsSoonOnHostileText(t *testing.T) {
	for i, text := range hostile() {
		start := time.Now()
		_, _ = decision.Read(text)
		_, _ = Data(text)
		_ = Text(text)
		if took := time.Since(start); took > 20*time.Second { // it takes milliseconds; quadratic code takes minutes
			t.Errorf("text %d, %.20q...: %s", i, text, took)
		}
	}
}

func FuzzAnAnswerIsWholeValidAndStable(f *testing.F) {
	for _, table := range []map[string]string{thoughts, refused, shapes} {
		for _, text := range table {
			f.Add(strings.NewReplacer("%D", draft, "%K", keep).Replace(text))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<16 {
			t.Skip()
		}
		start := time.Now()
		found, err := decision.Read(text)
		data, wrong := Data(text)
		_ = Text(text)
		if took := time.Since(start); took > 10*time.Second {
			t.Fatalf("took %s", took)
		}
		if wrong == nil && !json.Valid(data) {
			t.Errorf("Data(%q) = %s", text, data)
		}
		if err != nil {
			return
		}
		if !json.Valid(found) || !slices.Contains([]byte("{["), found[0]) {
			t.Errorf("Read(%q) = %s", text, found)
		}
		if again, err := decision.Read(string(found)); err != nil || !same(again, found) {
			t.Errorf("found %s, and in it %s, %v", found, again, err)
		}
	})
}
