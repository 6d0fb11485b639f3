package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/nats-io/nats.go/jetstream"
)

// Streams and buckets. ARCHITECTURE.md says what each is for; docs/asyncapi.yaml is their public face.
const (
	streamRunReq     = "RUN_REQ"    // run.req.v1.TASK.KEY: acceptance, id and idempotency of a run in one write
	streamTaskReq    = "TASK_REQ"   // task.req.v1.KEY: the same for tasks
	streamRuns       = "RUNS"       // the log of all runs, their commands and timers
	streamWebhooks   = "WEBHOOKS"   // webhook.v1.>: deliveries, their attempts and scheduled retries
	streamAdvisories = "ADVISORIES" // what the server says of messages that were given up
	bucketTasks      = "tasks"      // TASK: the definition, edited by compare-and-set
	bucketRuns       = "runs"       // TASK.RUN: last lifecycle event, made by the server from RUNS
	bucketHistory    = "history"    // TASK.RUN.N: last event of each step, made by the server from RUNS
	bucketDeliveries = "deliveries" // DELIVERY: last event of each delivery, made by the server from WEBHOOKS
	bucketSecrets    = "secrets"    // REF: a sealed secret, written once, before the request or task that names it
	bucketStates     = "states"     // TASK.RUN.STEP.ATTEMPT: what the run's browser held after a step, sealed; with .sent: what the step sends
	storeScreenshots = "screenshots"
	storeObjects     = "objects" // results and actions too large for an event
	storeFiles       = "files"   // FILE: what callers have uploaded and runs have downloaded
	bucketSetup      = "setup"   // lock: the process that is making all of these; the server removes it after lockTTL
)

// Replicas is how many servers hold each stream: 1 or 3.
type Replicas int

// layout is every stream, bucket and object store as data: a bucket or object store is a stream by another name. The log has no age limit: a finished run is removed whole or not at all. RUNS
// cannot have DiscardNew (the server refuses it together with schedules); without a limit of its own a full
// store refuses there too.
func layout(r Replicas) []jetstream.StreamConfig {
	projection := func(name, source string, transforms ...jetstream.SubjectTransformConfig) jetstream.StreamConfig {
		c := bucket(name, r)
		c.Subjects = nil // only the server writes it
		c.Sources = []*jetstream.StreamSource{{Name: source, SubjectTransforms: transforms}}
		if r == 1 {
			// A projection that loses its tail in a crash makes it again from its source: it need not sync each write.
			c.PersistMode = jetstream.AsyncPersistMode
		}
		return c
	}
	return []jetstream.StreamConfig{
		{
			Name: streamRunReq, Subjects: []string{"run.req.v1.*.*"}, Replicas: int(r),
			Discard: jetstream.DiscardNew, DenyDelete: true,
		},
		{
			Name: streamTaskReq, Subjects: []string{"task.req.v1.*"}, Replicas: int(r),
			Discard: jetstream.DiscardNew, DenyDelete: true,
		},
		{
			Name: streamRuns, Subjects: []string{"run.v1.>", "runctl.v1.>"}, Replicas: int(r),
			AllowMsgSchedules: true, AllowMsgTTL: true, AllowRollup: true,
			RePublish: &jetstream.RePublish{Source: "run.v1.>", Destination: "live.run.v1.>"},
		},
		{
			Name: streamWebhooks, Subjects: []string{"webhook.v1.>"}, Replicas: int(r),
			AllowMsgSchedules: true, AllowMsgTTL: true, AllowRollup: true,
		},
		{
			// Only what tells of messages given up: the whole of $JS.EVENT.ADVISORY.> also holds an audit message for
			// each API request, which would make every read a write.
			Name: streamAdvisories, Replicas: int(r), MaxAge: 30 * 24 * time.Hour, MaxMsgs: 100_000,
			Subjects: []string{"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>", "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>"},
		},
		projection(bucketRuns, streamRuns,
			jetstream.SubjectTransformConfig{Source: "run.v1.evt.*.*.*", Destination: "$KV.runs.{{wildcard(1)}}.{{wildcard(2)}}"},
			jetstream.SubjectTransformConfig{Source: "run.v1.evt.*.*.dispatched.*", Destination: "$KV.runs.{{wildcard(1)}}.{{wildcard(2)}}"}),
		projection(bucketHistory, streamRuns,
			jetstream.SubjectTransformConfig{Source: "run.v1.step.*.*.*.*", Destination: "$KV.history.{{wildcard(1)}}.{{wildcard(2)}}.{{wildcard(3)}}"}),
		projection(bucketDeliveries, streamWebhooks,
			jetstream.SubjectTransformConfig{Source: "webhook.v1.evt.*.*", Destination: "$KV.deliveries.{{wildcard(1)}}"}),
		bucket(bucketTasks, r), bucket(bucketSecrets, r), bucket(bucketStates, r),
		objectStore(storeScreenshots, r), objectStore(storeObjects, r), objectStore(storeFiles, r),
		setupBucket(r),
	}
}

