package model

import (
	"bytes"
	"encoding/json"
	"strings"
)

// maxStream bounds the body of a stream, in which each token has a frame around it.
const maxStream = 16 << 20

// streams reports whether a body is a stream of chunks, by what the server calls it or by how it looks: events, or
// more than one JSON object, each on its line.
func streams(contentType string, body []byte) bool {
	switch {
	case body == nil:
		return strings.Contains(contentType, "event-stream") || strings.Contains(contentType, "ndjson") || strings.Contains(contentType, "jsonl")
	case bytes.HasPrefix(body, []byte("data:")), bytes.HasPrefix(body, []byte("event:")), bytes.HasPrefix(body, []byte(": ")):
		return true
	}
	first, rest, found := bytes.Cut(body, []byte("\n"))
	rest = bytes.TrimSpace(rest)
	return found && len(rest) > 0 && rest[0] == '{' && json.Valid(first)
}

// chunk is a part of an answer in OpenAI's protocol, or in Ollama's own.
type chunk struct {
	Model   string          `json:"model"`
	Choices []chunkChoice   `json:"choices"`
	Message *chunkDelta     `json:"message"` // ollama
	Done    string          `json:"done_reason"`
	Usage   json.RawMessage `json:"usage"`
}

type chunkChoice struct {
	Index        int         `json:"index"`
	Delta        *chunkDelta `json:"delta"`
	Message      *chunkDelta `json:"message"`
	FinishReason string      `json:"finish_reason"`
}

type chunkDelta struct {
	Content          json.RawMessage `json:"content"`
	ReasoningContent string          `json:"reasoning_content"`
	Reasoning        string          `json:"reasoning"`
	Refusal          string          `json:"refusal"`
	ToolCalls        []chunkCall     `json:"tool_calls"`
}

type chunkCall struct {
	Index    *int `json:"index"`
	Function struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	} `json:"function"`
}

// joined is an answer as its chunks have built it so far.
type joined struct {
	model, finish               string
	content, reasoning, refusal strings.Builder
	calls                       []*joinedCall
	usage                       json.RawMessage
}

type joinedCall struct {
	name      string
	arguments strings.Builder
}

// joinChunks makes one chat completion of a stream; an error in it takes its place. What cannot be read of the stream
// is left out: then the answer is not whole, and its reader says so.
func joinChunks(body []byte) []byte {
	var j joined
	for line := range bytes.Lines(body) {
		line = bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(line), []byte("data:")))
		if len(line) == 0 || line[0] != '{' {
			continue // comments, names of events, [DONE]
		}
		if errorIn(line) != nil && !bytes.Contains(line, []byte(`"done"`)) {
			return line
		}
		var c chunk
		if json.Unmarshal(line, &c) == nil {
			j.add(c)
		}
	}
	return j.completion()
}

func (j *joined) add(c chunk) {
	if c.Model != "" {
		j.model = c.Model
	}
	if says(c.Usage) {
		j.usage = c.Usage
	}
	if c.Done != "" {
		j.finish = c.Done
	}
	j.addDelta(c.Message)
	for _, choice := range c.Choices {
		if choice.Index != 0 {
			continue
		}
		j.addDelta(choice.Delta)
		j.addDelta(choice.Message)
		if choice.FinishReason != "" {
			j.finish = choice.FinishReason
		}
	}
}

func (j *joined) addDelta(d *chunkDelta) {
	if d == nil {
		return
	}
	j.content.WriteString(contentText(d.Content))
	j.reasoning.WriteString(d.ReasoningContent + d.Reasoning)
	j.refusal.WriteString(d.Refusal)
	for _, c := range d.ToolCalls {
		if len(j.calls) == 0 || c.Function.Name != "" && (c.Index == nil || *c.Index >= len(j.calls)) {
			j.calls = append(j.calls, &joinedCall{})
		}
		last := j.calls[len(j.calls)-1]
		last.name += c.Function.Name
		last.arguments.WriteString(contentText(c.Function.Arguments))
	}
}

func (j *joined) completion() []byte {
	message := map[string]any{"role": "assistant", "content": j.content.String()}
	if j.reasoning.Len() > 0 {
		message["reasoning_content"] = j.reasoning.String()
	}
	if j.refusal.Len() > 0 {
		message["refusal"] = j.refusal.String()
	}
	var calls []any
	for _, c := range j.calls {
		calls = append(calls, map[string]any{"type": "function", "function": map[string]any{"name": c.name, "arguments": c.arguments.String()}})
	}
	if calls != nil {
		message["tool_calls"] = calls
	}
	answer := map[string]any{"object": "chat.completion", "model": j.model,
		"choices": []any{map[string]any{"index": 0, "message": message, "finish_reason": j.finish}}}
	if j.usage != nil {
		answer["usage"] = j.usage
	}
	body, _ := json.Marshal(answer) // strings, and JSON that was read
	return body
}
