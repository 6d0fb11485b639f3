package model

import (
	"context"
	"net/http"

	"google.golang.org/genai"
)

// newGoogle speaks the Gemini API's generateContent.
func newGoogle(access Access, httpClient *http.Client) sender {
	client, err := genai.NewClient(context.Background(), &genai.ClientConfig{
		APIKey:      string(access.Key),
		Backend:     genai.BackendGeminiAPI, // else the environment decides
		HTTPClient:  httpClient,
		HTTPOptions: genai.HTTPOptions{BaseURL: access.BaseURL},
	})
	return func(ctx context.Context, q question) (Response, error) {
		if err != nil {
			return Response{}, err
		}
		answer, err := client.Models.GenerateContent(ctx, q.Model, googleContents(q.Messages), googleConfig(q))
		if err != nil {
			return Response{}, err
		}
		return googleResponse(answer)
	}
}

func googleConfig(q question) *genai.GenerateContentConfig {
	// Continuing an answer by itself, the SDK would call again without our deadline, repeats and count of calls.
	config := &genai.GenerateContentConfig{
		MaxOutputTokens: int32(q.MaxOutputTokens), AutomaticContinuation: genai.Ptr(false),
	}
	if q.System != "" {
		config.SystemInstruction = genai.NewContentFromText(q.System, genai.RoleUser)
	}
	switch q.rung {
	case jsonSchema:
		config.ResponseMIMEType, config.ResponseJsonSchema = "application/json", q.Schema.JSON
	case jsonObject:
		config.ResponseMIMEType = "application/json"
	}
	return config
}

func googleContents(messages []Message) []*genai.Content {
	var contents []*genai.Content
	for _, m := range messages {
		if m.Role == Assistant {
			contents = append(contents, genai.NewContentFromText(m.Text, genai.RoleModel))
			continue
		}
		parts := []*genai.Part{genai.NewPartFromText(m.Text)}
		if len(m.JPEG) > 0 {
			parts = append(parts, genai.NewPartFromBytes(m.JPEG, "image/jpeg"))
		}
		contents = append(contents, genai.NewContentFromParts(parts, genai.RoleUser))
	}
	return contents
}

func googleResponse(answer *genai.GenerateContentResponse) (Response, error) {
	resp := Response{Model: answer.ModelVersion}
	if usage := answer.UsageMetadata; usage != nil {
		resp.Usage = Usage{
			InputTokens:       int64(usage.PromptTokenCount),
			CachedInputTokens: int64(usage.CachedContentTokenCount),
			OutputTokens:      int64(usage.CandidatesTokenCount + usage.ThoughtsTokenCount),
		}
	}
	if blocked := answer.PromptFeedback; blocked != nil && blocked.BlockReason != "" {
		return resp, declined(Google, string(blocked.BlockReason)+" "+blocked.BlockReasonMessage)
	}
	if len(answer.Candidates) == 0 {
		return resp, nil // read says that it is empty
	}
	candidate := answer.Candidates[0]
	resp.FinishReason = string(candidate.FinishReason)
	if candidate.Content == nil {
		return resp, nil
	}
	for _, part := range candidate.Content.Parts {
		if !part.Thought {
			resp.Text += part.Text
		}
	}
	return resp, nil
}
