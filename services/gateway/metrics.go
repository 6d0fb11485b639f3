package gateway

import (
	"github.com/errand-run/errand/shared/event"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics are the gateway's figures. No label holds an id.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	waiters  prometheus.Gauge
	accepted prometheus.Counter
}

func newMetrics(r prometheus.Registerer, h *hub) *metrics {
	make := promauto.With(r)
	for _, state := range []event.State{event.StateQueued, event.StateRunning, event.StateWaiting} {
		make.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "errand_runs", Help: "Runs that have not ended, by state; queued ones wait for an executor.",
			ConstLabels: prometheus.Labels{"state": string(state)},
		}, func() float64 { return h.inState(state) })
	}
	return &metrics{
		requests: make.NewCounterVec(prometheus.CounterOpts{
			Name: "errand_http_requests_total", Help: "Requests answered.",
		}, []string{"route", "method", "status"}),
		duration: make.NewHistogramVec(prometheus.HistogramOpts{
			Name: "errand_http_request_duration_seconds", Help: "Time from a request to its answer, waits for runs included.",
			Buckets: prometheus.ExponentialBuckets(0.002, 4, 11), // 2 ms to 35 min
		}, []string{"route"}),
		waiters: make.NewGauge(prometheus.GaugeOpts{
			Name: "errand_waiters", Help: "Requests that wait for their run.",
		}),
		accepted: make.NewCounter(prometheus.CounterOpts{
			Name: "errand_runs_accepted_total", Help: "Runs accepted by this gateway.",
		}),
	}
}
