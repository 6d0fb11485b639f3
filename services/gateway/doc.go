// Package gateway is Errand's HTTP API. It validates what callers send, resolves a task with a caller's overrides
// into a complete run request, has it accepted by the bus, and answers: at once, when the run is over, or when a
// bounded wait has passed. It decides nothing about a run; a run's truth is the log.
//
// Everything that waits hangs on one in-memory hub that follows the log (hub.go): there is no consumer and no
// subscription per request. What the API says stands in contract.go; the document at /openapi.json is made
// from it.
package gateway
