package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/bus"
)

// testPatience is how long the test of a webhook may take: longer than a notifier waits for a receiver.
const testPatience = 25 * time.Second

func (a *api) webhookTestOperation(h huma.API, operation func(method, path, id, summary string) huma.Operation) {
	test := operation(http.MethodPost, "/api/webhooks/test", "test-webhook", "Test a webhook")
	test.Description = "Makes one POST to the URL, signed and under the same rules as those of runs, with a run that never was " +
		"(task_run_id 0, webhook-id test_...), and answers with what came of it. It is not repeated, and nothing of it is kept."
	huma.Register(h, test, a.testWebhook)
}

type testWebhookInput struct {
	Body struct {
		_   struct{} `additionalProperties:"false"`
		URL string   `json:"url" maxLength:"2048" doc:"An http or https URL"`
	}
}

type testWebhookOutput struct {
	Body struct {
		Delivered bool        `json:"delivered" doc:"Whether it was answered 2xx"`
		Attempt   attemptView `json:"attempt"`
	}
}

// testWebhook has a notifier make a POST.
func (a *api) testWebhook(ctx context.Context, in *testWebhookInput) (*testWebhookOutput, error) {
	if err := checkWebhook(&in.Body.URL, a.webhooks); err != nil {
		return nil, huma.Error422UnprocessableEntity("validation failed", &huma.ErrorDetail{Location: "body.url", Message: err.Error()})
	}
	ctx, cancel := context.WithTimeout(ctx, testPatience)
	defer cancel()
	made, err := a.bus.TestWebhook(ctx, in.Body.URL)
	if errors.Is(err, bus.ErrNobody) {
		return nil, unavailable("no webhook-notifier is running: start one, then repeat the request")
	}
	if err != nil {
		return nil, problem(err, "the test")
	}
	out := &testWebhookOutput{}
	out.Body.Delivered, out.Body.Attempt = made.Class == "", viewAttempt(made)
	return out, nil
}
