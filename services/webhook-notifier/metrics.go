package notifier

import (
	"errors"
	"time"

	"github.com/errand-run/errand/shared/netguard"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	attempts   *prometheus.CounterVec
	deliveries *prometheus.CounterVec
	duration   prometheus.Histogram
}

func newMetrics(r *prometheus.Registry) metrics {
	f := promauto.With(r)
	return metrics{
		attempts: f.NewCounterVec(prometheus.CounterOpts{
			Name: "errand_webhook_attempts_total",
			Help: "POSTs of webhooks: delivered, rejected (another status), unreachable (no answer), blocked (address not allowed).",
		}, []string{"outcome"}),
		deliveries: f.NewCounterVec(prometheus.CounterOpts{
			Name: "errand_webhook_deliveries_total", Help: "Webhooks that came to their end: delivered or exhausted.",
		}, []string{"outcome"}),
		duration: f.NewHistogram(prometheus.HistogramOpts{
			Name: "errand_webhook_attempt_duration_seconds", Help: "Time from the dial to the end of the answer.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15},
		}),
	}
}

func (m metrics) attempt(a answer, took time.Duration) {
	m.attempts.WithLabelValues(outcome(a)).Inc()
	m.duration.Observe(took.Seconds())
}

func outcome(a answer) string {
	var blocked netguard.BlockedError
	switch {
	case a.ok():
		return "delivered"
	case errors.As(a.err, &blocked):
		return "blocked"
	case a.err != nil:
		return "unreachable"
	}
	return "rejected"
}
