package gateway

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/bus"
)

func TestErrorsOfTheBusBecomeAnswers(t *testing.T) {
	t.Parallel()
	k := Idempotency{Key: `"order-7"`}.at("POST /api/runs")
	for name, c := range map[string]struct {
		err    error
		status int
		detail string
	}{
		"unknown outcome":      {k.problem(fmt.Errorf("write: %w", bus.ErrUnknown)), 503, "may exist: repeat the same request with Idempotency-Key: order-7"},
		"nothing stored":       {k.problem(fmt.Errorf("write: %w", bus.ErrUnavailable)), 503, "nothing was stored"},
		"not found":            {problem(fmt.Errorf("read: %w", bus.ErrNotFound), "run 7"), 404, "run 7 does not exist"},
		"unknown, may repeat":  {problem(bus.ErrUnknown, "run 7"), 503, "repeat"},
		"unavailable to read":  {problem(bus.ErrUnavailable, "run 7"), 503, "not reachable"},
		"a key used otherwise": {errKeyReused(), 422, "validation failed"},
	} {
		var status huma.StatusError
		if !errors.As(c.err, &status) || status.GetStatus() != c.status || !strings.Contains(status.Error(), c.detail) {
			t.Errorf("%s: %v", name, c.err)
		}
		var headers huma.HeadersError
		if retry := errors.As(c.err, &headers) && headers.GetHeaders().Get("Retry-After") != ""; retry != (c.status == 503) {
			t.Errorf("%s: Retry-After is given: %v", name, retry)
		}
	}
}

func TestAKeyWithoutAHeaderIsNewEachTime(t *testing.T) {
	t.Parallel()
	if a, b := (Idempotency{}).at("e"), (Idempotency{}).at("e"); a.token() == b.token() || a.given == "" {
		t.Errorf("two requests share the key %q", a.given)
	}
	if a, b := (Idempotency{Key: "k"}).at("e"), (Idempotency{Key: "k"}).at("f"); a.token() == b.token() {
		t.Error("two endpoints share a key")
	}
}
