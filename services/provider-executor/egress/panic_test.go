package egress

import (
	"errors"
	"net"
	"testing"

	"github.com/errand-run/errand/shared/panics"
)

// broken is a connection that panics.
type broken struct{ net.Conn }

func (broken) Read([]byte) (int, error) { panic("broken") }

func TestAPanicInATunnelIsThatOfItsRequest(t *testing.T) {
	for _, swap := range []bool{false, true} {
		ours, browser := net.Pipe()
		theirs, server := net.Pipe()
		var a, b net.Conn = broken{ours}, theirs
		if swap {
			a, b = b, a
		}
		var panicked *panics.Error
		if err := panics.Catch(func() { tunnel(a, b) }); !errors.As(err, &panicked) || panicked.Value != "broken" {
			t.Errorf("the tunnel ended with %v", err)
		}
		for _, c := range []net.Conn{browser, server} {
			if _, err := c.Read(make([]byte, 1)); err == nil {
				t.Error("a connection is still open")
			}
		}
	}
}
