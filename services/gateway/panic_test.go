package gateway

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/errand-run/errand/shared/event"
)

func TestAPanicInAnEventStreamEndsThatStreamOnly(t *testing.T) {
	var log bytes.Buffer
	a := &api{log: slog.New(slog.NewTextHandler(&log, nil))} // without a hub
	a.streamAlone(t.Context(), event.Key{Task: 1, Run: 2}, &stream{})
	if got := log.String(); !strings.Contains(got, "run_id=2") || !strings.Contains(got, "stream") || !strings.Contains(got, "goroutine") {
		t.Errorf("the log says %s", got)
	}
}
