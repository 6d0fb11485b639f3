package workflow

import (
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Format writes a date or a number as format shows it. A date's format is made of D, DD, M, MM, MMM, MMMM (the month's
// name in English), YY and YYYY, with spaces and any of . , / - between them; v is YYYY-MM-DD. A number's format is the
// sample 1234 with its separators and decimals, as in 1,234.50 or 1.234,5 or 1234. A text's is lower or upper, for small or
// capital letters. An error says why v has no such
// form; nothing is ever rounded.
func Format(v any, format string) (string, error) {
	text, err := textOf(v)
	if err != nil {
		return "", err
	}
	switch format {
	case formatLower:
		return strings.ToLower(text), nil
	case formatUpper:
		return strings.ToUpper(text), nil
	}
	if layout, ok := dateLayout(format); ok {
		day, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return "", fmt.Errorf("%q is not a date: write it as YYYY-MM-DD", text)
		}
		return day.Format(layout), nil
	}
	style, ok := styleOf(format)
	if !ok {
		return "", fmt.Errorf("the format %q is neither one of dates, as DD/MM/YYYY, nor one of numbers, as 1,234.50", format)
	}
	return style.write(text)
}

// Formats of texts.
const (
	formatLower = "lower" // in small letters
	formatUpper = "upper" // in capital letters
)

// knownFormat reports whether values of that type can be written so.
func knownFormat(format, typ string) bool {
	_, date := dateLayout(format)
	_, number := styleOf(format)
	return typ == TypeString && (format == formatLower || format == formatUpper) || date && typ == TypeDate || number && (typ == TypeNumber || typ == TypeInteger)
}

var (
	dateToken = regexp.MustCompile(`YYYY|YY|MMMM|MMM|MM|M|DD|D|[ .,/-]+|.`)
	layouts   = map[string]string{"YYYY": "2006", "YY": "06", "MMMM": "January", "MMM": "Jan", "MM": "01", "M": "1", "DD": "02", "D": "2"}
)

// dateLayout is the form of a date for package time.
func dateLayout(format string) (layout string, ok bool) {
	seen := map[byte]bool{}
	for _, token := range dateToken.FindAllString(format, -1) {
		part, isPart := layouts[token]
		switch {
		case isPart && !seen[token[0]]:
			seen[token[0]] = true
			layout += part
		case !isPart && strings.Trim(token, " .,/-") == "":
			layout += token
		default:
			return "", false
		}
	}
	return layout, len(seen) == 3
}

// readDate reads a text that is a date in that format, as YYYY-MM-DD.
func readDate(text, format string) (date string, ok bool) {
	layout, ok := dateLayout(format)
	if !ok {
		return "", false
	}
	day, err := time.Parse(layout, text)
	if err != nil || !strings.EqualFold(day.Format(layout), text) {
		return "", false
	}
	return day.Format(time.DateOnly), true
}

var (
	numericDate = regexp.MustCompile(`^(\d{1,4})([./-])(\d{1,2})([./-])(\d{1,4})$`)
	dayFirst    = regexp.MustCompile(`^(\d{1,2})([ .-]+)([A-Za-z]+)([ .,-]+)(\d{4})$`)
	monthFirst  = regexp.MustCompile(`^([A-Za-z]+)([ .]+)(\d{1,2})([ ,]+)(\d{4})$`)
)

// dateFormats lists the formats that text can be read with as a date; a day and a month that may be exchanged give two.
func dateFormats(text string) []string {
	var tried []string
	if m := numericDate.FindStringSubmatch(text); m != nil {
		day, month := "DD", "MM"
		if oneDigit(m[1]) || oneDigit(m[3]) || oneDigit(m[5]) {
			day, month = "D", "M"
		}
		for _, year := range []string{"YYYY", "YY"} {
			tried = append(tried, year+m[2]+month+m[4]+day, day+m[2]+month+m[4]+year)
			if m[2] != "." { // nobody writes the month first with dots
				tried = append(tried, month+m[2]+day+m[4]+year)
			}
		}
	}
	for _, name := range []string{"MMMM", "MMM"} {
		for _, day := range []string{"D", "DD"} {
			if m := dayFirst.FindStringSubmatch(text); m != nil {
				tried = append(tried, day+m[2]+name+m[4]+"YYYY")
			}
			if m := monthFirst.FindStringSubmatch(text); m != nil {
				tried = append(tried, name+m[2]+day+m[4]+"YYYY")
			}
		}
	}
	return readable(text, tried, readDate)
}

