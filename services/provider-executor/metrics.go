package executor

import (
	"context"
	"errors"
	"time"

	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics are the executor's figures. No label holds an id, a host or the name of a model.
type metrics struct {
	refused *prometheus.CounterVec
	busy    prometheus.Gauge
	ended   *prometheus.CounterVec
	steps   prometheus.Counter

	panicked prometheus.Counter

	calls    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	tokens   *prometheus.CounterVec
	cost     *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	make := promauto.With(r)
	return &metrics{
		refused: make.NewCounterVec(prometheus.CounterOpts{
			Name: "errand_executor_connections_refused_total", Help: "Connections of runs that were refused or failed, by reason.",
		}, []string{"class"}),
		busy: make.NewGauge(prometheus.GaugeOpts{Name: "errand_executor_busy_slots", Help: "Runs that are being worked on."}),
		ended: make.NewCounterVec(prometheus.CounterOpts{
			Name: "errand_executor_attempts_total", Help: "Attempts that ended here, by outcome.",
		}, []string{"outcome"}),
		steps: make.NewCounter(prometheus.CounterOpts{Name: "errand_executor_steps_total", Help: "Steps done."}),
		panicked: make.NewCounter(prometheus.CounterOpts{
			Name: "errand_executor_panics_total", Help: "Attempts that ended in a panic; the log has the stacks.",
		}),
		calls: make.NewCounterVec(prometheus.CounterOpts{
			Name: "errand_model_calls_total",
			Help: "Calls of a provider's models, retries not counted, by outcome: ok, the error's code, resting (the provider was not asked), stopped (the run ended first).",
		}, []string{"provider", "outcome"}),
		duration: make.NewHistogramVec(prometheus.HistogramOpts{
			Name: "errand_model_call_duration_seconds", Help: "Duration of a model call, retries included.",
			Buckets: prometheus.ExponentialBuckets(0.25, 2, 10), // 250 ms to 128 s
		}, []string{"provider"}),
		tokens: make.NewCounterVec(prometheus.CounterOpts{
			Name: "errand_model_tokens_total", Help: "Tokens that models have read (input) and written (output).",
		}, []string{"provider", "direction"}),
		cost: make.NewCounterVec(prometheus.CounterOpts{
			Name: "errand_model_cost_usd_total", Help: "Cost of model calls in US dollars, for models whose price is known.",
		}, []string{"provider"}),
	}
}

// measured is a client whose calls are counted.
type measured struct {
	model.Client
	provider model.Provider
	prices   model.Prices
	metrics  *metrics
}

// Decide asks the client and counts what came of it.
func (m measured) Decide(ctx context.Context, r model.Request) (model.Response, error) {
	began := time.Now()
	resp, err := m.Client.Decide(ctx, r)
	provider := string(m.provider)
	m.metrics.calls.WithLabelValues(provider, callOutcome(ctx, err)).Inc()
	if errors.Is(err, model.ErrResting) {
		return resp, err
	}
	m.metrics.duration.WithLabelValues(provider).Observe(time.Since(began).Seconds())
	m.metrics.tokens.WithLabelValues(provider, "input").Add(float64(resp.Usage.InputTokens))
	m.metrics.tokens.WithLabelValues(provider, "output").Add(float64(resp.Usage.OutputTokens))
	if price, known := m.prices.Of(m.provider, r.Model); known {
		m.metrics.cost.WithLabelValues(provider).Add(price.Cost(resp.Usage))
	}
	return resp, err
}

func callOutcome(ctx context.Context, err error) string {
	var failed *model.Error
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, model.ErrResting):
		return "resting"
	case ctx.Err() != nil:
		return "stopped"
	case errors.As(err, &failed):
		return failed.Code
	}
	return "other"
}
