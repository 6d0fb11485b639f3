module github.com/errand-run/errand/services/standalone

go 1.26

require (
	github.com/errand-run/errand/services/gateway v0.0.0
	github.com/errand-run/errand/services/orchestrator v0.0.0
	github.com/errand-run/errand/services/provider-executor v0.0.0
	github.com/errand-run/errand/services/webhook-notifier v0.0.0
	github.com/errand-run/errand/shared v0.0.0
)

replace github.com/errand-run/errand/shared => ../../shared

replace github.com/errand-run/errand/services/gateway => ../gateway

replace github.com/errand-run/errand/services/orchestrator => ../orchestrator

replace github.com/errand-run/errand/services/provider-executor => ../provider-executor

replace github.com/errand-run/errand/services/webhook-notifier => ../webhook-notifier
