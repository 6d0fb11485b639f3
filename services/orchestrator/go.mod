module github.com/errand-run/errand/services/orchestrator

go 1.26.0

require github.com/errand-run/errand/shared v0.0.0

require (
	github.com/google/uuid v1.6.0 // indirect
	github.com/prometheus/client_golang v1.25.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
)

replace github.com/errand-run/errand/shared => ../../shared
