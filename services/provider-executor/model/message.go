package model

import (
	"encoding/json"
	"strings"
)

// chatMessage is the answer of chat completions in every shape that servers give it.
type chatMessage struct {
	Content          json.RawMessage `json:"content"` // a text, a list of parts, or the JSON itself
	ReasoningContent json.RawMessage `json:"reasoning_content"`
	Reasoning        json.RawMessage `json:"reasoning"`
	Refusal          string          `json:"refusal"`
	ToolCalls        []chatCall      `json:"tool_calls"`
	FunctionCall     *chatFunction   `json:"function_call"` // the older way
}

type chatCall struct {
	Function chatFunction `json:"function"`
}

type chatFunction struct {
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"` // JSON in a string, or as it is
}

// text is the answer as a text: the arguments of the tool called name, else calls of others as JSON, else the content.
// Where there is neither, the answer may stand at the end of the reasoning: a server that looks for its mark in vain takes
// all for reasoning. It is given as the thought that it may be.
func (m chatMessage) text(name string) string {
	calls := m.ToolCalls
	if len(calls) == 0 && m.FunctionCall != nil {
		calls = []chatCall{{*m.FunctionCall}}
	}
	if len(calls) > 0 && strings.TrimSpace(contentText(calls[0].Function.Arguments)) != "" {
		if len(calls) == 1 && calls[0].Function.Name == name {
			return contentText(calls[0].Function.Arguments)
		}
		written, _ := json.Marshal(map[string]any{"tool_calls": calls}) // read from JSON
		return string(written)
	}
	if text := contentText(m.Content); strings.TrimSpace(text) != "" {
		return text
	}
	if thought := contentText(m.ReasoningContent) + contentText(m.Reasoning); thought != "" {
		return "<think>" + thought
	}
	return ""
}

// contentText is the text of a content: itself, its text parts, or JSON that stands where a text should.
func contentText(raw json.RawMessage) string {
	var text string
	if len(raw) == 0 || string(raw) == "null" || json.Unmarshal(raw, &text) == nil {
		return text
	}
	parts, ok := partsOf(raw)
	if !ok {
		return string(raw)
	}
	known := len(parts) == 0
	for _, p := range parts {
		known = known || p.Type != "" || p.Text != nil
		if p.Text != nil && (p.Type == "text" || p.Type == "output_text" || p.Type == "") {
			text += *p.Text
		}
	}
	if !known {
		return string(raw)
	}
	return text
}

type contentPart struct {
	Type string `json:"type"`
	Text *string
}

// partsOf reads a content as a list of parts. One part may stand alone.
func partsOf(raw json.RawMessage) (parts []contentPart, ok bool) {
	if json.Unmarshal(raw, &parts) == nil {
		return parts, true
	}
	var one contentPart
	ok = json.Unmarshal(raw, &one) == nil && one.Type != "" && one.Text != nil
	return []contentPart{one}, ok
}
