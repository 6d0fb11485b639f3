package model

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"
)

// newOpenAI speaks chat completions, the protocol of openai, deepseek, groq, mistral, together and of most servers that
// people run themselves. The service is made directly, not through openai.NewClient: that one would send OPENAI_ORG_ID
// and other variables of the environment to all of them.
func newOpenAI(s spec, access Access, httpClient *http.Client) sender {
	completions := openai.NewChatCompletionService(
		option.WithBaseURL(access.BaseURL),
		option.WithAPIKey(string(access.Key)),
		option.WithHTTPClient(httpClient),
		option.WithMaxRetries(0),
	)
	return func(ctx context.Context, q question) (Response, error) {
		completion, err := completions.New(ctx, openAIParams(q), openAIExtras(s, q)...)
		if err != nil {
			return Response{}, err
		}
		return openAIResponse(s.Provider, completion, q.Schema.Name)
	}
}

func openAIParams(q question) openai.ChatCompletionNewParams {
	params := openai.ChatCompletionNewParams{Model: q.Model}
	if q.System != "" {
		params.Messages = append(params.Messages, openai.SystemMessage(q.System))
	}
	for _, m := range q.Messages {
		params.Messages = append(params.Messages, openAIMessage(m))
	}
	switch q.rung {
	case jsonSchema, jsonLoose:
		params.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{
			JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{
				Name: q.Schema.Name, Schema: q.Schema.JSON, Strict: openai.Bool(q.rung == jsonSchema),
			},
		}
	case jsonObject:
		params.ResponseFormat.OfJSONObject = &shared.ResponseFormatJSONObjectParam{}
	case forcedTool:
		params.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(
			shared.FunctionDefinitionParam{Name: q.Schema.Name, Parameters: q.Schema.keywords()})}
		params.ToolChoice = openai.ToolChoiceOptionFunctionToolChoice(
			openai.ChatCompletionNamedToolChoiceFunctionParam{Name: q.Schema.Name})
	}
	return params
}

// openAIExtras are the fields of a body that differ between the providers.
func openAIExtras(s spec, q question) []option.RequestOption {
	var extras []option.RequestOption
	if q.MaxOutputTokens > 0 {
		extras = append(extras, option.WithJSONSet(s.OutputLimitField, q.MaxOutputTokens))
	}
	if q.rung == forcedTool {
		for name, value := range s.ToolFields {
			extras = append(extras, option.WithJSONSet(name, value))
		}
	}
	return extras
}

func openAIMessage(m Message) openai.ChatCompletionMessageParamUnion {
	switch {
	case m.Role == Assistant:
		return openai.AssistantMessage(m.Text)
	case len(m.JPEG) == 0:
		return openai.UserMessage(m.Text)
	default:
		image := "data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(m.JPEG)
		return openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{
			openai.TextContentPart(m.Text),
			openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: image}),
		})
	}
}

func openAIResponse(p Provider, completion *openai.ChatCompletion, tool string) (Response, error) {
	usage := completion.Usage
	resp := Response{
		Model: completion.Model,
		Usage: Usage{
			InputTokens:       usage.PromptTokens,
			CachedInputTokens: usage.PromptTokensDetails.CachedTokens,
			CacheWriteTokens:  usage.PromptTokensDetails.CacheWriteTokens,
			OutputTokens:      usage.CompletionTokens,
		},
	}
	if len(completion.Choices) == 0 {
		return resp, nil // read says that it is empty
	}
	choice := completion.Choices[0]
	resp.FinishReason = string(choice.FinishReason)
	var message chatMessage                                        // the SDK's own knows content as a text only, and no reasoning
	_ = json.Unmarshal([]byte(choice.Message.RawJSON()), &message) // what has another shape is empty, and read says so
	if message.Refusal != "" {
		return resp, declined(p, message.Refusal)
	}
	resp.Text = message.text(tool)
	return resp, nil
}

// declined is an answer in which the model, or its provider's filter, refuses to answer.
func declined(p Provider, why string) *Error {
	return &Error{Code: CodeInvalidOutput, Message: string(p) + " declined to answer: " + short(why)}
}
