package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/bus"
	"github.com/gofiber/fiber/v2"
)

// retryAfter is what a 503 advises, in seconds: NATS elects a leader or comes back within a few.
const retryAfter = "2"

// problem maps an error of the bus to the answer that the caller gets. what names what was asked for, as in
// "run 7".
func problem(err error, what string) error {
	var known huma.StatusError
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, bus.ErrNotFound):
		return huma.Error404NotFound(what + " does not exist")
	case errors.Is(err, bus.ErrUnavailable):
		return unavailable("NATS is not reachable and nothing was stored: repeat the request later")
	case errors.Is(err, bus.ErrUnknown):
		return unavailable("NATS did not answer in time and the request may have been stored: repeat it")
	case bus.Full(err):
		return unavailable("the store is full and nothing was stored: free space, or repeat the request later")
	}
	return fmt.Errorf("%s: %w", what, err)
}

func unavailable(detail string) error {
	return huma.ErrorWithHeaders(huma.Error503ServiceUnavailable(detail), http.Header{"Retry-After": {retryAfter}})
}

// writeProblem answers with an error that no operation has answered: those of the router, of the server and of
// the checks that come before the operations.
func writeProblem(c *fiber.Ctx, err error) error {
	model := &huma.ErrorModel{Status: http.StatusInternalServerError, Detail: "unexpected error occurred"}
	var routed *fiber.Error
	switch {
	case errors.As(err, &model):
	case errors.As(err, &routed):
		model.Status, model.Detail = routed.Code, routed.Message
	}
	var with huma.HeadersError
	if errors.As(err, &with) {
		for name, values := range with.GetHeaders() {
			c.Set(name, values[0])
		}
	}
	model.Title = http.StatusText(model.Status)
	nameFirst(model)
	body, err := json.Marshal(model)
	if err != nil {
		return fmt.Errorf("encode problem: %w", err)
	}
	c.Set(fiber.HeaderContentType, "application/problem+json")
	return c.Status(model.Status).Send(body)
}
