package model

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestExtractJSONFindsWhatModelsMeant(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"bare":                        {` {"a": 1} `, `{"a": 1}`},
		"array":                       {`[{"a":1},{"a":2}]`, `[{"a":1},{"a":2}]`},
		"byte order mark":             {"\ufeff{\"a\":1}", `{"a":1}`},
		"fence":                       {"Here:\n```json\n{\"a\":1}\n```\nBye", `{"a":1}`},
		"fence without a language":    {"```\n{\"a\":1}\n```", `{"a":1}`},
		"fence on one line":           {"```{\"a\":1}```", `{"a":1}`},
		"second fence":                {"```sh\nls\n```\n```json\n{\"a\":1}\n```", `{"a":1}`},
		"fence never closed":          {"```json\n{\"a\":1}", `{"a":1}`},
		"prose around":                {`I click [12]. {"a":{"b":[1,2]}} That is all {really}.`, `{"a":{"b":[1,2]}}`},
		"an object beats an array":    {`Of [1,2,3,4,5,6] take {"a":1}`, `{"a":1}`},
		"the longest wins":            {`{} or {"a":1}, not {"b"}`, `{"a":1}`},
		"thoughts":                    {"<think>{\"a\":0} or so</think>{\"a\":1}", `{"a":1}`},
		"thoughts without a start":    {"{\"a\":0} hm</think>\n{\"a\":1}", `{"a":1}`},
		"thoughts in capitals":        {"<THINKING>\n{\"a\":0}\n</THINKING>\n{\"a\":1}", `{"a":1}`},
		"doubly encoded":              {`"{\"a\":1}"`, `{"a":1}`},
		"trebly encoded":              {`"\"{\\\"a\\\":1}\""`, `{"a":1}`},
		"doubly encoded in a fence":   {"```json\n\"{\\\"a\\\":1}\"\n```", `{"a":1}`},
		"tags in strings":             {`{"a":"<think>no</think>","b":"</think>"}`, `{"a":"<think>no</think>","b":"</think>"}`},
		"braces in strings":           {`ok {"a":"}{"} ok`, `{"a":"}{"}`},
		"a fence inside of a string":  {`{"a":"use ` + "```json\\n{}\\n```" + `"}`, `{"a":"use ` + "```json\\n{}\\n```" + `"}`},
		"a large number is not eaten": {`{"a":12345678901234567890}`, `{"a":12345678901234567890}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := ExtractJSON(c.text); err != nil || string(got) != c.want {
				t.Errorf("ExtractJSON(%q) = %s, %v", c.text, got, err)
			}
		})
	}
}

func TestExtractJSONSaysWhenThereIsNone(t *testing.T) {
	for _, text := range []string{"", "  ", "null", "42", `"just text"`, "no JSON {here}", `{"a": 1`, "<think>{\"a\":1}</think>"} {
		if got, err := ExtractJSON(text); err == nil {
			t.Errorf("ExtractJSON(%q) = %s", text, got)
		}
	}
}

func TestExtractJSONEndsSoonOnHostileText(t *testing.T) {
	start := time.Now()
	for _, text := range []string{
		strings.Repeat(`{"a":`, 200_000), strings.Repeat("[", 1_000_000), strings.Repeat("```", 300_000),
		strings.Repeat("<think>", 100_000), strings.Repeat("{} ", 300_000),
	} {
		_, _ = ExtractJSON(text)
	}
	if took := time.Since(start); took > 20*time.Second { // it takes a fraction of a second; quadratic code takes minutes
		t.Errorf("took %s", took)
	}
}

func FuzzExtractJSON(f *testing.F) {
	f.Add("```json\n{\"a\":1}\n```")
	f.Add(`"{\"a\":1}"`)
	f.Add("<think>x</think>[1]")
	f.Fuzz(func(t *testing.T, text string) {
		found, err := ExtractJSON(text)
		if err != nil {
			return
		}
		if !json.Valid(found) || found[0] != '{' && found[0] != '[' {
			t.Errorf("ExtractJSON(%q) = %s", text, found)
		}
		again, err := ExtractJSON(string(found))
		if err == nil && string(again) != string(found) && !strings.Contains(text, "<") && !strings.Contains(text, "\ufeff") {
			t.Errorf("found %s, and in it %s", found, again)
		}
	})
}

func TestMendUndoesDoubleEncodingByTheSchema(t *testing.T) {
	schema := Schema{Name: "decide", JSON: json.RawMessage(`{"type":"object","properties":{
		"text":{"type":"string"},"list":{"type":["array","null"],"items":{"type":"object","properties":{"data":{"type":"string"},"at":{"type":"object"}}}},
		"index":{"type":["integer","null"]},"pages":{"type":"number"},"clear":{"type":"boolean"},"any":{}}}`)}
	for given, want := range map[string]string{
		`{"text":"[1]","list":null}`:                              `{"text":"[1]","list":null}`,
		`{"list":"[]","text":"x"}`:                                `{"list":[],"text":"x"}`,
		`{"index":"15","pages":" 0.5","clear":"true"}`:            `{"clear":true,"index":15,"pages":0.5}`,
		`{"index":"null"}`:                                        `{"index":null}`,
		`{"index":"1.5","pages":"many","clear":"1","any":"15"}`:   `{"index":"1.5","pages":"many","clear":"1","any":"15"}`,
		`{"list":"not a list"}`:                                   `{"list":"not a list"}`,
		`{"list":[{"data":"{\"a\":1}","at":"{\"b\":2}"}]}`:        `{"list":[{"at":{"b":2},"data":"{\"a\":1}"}]}`,
		`{"list":"[{\"at\":\"{\\\"b\\\":2}\"}]"}`:                 `{"list":[{"at":{"b":2}}]}`,
		`{"name":"decide","arguments":"{\"text\":\"x\"}"}`:        `{"text":"x"}`,
		`{"name":"decide","parameters":{"text":"x"}}`:             `{"text":"x"}`,
		`{"name":"other","arguments":{"text":"x"}}`:               `{"name":"other","arguments":{"text":"x"}}`,
		`[{"text":"x"}]`:                                          `[{"text":"x"}]`,
		`{"text":"x", "list": [ {"data": "kept as it stands"} ]}`: `{"text":"x", "list": [ {"data": "kept as it stands"} ]}`,
	} {
		if got := mend(json.RawMessage(given), schema); string(got) != want {
			t.Errorf("mend(%s) = %s, want %s", given, got, want)
		}
	}
}
