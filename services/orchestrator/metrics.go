package orchestrator

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
)

// The queue's figures are those of the orchestrator that dispatches; others have none.
var (
	queuedRuns = prometheus.NewDesc("errand_queued_runs",
		"Queued runs by provider and by why they wait: no_executor, no_slot, capacity, provider.", []string{"provider", "reason"}, nil)
	oldestQueued = prometheus.NewDesc("errand_oldest_queued_run_seconds",
		"Age of the queued run that was accepted first, by provider and by why it waits.", []string{"provider", "reason"}, nil)
)

// Describe is that of a prometheus.Collector.
func (d *dispatcher) Describe(ch chan<- *prometheus.Desc) { ch <- queuedRuns; ch <- oldestQueued }

// Collect is that of a prometheus.Collector.
func (d *dispatcher) Collect(ch chan<- prometheus.Metric) {
	now := d.Frame.Bus.Now(context.Background())
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.queue == nil || !d.caughtUp {
		return
	}
	for l, f := range d.queue.Count() {
		ch <- prometheus.MustNewConstMetric(queuedRuns, prometheus.GaugeValue, float64(f.Queued), l.Provider, l.Reason)
		ch <- prometheus.MustNewConstMetric(oldestQueued, prometheus.GaugeValue, max(now.Sub(f.Oldest).Seconds(), 0), l.Provider, l.Reason)
	}
}
