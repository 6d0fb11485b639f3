package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/errand-run/errand/shared/schema"
)

// compilePatience is how long a request waits while the schemas of others are compiled.
const compilePatience = 5 * time.Second

// readSchema gives the schema that a field holds as an object or as a string, or nil where it holds none. Its error is
// a *schema.Error, one sentence with the place in the schema, or the answer of a server that has no time for it.
func readSchema(ctx context.Context, raw json.RawMessage) (json.RawMessage, error) {
	if !given(raw) {
		return nil, nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(text)
	}
	ctx, cancel := context.WithTimeout(ctx, compilePatience)
	defer cancel()
	_, err := schema.Compile(ctx, raw)
	var invalid *schema.Error
	if err != nil && !errors.As(err, &invalid) {
		return nil, unavailable("the server is busy with the schemas of other requests, and nothing was stored: repeat the request later")
	}
	return raw, err
}
