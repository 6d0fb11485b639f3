// Package demo shows Errand at work: it starts everything in one process, with a small shop as the web and a simulated
// model, sends real HTTP requests, and prints what happens as it happens. It checks what it shows: a demo that did
// not work ends with an error.
package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/errand-run/errand/services/standalone"
	"github.com/errand-run/errand/services/standalone/demo/customer"
	"github.com/errand-run/errand/shared/event"
)

// Patience of the demo.
const (
	browserPatience = 60 * time.Second // a cold Chromium on a slow disk
	hookPatience    = 20 * time.Second // a webhook follows its run within milliseconds
	feedPatience    = 5 * time.Second  // the last event is on its way when the answer comes
	thinking        = 300 * time.Millisecond
)

// Run plays the demo and prints it to out. It leaves no process and no file behind. Of the environment it takes only
// what says where the browser is. With stay it goes on serving its pages until ctx ends.
func Run(ctx context.Context, out io.Writer, getenv func(string) string, stay bool) error {
	dir, err := os.MkdirTemp("", "errand-demo-")
	if err != nil {
		return fmt.Errorf("make a directory for the data: %w", err)
	}
	defer os.RemoveAll(dir)
	log := &logTail{}
	began := time.Now()
	fmt.Fprint(out, "Errand demo. The model is simulated: a script that reads each page as a model would. Everything else is real:\n"+
		"NATS JetStream, the four services, Chromium, a small shop, HTTP, the signed webhook.\n\n")
	err = play(ctx, dir, options{getenv: getenv, log: log, thinking: thinking}, func(ctx context.Context, st *stage) error {
		fmt.Fprintf(out, "Started in %.1f s: API %s, NATS %s, shop %s\n", time.Since(began).Seconds(), st.api.base, st.natsURL, st.customer.Site)
		if err := perform(ctx, st, out, getenv); err != nil || !stay {
			return err
		}
		fmt.Fprintf(out, "\nLook at these runs: %s/\nEverything stops, and its data is deleted, when you press Ctrl-C.\n", st.api.base)
		<-ctx.Done()
		return nil
	})
	if err != nil && log.String() != "" {
		fmt.Fprintf(out, "\nWhat the services logged:\n%s", log)
	}
	return err
}

