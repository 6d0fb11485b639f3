package schema

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func compiled(tb testing.TB, text string) *Schema {
	tb.Helper()
	s, err := Compile(tb.Context(), []byte(text))
	if err != nil {
		tb.Fatalf("compile %s: %v", clip(text, 200), err)
	}
	return s
}

// doubling is a schema of n definitions that each refer twice to the next.
func doubling(n int, by string) string {
	var b strings.Builder
	b.WriteString(`{"$ref":"#/$defs/d0","$defs":{`)
	for i := range n {
		fmt.Fprintf(&b, `"d%d":{"%s":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]},`, i, by, i+1, i+1)
	}
	fmt.Fprintf(&b, `"d%d":{"type":"integer"}}}`, n)
	return b.String()
}

func nested(n int) string { return strings.Repeat(`{"not":`, n) + "{}" + strings.Repeat("}", n) }

func TestASchemaBeyondALimitIsRefusedWithItsPlace(t *testing.T) {
	properties := make([]string, 14_000)
	for i := range properties {
		properties[i] = fmt.Sprintf(`"p%d":{}`, i)
	}
	for name, tt := range map[string]struct{ schema, place, reason string }{
		"doubling by allOf":       {doubling(40, "allOf"), "/$defs/d", "more than 10000 subschemas apply"},
		"doubling by anyOf":       {doubling(40, "anyOf"), "/$defs/d", "more than 10000 subschemas apply"},
		"not nested 4,000 deep":   {nested(4000), "/not/not/", "deeper than 64"},
		"items nested":            {strings.Repeat(`{"items":`, 200) + "{}" + strings.Repeat("}", 200), "/items/items", "deeper than 64"},
		"many properties":         {`{"properties":{` + strings.Join(properties, ",") + `}}`, "/properties/p", "more than 2000 subschemas"},
		"22 KB of pattern":        {`{"properties":{"a":{"pattern":"` + strings.Repeat("a{1000}", 3200) + `"}}}`, "/properties/a/pattern", "longer than 2000"},
		"repetitions":             {`{"properties":{"a":{"pattern":"` + strings.Repeat("a{1000}", 20) + `"}}}`, "/properties/a/pattern", "more than 5000"},
		"repetitions of many":     {`{"allOf":[` + strings.Join(manyPatterns(20), ",") + `]}`, "/allOf/", "more than 50000"},
		"nested repetitions":      {`{"pattern":"((abcdefghij){30}){1,30}"}`, "/pattern", "more than 5000"},
		"absurd bound":            {`{"multipleOf":1e-9999999}`, "/multipleOf", "out of range"},
		"absurd enum":             {`{"properties":{"a~/b":{"enum":[1e999999]}}}`, "/properties/a~0~1b/enum/0", "out of range"},
		"digits":                  {`{"maximum":` + strings.Repeat("9", 5000) + `}`, "/maximum", "out of range"},
		"unknown type":            {`{"properties":{"a":{"type":"strin"}}}`, "/properties/a/type", "must be one of"},
		"broken pattern":          {`{"properties":{"a":{"pattern":"("}}}`, "/properties/a/pattern", "not a regular expression"},
		"broken property pattern": {`{"patternProperties":{"(":{}}}`, "/patternProperties", "regular expression"},
		"other draft":             {`{"$schema":"http://json-schema.org/draft-04/schema#"}`, "/$schema", "not supported"},
		"other draft further in":  {`{"properties":{"a":{"$schema":"https://evil.test/s"}}}`, "/properties/a/$schema", "not supported"},
		"a file":                  {`{"$ref":"file:///etc/passwd"}`, "", "not followed"},
		"a host":                  {`{"$ref":"http://127.0.0.1:1/s.json"}`, "", "not followed"},
		"nothing there":           {`{"$ref":"#/$defs/none"}`, "", "nothing at /$defs/none"},
		"no anchor":               {`{"$ref":"#none"}`, "", "no anchor"},
		"a number":                {`7`, "", "expected a JSON Schema"},
		"no JSON":                 {`{"type":`, "", "not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Compile(t.Context(), []byte(tt.schema))
			var e *Error
			if !errors.As(err, &e) || !strings.HasPrefix(e.Pointer, tt.place) || !strings.Contains(e.Reason, tt.reason) {
				t.Fatalf("%v, want %q at %s", err, tt.reason, tt.place)
			}
			if strings.ContainsAny(e.Error(), "\n") || strings.Contains(e.Error(), "json-schema.org") && name != "other draft" {
				t.Errorf("not one plain sentence: %s", e)
			}
		})
	}
}

