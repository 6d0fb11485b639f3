package model

import (
	"context"
	"encoding/base64"
	"net/http"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

// anthropicOutput is what an answer may have when the request says nothing: the API must be told a number. Reasoning
// counts, so it is ample.
const anthropicOutput = 16384

// newAnthropic speaks the Messages API. The service is made directly, not through anthropic.NewClient: that one would
// look for credentials in the environment and in files.
func newAnthropic(access Access, httpClient *http.Client) sender {
	messages := anthropic.NewMessageService(
		option.WithBaseURL(access.BaseURL),
		option.WithAPIKey(string(access.Key)),
		option.WithHTTPClient(httpClient),
		option.WithMaxRetries(0),
	)
	return func(ctx context.Context, q question) (Response, error) {
		// The SDK refuses requests that it takes to need longer than ten minutes, unless it is told a time.
		message, err := messages.New(ctx, anthropicParams(q), option.WithRequestTimeout(q.timeout))
		if err != nil {
			return Response{}, err
		}
		return anthropicResponse(message)
	}
}

func anthropicParams(q question) anthropic.MessageNewParams {
	params := anthropic.MessageNewParams{Model: q.Model, MaxTokens: anthropicOutput}
	if q.MaxOutputTokens > 0 {
		params.MaxTokens = int64(q.MaxOutputTokens)
	}
	if q.System != "" {
		params.System = []anthropic.TextBlockParam{{Text: q.System, CacheControl: anthropic.NewCacheControlEphemeralParam()}}
	}
	for _, m := range q.Messages {
		params.Messages = append(params.Messages, anthropicMessage(m))
	}
	markStable(params.Messages)
	switch q.rung {
	case jsonSchema:
		params.OutputConfig.Format.Schema = q.Schema.keywords()
	case forcedTool:
		keywords := q.Schema.keywords()
		delete(keywords, "type") // the SDK writes it
		params.Tools = []anthropic.ToolUnionParam{{OfTool: &anthropic.ToolParam{
			Name: q.Schema.Name, InputSchema: anthropic.ToolInputSchemaParam{ExtraFields: keywords},
		}}}
		params.ToolChoice = anthropic.ToolChoiceParamOfTool(q.Schema.Name)
	}
	return params
}

// markStable has the conversation up to the last message cached: it comes again with the next question, the last
// message does not. The other providers find out by themselves; this one must be told.
func markStable(messages []anthropic.MessageParam) {
	if len(messages) < 2 {
		return
	}
	blocks := messages[len(messages)-2].Content
	*blocks[len(blocks)-1].GetCacheControl() = anthropic.NewCacheControlEphemeralParam()
}

func anthropicMessage(m Message) anthropic.MessageParam {
	if m.Role == Assistant {
		return anthropic.NewAssistantMessage(anthropic.NewTextBlock(m.Text))
	}
	blocks := []anthropic.ContentBlockParamUnion{anthropic.NewTextBlock(m.Text)}
	if len(m.JPEG) > 0 {
		blocks = append(blocks, anthropic.NewImageBlockBase64("image/jpeg", base64.StdEncoding.EncodeToString(m.JPEG)))
	}
	return anthropic.NewUserMessage(blocks...)
}

func anthropicResponse(message *anthropic.Message) (Response, error) {
	usage := message.Usage
	resp := Response{
		Model:        string(message.Model),
		FinishReason: string(message.StopReason),
		Usage: Usage{
			// input_tokens leaves out what was read from or written to the cache.
			InputTokens:       usage.InputTokens + usage.CacheReadInputTokens + usage.CacheCreationInputTokens,
			CachedInputTokens: usage.CacheReadInputTokens,
			CacheWriteTokens:  usage.CacheCreationInputTokens,
			OutputTokens:      usage.OutputTokens,
		},
	}
	for _, block := range message.Content {
		switch block.Type {
		case "text":
			resp.Text += block.Text
		case "tool_use":
			resp.Text = string(block.Input)
			return resp, nil
		}
	}
	if message.StopReason == anthropic.StopReasonRefusal {
		return resp, declined(Anthropic, resp.Text)
	}
	return resp, nil
}