// bucket is a bucket's stream, as jetstream.CreateKeyValue makes it.
func bucket(name string, r Replicas) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: "KV_" + name, Subjects: []string{"$KV." + name + ".>"}, Replicas: int(r),
		MaxMsgsPerSubject: 1, Discard: jetstream.DiscardNew, AllowRollup: true, DenyDelete: true, AllowDirect: true,
	}
}

// objectStore is an object store's stream, as jetstream.CreateObjectStore makes it.
func objectStore(name string, r Replicas) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: "OBJ_" + name, Subjects: []string{"$O." + name + ".C.>", "$O." + name + ".M.>"}, Replicas: int(r),
		Discard: jetstream.DiscardNew, AllowRollup: true, AllowDirect: true,
	}
}

// setupBucket is the bucket of the lock that Setup takes.
func setupBucket(r Replicas) jetstream.StreamConfig {
	c := bucket(bucketSetup, r)
	c.AllowMsgTTL, c.SubjectDeleteMarkerTTL = true, lockTTL
	return c
}

// Names of the durable consumers.
const (
	ConsumerRequests = "orchestrator-req"       // on RUN_REQ
	ConsumerControl  = "orchestrator"           // on RUNS: commands and fired timers
	ConsumerEnds     = "orchestrator-workflows" // on RUNS: terminal events, for what they teach the runs' tasks
	ConsumerErase    = "orchestrator-erase"     // on RUNS: runs and tasks to erase
	ConsumerTerminal = "webhook"                // on RUNS: terminal events
	ConsumerDelivery = "webhook-delivery"       // on WEBHOOKS: attempts that are due
)

// eraseFilter matches what asks for the erasing of a run or a task.
const eraseFilter = "runctl.v1.erase.>"

// ConsumerJobs is the durable consumer of a provider's jobs: exec-PROVIDER.
func ConsumerJobs(provider string) string { return "exec-" + provider }

// consumers is every durable consumer as data. Nothing here limits deliveries: a message comes back until its
// handler has settled it, and BackOff stays unset since it would replace AckWait.
func consumers() map[string][]jetstream.ConsumerConfig {
	durable := func(name string, filters ...string) jetstream.ConsumerConfig {
		c := jetstream.ConsumerConfig{
			Name: name, Durable: name, AckPolicy: jetstream.AckExplicitPolicy,
			AckWait: ackWait, MaxDeliver: -1, MaxAckPending: 2000,
		}
		if len(filters) == 1 {
			c.FilterSubject = filters[0] // as the server reports it
		} else {
			c.FilterSubjects = filters
		}
		return c
	}
	runs := []jetstream.ConsumerConfig{
		durable(ConsumerControl, "runctl.v1.cmd.>", "runctl.v1.timer.>"),
		durable(ConsumerEnds, event.TerminalFilters()...),
		durable(ConsumerErase, eraseFilter),
		durable(ConsumerTerminal, event.TerminalFilters()...),
	}
	for _, p := range event.Providers() {
		runs = append(runs, durable(ConsumerJobs(p), event.JobFilter(p)))
	}
	return map[string][]jetstream.ConsumerConfig{
		streamRunReq:   {durable(ConsumerRequests, "run.req.v1.*.*")},
		streamRuns:     runs,
		streamWebhooks: {durable(ConsumerDelivery, "webhook.v1.evt.*.created", "webhook.v1.evt.*.requested", "webhook.v1.due.*")},
	}
}

// ackWait is how long a handler may be silent before its message goes to another: jobs are settled within
// milliseconds (their lease goes on without the message), deliveries beat while they wait for a receiver.
const ackWait = 10 * time.Second

// consumerStream is the stream that a durable consumer reads.
func consumerStream(consumer string) string {
	for stream, list := range consumers() {
		for _, c := range list {
			if c.Durable == consumer {
				return stream
			}
		}
	}
	return ""
}

// stream gives the handle of a stream, looked up once.
func (b *Bus) stream(ctx context.Context, name string) (jetstream.Stream, error) {
	if s, ok := b.handles.Load("stream " + name); ok {
		return s.(jetstream.Stream), nil
	}
	s, err := b.js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("open stream %s: it does not exist yet: %w", name, ErrUnavailable)
	}
	if err != nil {
		return nil, readErr("open stream "+name, err)
	}
	b.handles.Store("stream "+name, s)
	return s, nil
}
