module github.com/errand-run/errand/services/webhook-notifier

go 1.26.0

require github.com/errand-run/errand/shared v0.0.0

require (
	code.dny.dev/ssrf v0.3.0 // indirect
	github.com/prometheus/client_golang v1.25.0 // indirect
)

replace github.com/errand-run/errand/shared => ../../shared
