package executor

import (
	"context"
	"errors"
	"fmt"

	"github.com/errand-run/errand/services/provider-executor/agent"
	"github.com/errand-run/errand/services/provider-executor/secret"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/vault"
)

// codeNoSecrets is the error of a run whose secrets cannot be had: no other executor of the same configuration could.
const codeNoSecrets = "secrets_unavailable"

// open puts the run's secrets into the lease's set. failed is why the run cannot go on; err, why this attempt cannot.
func (s *Service) open(ctx context.Context, l *lease, secrets []event.Secret) (failed *event.Error, err error) {
	for _, ref := range secrets {
		opened, err := s.openOne(ctx, ref)
		if err == nil {
			err = l.secrets.Add(opened)
		}
		switch {
		case errors.Is(err, bus.ErrUnavailable), ctx.Err() != nil:
			return nil, fmt.Errorf("open secret %s: %w", ref.Name, err)
		case errors.Is(err, vault.ErrNoKey):
			return &event.Error{Code: codeNoSecrets, Message: fmt.Sprintf("The secret %s was sealed with a master key that this executor does not have: set the gateway's ERRAND_MASTER_KEY here too.", ref.Name)}, nil
		case err != nil:
			return &event.Error{Code: codeNoSecrets, Message: fmt.Sprintf("The secret %s cannot be opened: %s.", ref.Name, err)}, nil
		}
	}
	return nil, nil
}

func (s *Service) openOne(ctx context.Context, ref event.Secret) (secret.Secret, error) {
	record, err := s.Frame.Bus.Secret(ctx, ref.Ref)
	if err != nil {
		return secret.Secret{}, err
	}
	value, err := s.Config.Keys.Open(record, ref.Identity())
	return secret.Secret{Name: ref.Name, Value: string(value), Domains: ref.AllowedDomains, TOTP: ref.TOTP}, err
}

// masked takes the values of secrets out of a result, its error and its judgement included.
func (l *lease) masked(r agent.Result) agent.Result {
	masked, err := secret.Masked(l.secrets, r)
	if err != nil { // a result comes from JSON; this cannot be
		return agent.Result{Usage: r.Usage, Error: &event.Error{Code: "invalid_result", Message: "The result could not be read."}}
	}
	return masked
}
