package agent

import (
	"strings"
	"testing"
)

func TestAResultIsJudgedByTheWholeSchemaAndWithinBounds(t *testing.T) {
	dated := `{"type":"object","properties":{"d":{"type":"string","format":"date"},"u":{"type":"string","format":"uri"},"m":{"type":"string","format":"email"}}}`
	for _, tt := range []struct{ name, schema, data, wrong string }{
		{"formats that hold", dated, `{"d":"2026-12-31","u":"https://a.example/","m":"ada@example.com"}`, ""},
		{"a date in another form", dated, `{"d":"31/12/2026","u":"not a uri","m":"nobody"}`, `at '/d': "31/12/2026" is not a valid date`},
		{"a look-ahead", `{"pattern":"^(?=.*\\d).{4,}$"}`, `"abcd"`, "does not match the pattern"},
		{"an absurd exponent under a bound", `{"properties":{"price":{"type":"number","minimum":0}}}`, `{"price":1e-9999999}`, "at /price: the number 1e-9999999 is out of range"},
		{"an absurd exponent without a schema", "", `{"price":[1e999999]}`, "at /price/0: the number 1e999999 is out of range"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Task{JSON: true, Schema: []byte(tt.schema)}.judge(t.Context(), map[string]any{"success": true, "data": tt.data})
			if (err == nil) != (tt.wrong == "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("%v, want %q", err, tt.wrong)
			}
		})
	}
}

func TestAnAnswerWithoutItsResultIsNoSuccess(t *testing.T) {
	for _, done := range []map[string]any{{"success": true}, {"success": true, "text": " \n"}, {"success": true, "data": ""}, {}} {
		for _, task := range []Task{{}, {JSON: true}} {
			if r, err := task.judge(t.Context(), done); err == nil {
				t.Errorf("%v of a task for JSON %v gives %s", done, task.JSON, r.Value)
			}
		}
	}
	if r, err := (Task{}).judge(t.Context(), map[string]any{"data": map[string]any{"a": 1}}); err != nil || string(r.Value) != `"{\"a\":1}"` {
		t.Errorf("data in the place of a text gives %+v, %v", r, err)
	}
}
