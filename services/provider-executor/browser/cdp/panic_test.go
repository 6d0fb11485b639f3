package cdp

import (
	"errors"
	"testing"

	"github.com/errand-run/errand/shared/panics"
)

// broken is a browser whose messages panic.
type broken struct{ asked chan struct{} }

func (b broken) read() ([]byte, error) { <-b.asked; panic("broken") }
func (b broken) write([]byte) error    { close(b.asked); return nil }
func (broken) close() error            { return nil }

func TestAPanicOfTheReaderEndsItsConnectionOnly(t *testing.T) {
	c := newConn(broken{make(chan struct{})})
	err := c.Root.Call(t.Context(), "Browser.getVersion", nil, nil)
	var panicked *panics.Error
	if !errors.Is(err, ErrClosed) || !errors.As(err, &panicked) {
		t.Errorf("the call failed with %v", err)
	}
	<-c.Done()
}
