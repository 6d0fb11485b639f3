package standalone

import (
	"context"
	"errors"
	"log/slog"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// TryBrowser starts a browser as the executor would and opens a page, to know before a run whether it can.
func TryBrowser(ctx context.Context, getenv func(string) string) error {
	engine := browser.New(browser.Config{
		Chromium: getenv("ERRAND_CHROMIUM"), CDPURL: getenv("ERRAND_CDP_URL"), Shared: true, // none is needed ahead
		AllowRootNoSandbox: getenv("ERRAND_ALLOW_ROOT_CHROMIUM") == "1", Log: slog.New(slog.DiscardHandler),
	})
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(running) }()
	session, err := engine.NewSession(ctx, browser.SessionOptions{})
	if err == nil {
		err = session.Close(ctx)
	}
	stop()
	return errors.Join(err, <-ended)
}
