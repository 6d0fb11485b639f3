package workflow

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// intoForm parts the form of a date on a page from the form that it has in a result, where that is not YYYY-MM-DD.
const intoForm = " -> "

const isoDate = "YYYY-MM-DD"

// dateForms are those in which dates are looked for.
var dateForms = []string{
	isoDate, "YYYY/MM/DD", "YYYY.MM.DD", "DD.MM.YYYY", "DD/MM/YYYY", "DD-MM-YYYY", "MM/DD/YYYY", "MM-DD-YYYY",
	"D MMMM YYYY", "D. MMMM YYYY", "D-MMMM-YYYY", "MMMM D, YYYY", "MMMM D YYYY", "D de MMMM de YYYY",
}

// months are the names of months as pages write them, short and long; the first of each are English.
var months = [12]string{
	"jan january januar jän jänner janvier janv ene enero gen gennaio januari janeiro",
	"feb february februar février févr fév febrero febbraio februari fevereiro fev",
	"mar march märz mär mars marzo maart mrt março",
	"apr april avril avr abr abril aprile",
	"may may mai mayo mag maggio mei maio",
	"jun june juni juin junio giu giugno junho",
	"jul july juli juillet juil julio lug luglio julho",
	"aug august août aoû ago agosto augustus",
	"sep september sept septembre septiembre set settembre setembro",
	"oct october okt oktober octobre octubre ott ottobre out outubro",
	"nov november novembre noviembre novembro",
	"dec december dez dezember déc décembre dic diciembre dicembre dezembro",
}

// monthNamed is the number of a month by its name, 0: it is none.
func monthNamed(name string) int {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return 1 + slices.IndexFunc(months[:], func(names string) bool { return slices.Contains(strings.Fields(names), name) })
}

// formTokens are the patterns of a form's parts. Days and months may lack a leading zero, an English day may be an ordinal.
var formTokens = map[byte]string{'Y': `(\d{4})`, 'M': `(\d{1,2})`, 'D': `(\d{1,2})(?:st|nd|rd|th)?`}

var formToken = regexp.MustCompile(`YYYY|MMMM|MMM|MM|M|DD|D`)

// dateMatcher finds dates of one form.
type dateMatcher struct {
	*regexp.Regexp
	order string // of its groups
}

// wantedForms are those in which a result may hold a date, the likelier first.
var wantedForms = []string{
	isoDate, "DD.MM.YYYY", "D.M.YYYY", "DD/MM/YYYY", "D/M/YYYY", "MM/DD/YYYY", "M/D/YYYY",
	"D MMMM YYYY", "D MMM YYYY", "MMMM D, YYYY", "MMM D, YYYY",
}

const longestDate = 40 // bytes, of a text that is nothing but a date

// dateMatchers are those of the usual forms, made once.
var dateMatchers = func() map[string]dateMatcher {
	made := map[string]dateMatcher{}
	for _, form := range slices.Concat(dateForms, wantedForms) {
		made[form] = newDateMatcher(form)
	}
	return made
}()

func newDateMatcher(form string) dateMatcher {
	form = strings.ToValidUTF8(form, "?")
	pattern, order, at := "(?i)", "", 0
	for _, place := range formToken.FindAllStringIndex(form, -1) {
		token := form[place[0]:place[1]]
		pattern += regexp.QuoteMeta(form[at:place[0]])
		if strings.HasPrefix(token, "MMM") {
			pattern += `(\p{L}{3,}\.?)`
		} else {
			pattern += formTokens[token[0]]
		}
		order += token[:1]
		at = place[1]
	}
	return dateMatcher{regexp.MustCompile(pattern + regexp.QuoteMeta(form[at:])), order}
}

// dateOf makes a date of the groups of a pattern.
func dateOf(groups []string, order string) (day time.Time, ok bool) {
	var parts [3]int
	for i, group := range groups {
		n, err := strconv.Atoi(group)
		if err != nil {
			n = monthNamed(group)
		}
		parts[strings.IndexByte("YMD", order[i])] = n
	}
	day = time.Date(parts[0], time.Month(parts[1]), parts[2], 0, 0, 0, 0, time.UTC)
	return day, parts[0] > 0 && day.Month() == time.Month(parts[1]) && day.Day() == parts[2]
}