func perform(ctx context.Context, st *stage, out io.Writer, getenv func(string) string) error {
	missing := haveBrowser(ctx, getenv)
	if missing == nil {
		run, err := st.shopping(ctx, out)
		if err != nil {
			return err
		}
		return st.repeating(ctx, out, run)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	fmt.Fprintf(out, "\nNo browser could be started, so the shop stays unvisited:\n  %v\nRun deploy/install-chromium.sh, then the demo again. What follows needs none.\n", missing)
	return st.answering(ctx, out)
}

// haveBrowser returns why no browser can be started; nil if one can.
func haveBrowser(ctx context.Context, getenv func(string) string) error {
	ctx, cancel := context.WithTimeout(ctx, browserPatience)
	defer cancel()
	return standalone.TryBrowser(ctx, getenv)
}

// shopping is the errand that needs a browser.
func (st *stage) shopping(ctx context.Context, out io.Writer) (event.Run, error) {
	run, err := st.begin(ctx, out, map[string]any{
		"name": "Order kettles", "prompt": st.customer.Prompt(), "provider": "openai", "webhook_url": st.hook,
		"response_format": "json", "json_schema": json.RawMessage(customer.Schema),
	})
	if err != nil {
		return run, err
	}
	if err := st.checkResult(ctx, out, run); err != nil {
		return run, err
	}
	return run, st.checkOrder(out, run.Result, st.customer.Errand)
}

// answering is the errand that needs none.
func (st *stage) answering(ctx context.Context, out io.Writer) error {
	run, err := st.begin(ctx, out, map[string]any{
		"name": "Add up", "prompt": question, "provider": "openai", "webhook_url": st.hook,
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nThe result:\n  %s\n", run.Result)
	return st.checkHook(ctx, out, run)
}

// begin saves a task and runs it.
func (st *stage) begin(ctx context.Context, out io.Writer, task map[string]any) (event.Run, error) {
	fmt.Fprintf(out, "\nThe task: %s\n", task["prompt"])
	id, err := st.api.createTask(ctx, task)
	if err != nil {
		return event.Run{}, err
	}
	fmt.Fprintf(out, "\nPOST /api/tasks made task %s. POST /api/tasks/%s/runs, and what NATS tells on live.run.v1.> meanwhile:\n", id, id)
	return st.watch(ctx, out, id, map[string]any{"wait_for_completion": true})
}

// watch runs a task and prints the run live. The run has succeeded when it returns without an error.
func (st *stage) watch(ctx context.Context, out io.Writer, task event.TaskID, overrides map[string]any) (event.Run, error) {
	live, err := follow(st.nats, out)
	if err != nil {
		return event.Run{}, err
	}
	defer live.stop()
	quit, printed := make(chan struct{}), make(chan error, 1)
	go func() { printed <- live.print(quit) }()
	run, err := st.api.runTask(ctx, task, overrides)
	if err == nil {
		time.AfterFunc(feedPatience, func() { close(quit) })
	} else {
		close(quit)
	}
	if err := errors.Join(<-printed, err); err != nil {
		return event.Run{}, err
	}
	fmt.Fprintf(out, "The POST answered: run %s, status %s, %d steps, %d model calls.\n", run.TaskRunID, run.Status, len(run.History), run.Usage.ModelCalls)
	if run.Status != event.StatusSuccess {
		return run, fmt.Errorf("the run ended as %s: %+v", run.State, run.Error)
	}
	return run, nil
}

// checkResult shows a run's result, holds it against the task's schema, and waits for its webhook.
func (st *stage) checkResult(ctx context.Context, out io.Writer, run event.Run) error {
	if err := customer.Check(run.Result); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nThe result, valid against the task's JSON Schema:\n%s\n", indent(run.Result))
	return st.checkHook(ctx, out, run)
}

// checkHook waits for the run's webhook, verified, and holds it against the API's answer.
func (st *stage) checkHook(ctx context.Context, out io.Writer, run event.Run) error {
	ctx, cancel := context.WithTimeout(ctx, hookPatience)
	defer cancel()
	var hook webhook
	select {
	case hook = <-st.receiver.got:
	case <-ctx.Done():
		return errors.New("no webhook came")
	}
	if hook.err != nil {
		return fmt.Errorf("verify the webhook: %w", hook.err)
	}
	var answer json.RawMessage
	if err := st.api.send(ctx, "GET", "/api/runs/"+run.TaskRunID.String(), nil, &answer); err != nil {
		return err
	}
	if sent, now := withoutDelivery(hook.body), withoutDelivery(answer); !bytes.Equal(sent, now) {
		return fmt.Errorf("the webhook says\n%s\nand the API\n%s", sent, now)
	}
	fmt.Fprintf(out, "\nThe webhook %s came, its Standard Webhooks signature is valid, and its body is the run as GET /api/runs/%s answers it.\n", hook.id, run.TaskRunID)
	return nil
}

// checkOrder holds the result against what the shop really sold: one order more, the newest, and the one that was wanted.
func (st *stage) checkOrder(out io.Writer, result json.RawMessage, want customer.Errand) error {
	orders := st.shop.Orders()
	if st.orders++; len(orders) != st.orders {
		return fmt.Errorf("the shop has %d orders, not %d", len(orders), st.orders)
	}
	o := orders[len(orders)-1]
	var claimed customer.Receipt
	if err := json.Unmarshal(result, &claimed); err != nil {
		return fmt.Errorf("read the result: %w", err)
	}
	real := customer.Of(o)
	if claimed != real || o.Buyer != want.Buyer || real.Product != want.Product || real.Quantity != want.Quantity {
		return fmt.Errorf("the result says %+v, the shop sold %+v to %+v", claimed, real, o.Buyer)
	}
	fmt.Fprintf(out, "The shop's own books: order %s, %d × %s in %s, %s paid, to %s in %s. As reported.\n",
		o.Number, o.Lines[0].Quantity, o.Lines[0].Product.Name, o.Lines[0].Colour, o.Total(), o.Buyer.Name, o.Buyer.City)
	return nil
}

func indent(raw json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "  ", "  "); err != nil {
		return string(raw)
	}
	return "  " + b.String()
}

// withoutDelivery is a run without the field about its webhook, which goes on changing while the webhook is sent.
func withoutDelivery(raw []byte) []byte {
	var run map[string]json.RawMessage
	if err := json.Unmarshal(raw, &run); err != nil {
		return raw
	}
	delete(run, "webhook")
	plain, err := json.Marshal(run)
	if err != nil {
		return raw
	}
	return plain
}
