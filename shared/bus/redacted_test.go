package bus

import (
	"log/slog"
	"strings"
	"testing"
)

func TestNoPasswordOfNATSIsShown(t *testing.T) {
	for servers, want := range map[string]string{
		"nats://127.0.0.1:4222":                      "nats://127.0.0.1:4222",
		"nats://u1:s3cret@one:4222":                  "nats://xxxxx@one:4222",
		"tls://s3cret@one, nats://u:s3cret@two:4222": "tls://xxxxx@one,nats://xxxxx@two:4222",
		"u1:s3cret@one":                              "xxxxx@one",
		"nats://u:s3cret@s3cret@one":                 "nats://xxxxx@one",
		"nats://u:s3cret/s3cret@one":                 "nats://xxxxx@one",
	} {
		if got := Redacted(servers); got != want {
			t.Errorf("%s is shown as %s, want %s", servers, got, want)
		}
	}
	for _, servers := range []string{"nats://u:s3cret@127.0.0.1:1", "nats://u:s3cret/x@127.0.0.1:1", "nats://u:s3 cret%zz@127.0.0.1:1"} {
		if _, err := Connect(servers, "test", slog.New(slog.DiscardHandler)); err == nil || strings.Contains(err.Error(), "s3") {
			t.Errorf("connect: %v", err)
		}
	}
}
