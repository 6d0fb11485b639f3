package docs_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/errand-run/errand/services/gateway"
	"github.com/errand-run/errand/services/orchestrator"
	notifier "github.com/errand-run/errand/services/webhook-notifier"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	"github.com/errand-run/errand/shared/service"
	"github.com/errand-run/errand/shared/vault"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/prometheus/client_golang/prometheus"
)

// secret signs the webhooks of the servers that the documentation is tried on.
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="

// address is where a running Errand is found.
type address struct {
	http string // host:port of the API
	nats string // URL
}

// serve runs gateway, orchestrator and notifier on a NATS server of their own until the test ends. The executor is played,
// so that neither a browser nor a model is needed.
func serve(t *testing.T) address {
	t.Helper()
	return serveOn(t, startNATS(t, &server.Options{}), nil)
}

// startNATS starts a server with JetStream on a free port of this machine. It ends with the test.
func startNATS(t *testing.T, o *server.Options) *server.Server {
	t.Helper()
	o.Host, o.Port, o.JetStream, o.StoreDir, o.NoSigs, o.NoLog = "127.0.0.1", server.RANDOM_PORT, true, t.TempDir(), true, true
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("NATS is not ready after a minute")
	}
	return s
}

// serveOn is serve on a NATS server that may ask for a user.
func serveOn(t *testing.T, s *server.Server, user *url.Userinfo) address {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := address{ln.Addr().String(), s.ClientURL()}
	env := map[string]string{"ERRAND_WEBHOOK_SECRET": secret, "ERRAND_ALLOW_PRIVATE": "127.0.0.0/8", "ERRAND_MASTER_KEY": vault.NewKey()}
	gatewayConfig, err1 := gateway.LoadConfig(func(name string) string { return env[name] })
	notifierConfig, err2 := notifier.LoadConfig(func(name string) string { return env[name] })
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	frame := func(name string) service.Frame {
		nc, err := bus.Connect((&url.URL{Scheme: "nats", User: user, Host: s.Addr().String()}).String(), name, natstest.Quiet())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return service.Frame{Bus: natstest.On(t, nc), Log: natstest.Quiet(), Metrics: prometheus.NewRegistry(), Instance: name}
	}
	run(t, (&gateway.Service{Frame: frame("gateway"), Config: gatewayConfig, Listener: ln}).Run)
	run(t, (&orchestrator.Service{Frame: frame("orchestrator")}).Run)
	run(t, (&notifier.Service{Frame: frame("notifier"), Config: notifierConfig}).Run)
	executor := frame("executor").Bus
	run(t, func(ctx context.Context) error { return playExecutor(ctx, executor) })
	return at
}

// run runs a service until the test ends.
func run(t *testing.T, service func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- service(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("stop: %v", err)
		}
	})
}

// playExecutor takes the runs of openai's models through a search in a shop to their end.
func playExecutor(ctx context.Context, b *bus.Bus) error {
	for ctx.Err() == nil {
		job, ok, err := b.Fetch(ctx, bus.ConsumerJobs("openai"), time.Second)
		if err != nil || !ok {
			continue
		}
		var e event.RunEvent
		if err := json.Unmarshal(job.Data, &e); err != nil {
			return err
		}
		p := played{b, event.Writer{Service: "executor", Instance: "played"}, e.Data.Run, job.Sequence, nil}
		if err := errors.Join(p.play(ctx), job.Ack()); err != nil && ctx.Err() == nil && !errors.Is(err, bus.ErrConflict) {
			return err
		}
	}
	return nil
}

// played is a run in the hands of the played executor.
type played struct {
	bus    *bus.Bus
	writer event.Writer
	run    event.Snapshot
	token  uint64 // sequence of the run's last lifecycle event
	last   *event.StepRef
}

func (p *played) play(ctx context.Context) error {
	request, err := p.bus.Request(ctx, p.run.Run)
	if err != nil {
		return err
	}
	now := p.bus.Now(ctx)
	p.run.State, p.run.StartedAt = event.StateRunning, &now
	if err := p.append(ctx, event.Started); err != nil {
		return err
	}
	for _, s := range searchSteps() {
		if err := p.step(ctx, s); err != nil {
			return err
		}
	}
	now = p.bus.Now(ctx)
	p.run.State, p.run.FinishedAt, p.run.Result = event.StateSucceeded, &now, json.RawMessage(`"Ferry kettle"`)
	if request.Schema() != nil {
		p.run.Result = json.RawMessage(`{"title": "Ferry kettle", "url": "https://shop.example/kettles/1"}`)
	}
	if r := request.Replay; r != nil {
		p.run.Workflow = &event.WorkflowUse{
			Version: r.Version, Parameters: map[string]any{"search_the_shop": "cookers"}, OtherData: true, Unconfirmed: []string{},
		}
	}
	return p.append(ctx, event.Succeeded)
}

func (p *played) append(ctx context.Context, t event.Type) (err error) {
	data := event.RunData{Run: p.run, Previous: p.token, Request: uint64(p.run.Run), LastStep: p.last}
	p.token, err = p.bus.Append(ctx, p.writer.Run(t, p.bus.Now(ctx), data), data.Previous)
	return err
}

func (p *played) step(ctx context.Context, d event.StepData) error {
	d.Task, d.Run, d.Attempt, d.Lifecycle, d.Previous, d.Number = p.run.Task, p.run.Run, 1, p.token, p.last, 1
	if p.last != nil {
		d.Number = p.last.Number + 1
	}
	at, err := p.bus.AppendStep(ctx, event.Done, p.writer.Step(event.Done, p.bus.Now(ctx), d))
	p.last = &event.StepRef{Number: d.Number, Sequence: at}
	return err
}

// searchSteps is what an agent does for `search for "kettles"`.
func searchSteps() []event.StepData {
	acted := func(name string, params map[string]any) []event.Action {
		return []event.Action{{Name: name, Params: params, Success: new(true)}}
	}
	target := func(role, name, css string) map[string]any {
		return map[string]any{"css": css, "target": map[string]any{"v": 1, "role": role, "name": name}}
	}
	query := target("searchbox", "Search the shop", "#q")
	query["text"] = "kettles"
	const shop = "https://shop.example/"
	return []event.StepData{
		{Description: "Open the shop", URL: "about:blank", Actions: acted("navigate", map[string]any{"url": shop})},
		{Description: "Search for kettles", URL: shop, Actions: acted("input", query)},
		{Description: "Send the search", URL: shop, Actions: acted("click", target("button", "Search", "#go"))},
		{Description: "Report it", URL: shop + "found", Actions: acted("done", map[string]any{"text": "Ferry kettle", "success": true})},
	}
}