func oneDigit(s string) bool { return len(s) == 1 }

// readable keeps the formats that text can be read with, but for those that read the same as one before them.
func readable(text string, tried []string, read func(text, format string) (string, bool)) (formats []string) {
	seen := map[string]bool{}
	for _, format := range tried {
		if value, ok := read(text, format); ok && !seen[value] {
			seen[value] = true
			formats = append(formats, format)
		}
	}
	return formats
}

// style is how a number is written.
type style struct {
	group, point string
	decimals     int
}

var sample = regexp.MustCompile(`^1([,.'’ \x{a0}\x{202f}]?)234(?:([.,])(\d+))?$`)

func styleOf(format string) (s style, ok bool) {
	m := sample.FindStringSubmatch(format)
	if m == nil || m[1] == m[2] && m[1] != "" {
		return s, false
	}
	return style{m[1], m[2], len(m[3])}, true
}

// format is the style's sample.
func (s style) format() string {
	if s.decimals == 0 {
		return "1" + s.group + "234"
	}
	return "1" + s.group + "234" + s.point + strings.Repeat("0", s.decimals)
}

// write writes a number that is given as in JSON.
func (s style) write(text string) (string, error) {
	number, ok := plainNumber(text)
	if !ok {
		return "", fmt.Errorf("%q is not a number", text)
	}
	sign := ""
	if rest, negative := strings.CutPrefix(number, "-"); negative {
		sign, number = "-", rest
	}
	whole, fraction, _ := strings.Cut(number, ".")
	if len(fraction) > s.decimals {
		return "", fmt.Errorf("%s has more decimals than the page's form %s", text, s.format())
	}
	if s.group != "" {
		for i := len(whole) - 3; i > 0; i -= 3 {
			whole = whole[:i] + s.group + whole[i:]
		}
	}
	if s.decimals > 0 {
		whole += s.point + fraction + strings.Repeat("0", s.decimals-len(fraction))
	}
	return sign + whole, nil
}

// readNumber reads a text that is a number in that format, as JSON has it.
func readNumber(text, format string) (number string, ok bool) {
	s, ok := styleOf(format)
	if !ok {
		return "", false
	}
	bare := text
	if s.group != "" {
		bare = strings.ReplaceAll(bare, s.group, "")
	}
	if s.point != "" {
		bare = strings.Replace(bare, s.point, ".", 1)
	}
	if number, ok = plainNumber(bare); !ok {
		return "", false
	}
	again, err := s.write(number)
	return number, err == nil && again == text
}

// numberFormats lists the formats that text can be read with as a number: 1,234 gives two.
func numberFormats(text string) []string {
	var tried []string
	for _, group := range []string{"", ",", ".", "'", "’", " ", "\u00a0", "\u202f"} {
		if group != "" && !strings.Contains(text, group) {
			continue
		}
		tried = append(tried, style{group: group}.format())
		for _, point := range []string{".", ","} {
			if i := strings.LastIndex(text, point); i >= 0 && point != group && i+1 < len(text) {
				tried = append(tried, style{group, point, len(text) - i - 1}.format())
			}
		}
	}
	return readable(text, tried, readNumber)
}

var (
	decimal  = regexp.MustCompile(`^-?(0|[1-9]\d*)(\.\d+)?$`)
	exponent = regexp.MustCompile(`^-?(0|[1-9]\d*)(\.\d+)?[eE][+-]?\d{1,2}$`)
)

// plainNumber writes a JSON number without exponent and without zeros at its end.
func plainNumber(text string) (string, bool) {
	if exponent.MatchString(text) {
		r, ok := new(big.Rat).SetString(text)
		if !ok {
			return "", false
		}
		places := strings.IndexAny(text, "eE") + 100 // a power of at most 99 moves no digit further
		text = r.FloatString(places)
	}
	if !decimal.MatchString(text) {
		return "", false
	}
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if text == "-0" {
		text = "0"
	}
	return text, true
}

// textOf is a parameter's value as it is typed.
func textOf(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case json.Number:
		if text, ok := plainNumber(v.String()); ok {
			return text, nil
		}
	case int, int64:
		return fmt.Sprint(v), nil
	case float64:
		if text, ok := plainNumber(strconv.FormatFloat(v, 'f', -1, 64)); ok {
			return text, nil
		}
	}
	return "", fmt.Errorf("%v is not a text, number, date or boolean", v)
}

// isDigits reports whether a text is all digits.
func isDigits(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsDigit(r) }) < 0
}