// datesIn finds the places of dates of a form in a text, and what they are.
func datesIn(text, form string) (places [][]int, days []time.Time) {
	matcher, known := dateMatchers[form]
	if !known {
		matcher = newDateMatcher(form)
	}
	for _, at := range matcher.FindAllStringSubmatchIndex(text, -1) {
		var groups []string
		for i := range len(matcher.order) {
			groups = append(groups, text[at[2+2*i]:at[3+2*i]])
		}
		day, ok := dateOf(groups, matcher.order)
		if ok && !endsWith(text[:at[0]], isWordRune) && strings.IndexFunc(text[at[1]:], isWordRune) != 0 {
			places, days = append(places, at[:2]), append(days, day)
		}
	}
	return places, days
}

// wholeDate reads a text that is nothing but a date of that form.
func wholeDate(text, form string) (time.Time, bool) {
	places, days := datesIn(text, form)
	if len(days) != 1 || places[0][0] != 0 || places[0][1] != len(text) {
		return time.Time{}, false
	}
	return days[0], true
}

// dateAs is a date in a form; its months are English.
func dateAs(day time.Time, form string) string {
	layout, ok := dateLayout(form)
	if !ok {
		return ""
	}
	return day.Format(layout)
}

func (r Rule) date(text string) (json.RawMessage, error) {
	form, into, found := strings.Cut(r.Format, intoForm)
	if !found {
		into = isoDate
	}
	day, ok := wholeDate(text, form)
	if !ok {
		return nil, fmt.Errorf("%q is no date as %s", text, form)
	}
	said := dateAs(day, into)
	if said == "" {
		return nil, fmt.Errorf("the form %q of a date is unknown", into)
	}
	return encode(said)
}

// dateRules finds the one date of a text that is the wanted one, in a form that leaves no doubt of it.
func dateRules(text, want string) (rules []Rule) {
	day, into, ok := dateForm(want)
	if !ok {
		return nil
	}
	for _, form := range dateForms {
		places, days := datesIn(text, form)
		if len(days) != 1 || !days[0].Equal(day) || inDoubt(day, form) {
			continue
		}
		before, after := strings.TrimSpace(text[:places[0][0]]), strings.TrimSpace(text[places[0][1]:])
		if hasAny(before+after, unicode.IsDigit) {
			continue
		}
		rule := Rule{Type: TypeDate, Prefix: before, Suffix: after, Format: form}
		if into != isoDate {
			rule.Format += intoForm + into
		}
		rules = append(rules, rule)
	}
	return rules
}

// dateForm is a result's date and the form that it has, which must be the only one that it could have.
func dateForm(want string) (day time.Time, form string, ok bool) {
	if len(want) > longestDate {
		return day, "", false
	}
	for _, tried := range wantedForms {
		if found, fits := wholeDate(want, tried); fits && dateAs(found, tried) == want && (found.Day() > 12 || !byNumbers(tried)) {
			return found, tried, true
		}
	}
	return day, "", false
}

// inDoubt: day and month could be the other way round in that form.
func inDoubt(day time.Time, form string) bool {
	return byNumbers(form) && day.Day() == int(day.Month())
}

// byNumbers: only its numbers tell a form's day from its month. With dots the day comes first everywhere.
func byNumbers(form string) bool {
	return !strings.Contains(form, "MMM") && !strings.HasPrefix(form, "YYYY") && !strings.Contains(form, ".")
}

// Dates finds the places of dates in a text, whatever their form: [start, end).
func Dates(text string) [][]int {
	var found [][]int
	for _, form := range dateForms {
		places, _ := datesIn(text, form)
		for _, p := range places {
			if !slices.ContainsFunc(found, func(other []int) bool { return p[0] < other[1] && other[0] < p[1] }) {
				found = append(found, p)
			}
		}
	}
	return found
}
