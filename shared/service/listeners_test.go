package service

import (
	"slices"
	"testing"
)

func TestListenersAreThoseOfTheProcessAndOfNATS(t *testing.T) {
	c := Config{Addr: "0.0.0.0:8080", NATSURL: "nats://user:secret@one:4333, tls://two,three:4444,nats://[::1]"}
	want := []string{"0.0.0.0:8080", "one:4333", "two:4222", "three:4444", "[::1]:4222"}
	if got := c.Listeners(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := (Config{Addr: "127.0.0.1:0"}).Listeners(); got != nil {
		t.Errorf("a port that is not known yet: %q", got)
	}
}
