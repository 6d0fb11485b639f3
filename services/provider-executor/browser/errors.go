package browser

import (
	"context"
	"errors"
	"fmt"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
)

// ErrBrowserGone says that the browser's process or connection is lost, and every
// session in it: an infrastructure failure. The next NewSession gets a new browser.
var ErrBrowserGone = errors.New("the browser is gone")

// ErrPageCrashed says that the renderer of the page ended. The session lives on: its
// next Observe shows another tab, or an empty one.
var ErrPageCrashed = errors.New("the page crashed")

// ErrPageTooHeavy says that pages of the session have grown beyond Config.PageMemory too
// often. It gets no further page.
var ErrPageTooHeavy = errors.New("the pages of the run use too much memory")

// ErrNotStarted says that Chromium ended when it was started, and why: another try
// would not help.
var ErrNotStarted = errors.New("start Chromium: it ended at once")

// ErrNoBrowser says that there is no Chromium to start.
var ErrNoBrowser = errors.New("no Chromium found: install it (apt-get install chromium) or set ERRAND_CHROMIUM to its path")

var (
	errClosed    = errors.New("the browser session is closed")
	errNoPlace   = errors.New("set TMPDIR to a directory that the executor can write to and that everyone may enter, such as /tmp")
	errNoSandbox = errors.New("if this machine cannot give Chromium a sandbox, ERRAND_ALLOW_ROOT_CHROMIUM=1 starts it without one")
)

// gateError carries what the Gate said past the code that turns failures of an
// action into its Outcome.
type gateError struct{ err error }

func (e gateError) Error() string { return "input withheld: " + e.err.Error() }
func (e gateError) Unwrap() error { return e.err }

// ending sorts err: what must end the step comes back, in the words of this
// package, and nil means that the action failed and the model may go on.
func ending(ctx context.Context, err error) error {
	var gate gateError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &gate), errors.Is(err, errClosed):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, cdp.ErrClosed):
		return fmt.Errorf("%w: %w", ErrBrowserGone, err)
	case errors.Is(err, ErrBrowserGone), errors.Is(err, ErrPageCrashed), errors.Is(err, ErrPageTooHeavy):
		return err
	}
	return nil
}
