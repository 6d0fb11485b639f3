module github.com/errand-run/errand/services/orchestrator

go 1.26

require github.com/errand-run/errand/shared v0.0.0

replace github.com/errand-run/errand/shared => ../../shared
