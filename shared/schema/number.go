package schema

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Bounds of a number as it is written. A double ends at 308; beyond that, exact arithmetic costs as much memory as the
// exponent says.
const (
	maxExponent = 400
	maxDigits   = 1000
)

// CheckNumbers refuses JSON in which a number has an exponent or more digits than anything should compute with. The
// error is an *Error with the number's place. Text that is not JSON is left to whoever decodes it.
func CheckNumbers(raw []byte) error {
	if !suspicious(raw) {
		return nil
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil
	}
	return checkNumbers(value, "")
}

// suspicious reports whether raw may hold a number that CheckNumbers refuses: most bodies need no second decoding.
func suspicious(raw []byte) bool {
	digits := 0
	for i, b := range raw {
		if b >= '0' && b <= '9' {
			if digits++; digits > maxDigits || (digits > 2 && exponentBefore(raw[:i+1-digits])) {
				return true
			}
			continue
		}
		if b != '.' {
			digits = 0
		}
	}
	return false
}

func exponentBefore(raw []byte) bool {
	raw = bytes.TrimRight(raw, "+-")
	return len(raw) > 0 && (raw[len(raw)-1] == 'e' || raw[len(raw)-1] == 'E')
}

func checkNumbers(v any, pointer string) error {
	switch v := v.(type) {
	case json.Number:
		if !reasonable(string(v)) {
			return absurd(pointer, v)
		}
	case []any:
		for i, item := range v {
			if err := checkNumbers(item, pointer+"/"+strconv.Itoa(i)); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, item := range v {
			if err := checkNumbers(item, pointer+"/"+escape(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func reasonable(n string) bool {
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(n), "e")
	if len(mantissa) > maxDigits {
		return false
	}
	if !scientific {
		return true
	}
	e, err := strconv.Atoi(exponent)
	return err == nil && e >= -maxExponent && e <= maxExponent
}

func absurd(pointer string, n json.Number) error {
	return &Error{Pointer: pointer, Reason: "the number " + clip(string(n), 40) + " is out of range: at most " +
		strconv.Itoa(maxDigits) + " digits and exponents from -" + strconv.Itoa(maxExponent) + " to " + strconv.Itoa(maxExponent) + " are accepted"}
}

// escape makes a name a token of a JSON Pointer.
func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}
