package answer

import (
	"regexp"
	"strings"
)

// kind is what a mark says about the text behind it.
type kind int

const (
	opens    kind = iota // a thought begins
	closes               // a thought ends; where none has begun, all text before was one
	final                // the answer begins
	call                 // a tool call begins
	message              // a message of gpt-oss begins: a thought, a call or the answer, by its header
	ends                 // a message of gpt-oss ends
	numKinds = int(ends) + 1
)

// thinking are the words that models put between brackets around their thoughts.
const thinking = `(?:[a-z]+:)?(?:ant|inner_?|internal_?|longcat_|chain_of_)?` +
	`(?:think(?:ing)?|thoughts?|thought_process|reasoning|reasoning_content|reflection|scratchpad|monologue|analysis)`

// markTable has one pattern per kind, in the order of the kinds: who writes it stands behind.
var markTable = [numKinds]string{
	opens: `<` + thinking + `(?:\s[^<>]*)?>` + // most
		`|\[(?:think|thinking|thought|reasoning)\]` + // magistral
		`|◁think▷` + // kimi
		`|<\|(?:begin_of_|start_)?(?:thinking|think|thoughts?|reasoning)(?:_start)?\|>` + // command, sky
		`|<\|channel>thought|<unused94>thought`, // gemma, medgemma
	closes: `</` + thinking + `\s*>` +
		`|\[/(?:think|thinking|thought|reasoning)\]` +
		`|◁/think▷` +
		`|<\|(?:/|end_of_|end_)(?:thinking|think|thoughts?|reasoning)\|>|<\|(?:thinking|think|thought|reasoning)_end\|>` +
		`|<channel\|>|<unused95>`,
	final: `<(?:answer|final_answer|final|response|output)>` +
		`|<\|(?:begin_of_solution|start_response|begin_of_box)\|>` +
		`|assistantfinal`, // gpt-oss behind a server that drops the marks
	call: `<tool_calls?>|<function_calls?>|<function=|\[TOOL_CALLS?\]|\[/?TOOL_REQUEST\]|<\|tool_calls?\|>|<\|python_tag\|>` +
		`|<\|tool_calls?_(?:section_)?begin\|>|<｜tool▁calls?▁begin｜>|<\|start_action\|>|functools\[` +
		`|assistantcommentary to=`,
	message: `<\|channel\|>[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>`,
	ends:    `<\|(?:end|start|call|return)\|>`,
}

var markPattern = func() *regexp.Regexp {
	var groups []string
	for _, pattern := range markTable {
		groups = append(groups, "("+pattern+")")
	}
	return regexp.MustCompile(`(?i)^(?:` + strings.Join(groups, "|") + `)`)
}()

// mark is a place where a model's text changes from thinking to answering or back.
type mark struct {
	kind
	start, end int
}

// longestMark is more than any mark is long, in bytes.
const longestMark = 200

// starts are how marks begin: the pattern is tried there only.
var starts = regexp.MustCompile(`[<\[][A-Za-z/|｜]|◁|assistant|functools`)

// marksOf lists the marks of a text in their order, wherever they stand: also in strings.
func marksOf(text string) []mark {
	var marks []mark
	for at := 0; ; {
		next := starts.FindStringIndex(text[at:])
		if next == nil {
			return marks
		}
		at += next[0]
		m, ok := markAt(text[at:min(len(text), at+longestMark)])
		if !ok {
			at += next[1] - next[0]
			continue
		}
		marks = append(marks, mark{m.kind, at, at + m.end})
		at += m.end
	}
}

// markAt is the mark that a text begins with.
func markAt(text string) (m mark, ok bool) {
	at := markPattern.FindStringSubmatchIndex(text)
	if at == nil {
		return m, false
	}
	for k := range numKinds {
		if at[2+2*k] >= 0 {
			m = mark{kind: kind(k), end: at[1]}
		}
	}
	if m.kind == message {
		m.kind = messageKind(text[:m.end])
	}
	if strings.HasSuffix(text[:m.end], "functools[") {
		m.end-- // the bracket belongs to the call
	}
	return m, true
}

// messageKind tells a message of gpt-oss by its header: `final`, `commentary to=functions.decision`, `analysis`.
func messageKind(header string) kind {
	header = strings.ToLower(header)
	switch {
	case strings.Contains(header, "to="):
		return call
	case strings.HasPrefix(strings.TrimPrefix(header, "<|channel|>"), "final"):
		return final
	}
	return message // a thought
}
