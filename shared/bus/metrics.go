package bus

import "github.com/prometheus/client_golang/prometheus"

// metrics count what should never happen on the bus.
type metrics struct {
	deadLetters *prometheus.CounterVec
	strays      *prometheus.CounterVec
}

func newMetrics() metrics {
	return metrics{
		deadLetters: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "errand_bus_dead_letters_total", Help: "Messages that could not be processed and were given up, by consumer; the stream ADVISORIES has each with its reason.",
		}, []string{"consumer"}),
		strays: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "errand_bus_strays_total", Help: "Stored events that do not follow the one before them and are ignored, by stream.",
		}, []string{"stream"}),
	}
}

// Collectors are the metrics of the bus, for the registry of its process.
func (b *Bus) Collectors() []prometheus.Collector {
	return []prometheus.Collector{b.metrics.deadLetters, b.metrics.strays}
}