func manyPatterns(n int) (each []string) {
	for i := range n {
		each = append(each, fmt.Sprintf(`{"pattern":"%d%s"}`, i, strings.Repeat("a{1000}", 4)))
	}
	return each
}

func TestValidationStopsByItself(t *testing.T) {
	numbers := func(n int) string { return "[" + strings.Repeat("1,", n) + "1]" }
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	wide := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"k%d":1,`, i)
		}
		return "{" + b.String() + `"z":1}`
	}
	var props strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&props, `"^(x|y|k%d)*$":{},`, i)
	}
	for name, tt := range map[string]struct{ schema, value string }{
		"a recursion that doubles with each level of the value": {
			`{"$defs":{"n":{"properties":{"a":{"allOf":[{"$ref":"#/$defs/n"},{"$ref":"#/$defs/n"}]}}}},"$ref":"#/$defs/n"}`, deep(60)},
		"the same by dynamic references": {
			`{"$dynamicAnchor":"n","properties":{"a":{"allOf":[{"$dynamicRef":"#n"},{"$dynamicRef":"#n"}]}}}`, deep(60)},
		"the same under not, with failing leaves": {
			`{"not":{"$ref":"#/$defs/n"},"$defs":{"n":{"anyOf":[{"type":"string"},{"properties":{"a":{"oneOf":[{"$ref":"#/$defs/n"},{"$ref":"#/$defs/n"}]}}}]}}}`, deep(60)},
		"many alternatives on a large value": {`{"items":{"anyOf":[` + strings.Repeat(`{"type":"string"},`, 1500) + `{"type":"null"}]}}`, numbers(100_000)},
		"patterns times keys":                {`{"patternProperties":{` + strings.TrimSuffix(props.String(), ",") + `}}`, wide(50_000)},
		"backtracking":                       {`{"pattern":"^(?=(a+)+$)(a+)+$"}`, `"` + strings.Repeat("a", 50) + `b"`},
		"a long text and a large pattern":    {`{"pattern":"(.{1,900}){1,5}x$"}`, `"` + strings.Repeat("a", 1<<20) + `"`},
		"a value of too many parts":          {`{}`, numbers(300_000)},
		"a value too deep":                   {`{}`, deep(5000)},
		"an absurd number under a bound":     {`{"properties":{"price":{"type":"number","minimum":0}}}`, `{"price":1e-9999999}`},
		"a list of absurd numbers":           {`{"uniqueItems":true}`, `[1e999999,1e999998,1e999997]`},
	} {
		t.Run(name, func(t *testing.T) {
			s := compiled(t, tt.schema)
			var e *Error
			if err := s.Validate(t.Context(), []byte(tt.value)); !errors.As(err, &e) {
				t.Fatalf("%v, want an *Error", err)
			}
		})
	}
}

func TestValidationStopsWithItsContext(t *testing.T) {
	s := compiled(t, `{"$defs":{"n":{"properties":{"a":{"allOf":[{"$ref":"#/$defs/n"},{"$ref":"#/$defs/n"}]}}}},"$ref":"#/$defs/n"}`)
	ctx, stop := context.WithCancelCause(t.Context())
	gone := errors.New("canceled")
	stop(gone)
	value := strings.Repeat(`{"a":`, 60) + "1" + strings.Repeat("}", 60)
	if err := s.validateWith(ctx, value); !errors.Is(err, gone) {
		t.Fatalf("%v, want the context's cause", err)
	}
	if s.meter.work > 1<<12 {
		t.Errorf("%d units of work after the end of the context", s.meter.work)
	}
}

func (s *Schema) validateWith(ctx context.Context, text string) error {
	value, err := decode([]byte(text))
	if err != nil {
		return err
	}
	return s.validate(ctx, value)
}

func TestFormatsAreAsserted(t *testing.T) {
	for format, tt := range map[string]struct{ good, bad []string }{
		"date":         {[]string{"2026-12-31", "2028-02-29"}, []string{"31/12/2026", "2026-02-30", "2026-1-1", ""}},
		"date-time":    {[]string{"2026-12-31T10:00:00Z", "2026-12-31T10:00:00.5+01:00"}, []string{"2026-12-31", "2026-12-31 10:00"}},
		"time":         {[]string{"10:00:00Z"}, []string{"25:00:00Z", "10 o'clock"}},
		"duration":     {[]string{"P1D", "PT2H"}, []string{"2 hours"}},
		"uri":          {[]string{"https://a.example/x?y=1", "mailto:a@b.example"}, []string{"not a uri", "/relative", ""}},
		"email":        {[]string{"ada@example.com"}, []string{"nobody", "a@", "@b.example"}},
		"uuid":         {[]string{"123e4567-e89b-12d3-a456-426614174000"}, []string{"123", "123e4567e89b12d3a456426614174000"}},
		"ipv4":         {[]string{"10.1.2.3"}, []string{"10.1.2", "256.1.1.1", "::1"}},
		"ipv6":         {[]string{"2001:db8::1"}, []string{"10.1.2.3", "gg::1"}},
		"hostname":     {[]string{"shop.example"}, []string{"-a.example", "a b"}},
		"idn-hostname": {[]string{"bücher.example"}, []string{"a b"}},
		"idn-email":    {[]string{"ä@bücher.example"}, []string{"nobody"}},
		"regex":        {[]string{"^a+$", "(?=a)b"}, []string{"("}},
		"json-pointer": {[]string{"/a/b"}, []string{"a"}},
		"unknown":      {[]string{"anything"}, nil},
	} {
		for _, dialect := range []string{"", `"$schema":"http://json-schema.org/draft-07/schema#",`, `"$schema":"https://json-schema.org/draft/2020-12/schema",`} {
			s := compiled(t, `{`+dialect+`"properties":{"v":{"format":"`+format+`"}}}`)
			for _, v := range tt.good {
				if err := s.Validate(t.Context(), fmt.Appendf(nil, `{"v":%q}`, v)); err != nil {
					t.Errorf("%s %s %q: %v", dialect, format, v, err)
				}
			}
			for _, v := range tt.bad {
				err := s.Validate(t.Context(), fmt.Appendf(nil, `{"v":%q}`, v))
				var violation *Violation
				if !errors.As(err, &violation) || !strings.Contains(err.Error(), "at '/v': ") || !strings.Contains(err.Error(), "is not a valid "+format) {
					t.Errorf("%s %s %q: %v", dialect, format, v, err)
				}
			}
			if err := s.Validate(t.Context(), []byte(`{"v":7}`)); err != nil {
				t.Errorf("a number has no %s: %v", format, err)
			}
		}
	}
}

func TestPatternsOfECMAScriptWork(t *testing.T) {
	for _, tt := range []struct{ pattern, good, bad string }{
		{`^(?=.*[A-Z])(?=.*\\d).{8,}$`, "Passw0rdX", "password"},
		{`^(?!.*\\.\\.)[a-z.]+$`, "a.b", "a..b"},
		{`(?<=EUR )\\d+`, "EUR 12", "USD 12"},
		{`^[\\u00c0-\\u017f]+$`, "é", "e"},
		{`^\\p{L}+$`, "Straße", "12"},
		{`^(a+)+$`, strings.Repeat("a", 60), strings.Repeat("a", 60) + "b"},
		{`^(\\w)\\1$`, "aa", "ab"},
	} {
		s := compiled(t, `{"pattern":"`+tt.pattern+`"}`)
		if err := s.Validate(t.Context(), fmt.Appendf(nil, "%q", tt.good)); err != nil {
			t.Errorf("%s, %s: %v", tt.pattern, tt.good, err)
		}
		if err := s.Validate(t.Context(), fmt.Appendf(nil, "%q", tt.bad)); err == nil {
			t.Errorf("%s has matched %s", tt.pattern, tt.bad)
		}
	}
}

func TestAReferenceToADialectChangesNothingForOthers(t *testing.T) {
	meta := `{"$ref":"https://json-schema.org/draft/2020-12/schema"}`
	a, b := compiled(t, meta), compiled(t, meta)
	if a.root.Ref == nil || a.root.Ref == b.root.Ref {
		t.Error("two schemas share a compiled dialect, on which the meter of one would stand")
	}
}

func TestAViolationSaysEachPlace(t *testing.T) {
	s := compiled(t, `{"type":"object","required":["a"],"properties":{"b":{"type":"array","items":{"type":"integer"}}}}`)
	err := s.Validate(t.Context(), []byte(`{"b":[1,"x"]}`))
	if err == nil || !strings.Contains(err.Error(), "at '': missing property 'a'") || !strings.Contains(err.Error(), "at '/b/1': got string, want integer") {
		t.Error(err)
	}
	list := "[" + strings.Repeat(`"x",`, 1000) + `"x"]`
	if err := s.Validate(t.Context(), []byte(`{"b":`+list+`}`)); err == nil || len(err.Error()) > 2000 || !strings.HasSuffix(err.Error(), "and more") {
		t.Errorf("%d bytes", len(err.Error()))
	}
}

func TestOrdinarySchemasAndResultsAreFarFromTheLimits(t *testing.T) {
	s := compiled(t, `{"type":"object","properties":{"rows":{"type":"array","minItems":3000,"items":{"type":"object","required":["n","x","d"],
		"properties":{"n":{"type":"integer","minimum":0},"x":{"type":["string","null"],"maxLength":200},"d":{"type":"string","format":"date"},
		"k":{"anyOf":[{"type":"string"},{"type":"number"},{"type":"null"}]}}}}}}`)
	row := `{"n":1,"x":"` + strings.Repeat("a", 60) + `","d":"2026-11-28","k":1.5}`
	if err := s.Validate(t.Context(), []byte(`{"rows":[`+strings.Repeat(row+",", 2999)+row+`]}`)); err != nil {
		t.Fatal(err)
	}
	if s.meter.work > maxWork/10 {
		t.Errorf("%d of %d units of work for 300 KB", s.meter.work, maxWork)
	}
	for _, n := range []string{"1", "1e308", "-2.5E-300", strings.Repeat("9", 100)} {
		if err := CheckNumbers([]byte(`{"a":[` + n + `]}`)); err != nil {
			t.Error(err)
		}
	}
	for _, n := range []string{"1e-9999999", "1E+999999", "1e999999", "0." + strings.Repeat("1", 2000), "1e0000000000000000500"} {
		if err := CheckNumbers([]byte(`{"a":[` + n + `]}`)); err == nil {
			t.Errorf("%s was taken", clip(n, 30))
		}
	}
}

func TestASchemaIsCompiledWhenItsTurnComes(t *testing.T) {
	for range cap(compiling) {
		compiling <- struct{}{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Compile(ctx, []byte(`{}`))
	for range cap(compiling) {
		<-compiling
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want to have waited as long as the context", err)
	}
}

// perInput is the longest that one input may take. It is generous, since machines that run fuzz tests are loaded.
const perInput = 20 * time.Second

func FuzzNoSchemaAndNoValueBringsItDown(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"properties":{"price":{"minimum":0}}}`, `{"price":1e-9999999}`},
		{`{"multipleOf":0.01}`, `1e300`}, {doubling(40, "allOf"), `1`}, {doubling(12, "anyOf"), `"x"`}, {nested(70), `1`},
		{`{"$dynamicAnchor":"n","items":{"$dynamicRef":"#n"}}`, `[[[[1]]]]`}, {`{"$ref":"#"}`, `1`},
		{`{"propertyNames":{"$ref":"#"}}`, `{"a":1}`}, {`{"pattern":"(?=a)b{2,}"}`, `"abb"`},
		{`{"$id":"http://a.test/b","$defs":{"c":{"$id":"d","$anchor":"e"}},"$ref":"d#e"}`, `{}`},
		{`{"unevaluatedProperties":false,"allOf":[{"properties":{"a":{}}}]}`, `{"a":1,"b":2}`},
		{`{"uniqueItems":true,"contains":{"const":{"a":[1]}}}`, `[{"a":[1]},{"a":[1.0]}]`},
		{`{"minLength":1e20,"maxItems":2.0}`, `[1,2,3]`}, {`{"format":"regex"}`, `"a{1000}{1000}"`},
		{`{"$schema":"http://json-schema.org/draft-07/schema#","dependencies":{"a":{"items":[{},{}]}}}`, `{"a":[1]}`},
		{`{"contentMediaType":"application/json","contentEncoding":"base64"}`, `"e30="`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, schema, value string) {
		watch := time.AfterFunc(perInput, func() {
			fmt.Fprintf(os.Stderr, "an input took more than %s:\n%q\n%q\n", perInput, schema, value)
			os.Exit(3) // the only way to end what does not come back
		})
		defer watch.Stop()
		s, err := Compile(context.Background(), []byte(schema))
		if err != nil {
			return
		}
		_ = s.Validate(context.Background(), []byte(value))
	})
}
