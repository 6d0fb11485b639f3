package standalone

import (
	"context"
	"errors"
	"fmt"

	"github.com/errand-run/errand/services/gateway"
	"github.com/errand-run/errand/services/orchestrator"
	executor "github.com/errand-run/errand/services/provider-executor"
	notifier "github.com/errand-run/errand/services/webhook-notifier"
	"github.com/errand-run/errand/shared/service"
)

// part is one of the four services.
type part struct {
	name string
	run  func(ctx context.Context, f service.Frame, around frame) error
}

// parts are the four services, configured from the environment and from what the data directory keeps.
func (s *Service) parts(dir *data) ([]part, error) {
	getenv, err := dir.environment(s.Config.Getenv)
	if err != nil {
		return nil, err
	}
	gatewayConfig, err1 := gateway.LoadConfig(getenv)
	orchestratorConfig, err4 := orchestrator.LoadConfig(getenv)
	executorConfig, err2 := executor.LoadConfig(getenv)
	notifierConfig, err3 := notifier.LoadConfig(getenv)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return []part{
		{"gateway", func(ctx context.Context, f service.Frame, around frame) error {
			return (&gateway.Service{Frame: f, Config: gatewayConfig, Listener: around.listener}).Run(ctx)
		}},
		{"orchestrator", func(ctx context.Context, f service.Frame, _ frame) error {
			return (&orchestrator.Service{Frame: f, Config: orchestratorConfig}).Run(ctx)
		}},
		{"provider-executor", func(ctx context.Context, f service.Frame, around frame) error {
			return (&executor.Service{Frame: f, Config: executorConfig, Own: around.at().listeners()}).Run(ctx)
		}},
		{"webhook-notifier", func(ctx context.Context, f service.Frame, around frame) error {
			return (&notifier.Service{Frame: f, Config: notifierConfig, Own: around.at().listeners()}).Run(ctx)
		}},
	}, nil
}
