package schema

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"time"

	"github.com/dlclark/regexp2"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Bounds of the patterns of a schema. Sizes count instructions: a{1000} is a thousand.
const (
	maxPatternLength = 2_000                  // bytes of one pattern
	maxPatternSize   = 5_000                  // instructions of one pattern
	maxPatternsSize  = 50_000                 // instructions of all patterns of a schema
	matchTime        = 250 * time.Millisecond // of one match by backtracking
)

// patterns compiles the patterns of one schema. The library asks for each more than once.
type patterns struct {
	meter *meter
	size  int
	done  map[string]jsonschema.Regexp
}

// compile is the library's engine of regular expressions.
func (p *patterns) compile(pattern string) (jsonschema.Regexp, error) {
	if re, ok := p.done[pattern]; ok {
		return re, nil
	}
	re, err := p.compileNew(pattern)
	if err != nil {
		return nil, err
	}
	if p.done == nil {
		p.done = map[string]jsonschema.Regexp{}
	}
	p.done[pattern] = re
	return re, nil
}

func (p *patterns) compileNew(pattern string) (jsonschema.Regexp, error) {
	if p.meter.over != nil { // "format": "regex" in a schema, and a value that claims to be a pattern
		p.meter.add(len(pattern))
		p = &patterns{meter: &meter{}}
	}
	if len(pattern) > maxPatternLength {
		return nil, fmt.Errorf("the pattern is longer than %d bytes", maxPatternLength)
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return p.backtracking(pattern)
	}
	size := instructions(tree)
	if size > maxPatternSize {
		return nil, fmt.Errorf("the pattern's repetitions add up to more than %d", maxPatternSize)
	}
	if p.size += size; p.size > maxPatternsSize {
		return nil, fmt.Errorf("the patterns of the schema add up to more than %d repetitions", maxPatternsSize)
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, errors.New("it is not a regular expression")
	}
	return linear{re, size, p.meter}, nil
}

// instructions is about the size of a compiled expression.
func instructions(re *syntax.Regexp) int {
	n := max(1, len(re.Rune)/2)
	for _, sub := range re.Sub {
		n = min(n+instructions(sub), maxPatternSize+1)
	}
	if re.Op == syntax.OpRepeat {
		n = min((n-1)*max(re.Min, re.Max, 1), maxPatternSize+1)
	}
	return n
}

// linear is an expression whose matching takes time in proportion to the text.
type linear struct {
	*regexp.Regexp
	size  int
	meter *meter
}

func (l linear) MatchString(s string) bool {
	l.meter.add(1 + l.size*len(s)/100)
	return l.Regexp.MatchString(s)
}

// backtracking compiles what Go's engine cannot, such as look-ahead, look-behind and \uXXXX.
func (p *patterns) backtracking(pattern string) (jsonschema.Regexp, error) {
	re, err := regexp2.Compile(pattern, regexp2.ECMAScript|regexp2.Unicode)
	if err != nil {
		return nil, fmt.Errorf("it is not a regular expression: %s", clip(err.Error(), 200))
	}
	re.MatchTimeout = matchTime
	return bounded{re, p.meter}, nil
}

// bounded is an expression whose matching ends the validation where it takes too long.
type bounded struct {
	re    *regexp2.Regexp
	meter *meter
}

func (b bounded) String() string { return b.re.String() }

func (b bounded) MatchString(s string) bool {
	b.meter.add(1 + len(s))
	matched, err := b.re.MatchString(s)
	if err != nil {
		panic(stopped{&Error{Reason: fmt.Sprintf("matching the pattern %s takes too long; use a simpler one", clip(b.re.String(), 100))}})
	}
	return matched
}
