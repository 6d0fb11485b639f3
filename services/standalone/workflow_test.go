package standalone

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/services/standalone/demo/customer"
	"github.com/errand-run/errand/services/standalone/demo/shop"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	"github.com/errand-run/errand/shared/workflow"
)

// trade is a running Errand, a shop, and a model that knows how to order there.
type trade struct {
	testing.TB
	api      string
	shop     *shop.Shop
	visits   atomic.Int64 // requests that the shop got
	models   *modelsim.Server
	customer *customer.Customer
	thinking atomic.Int64 // nanoseconds that the model takes for each answer
	task     event.TaskID
}

// keyless is a provider that Errand has no key of in these tests.
const keyless = "anthropic"

// open starts everything and saves the customer's task.
func open(tb testing.TB) *trade {
	tb.Helper()
	if os.Getenv("ERRAND_NO_BROWSER") == "1" {
		tb.Skip("ERRAND_NO_BROWSER=1")
	}
	tr := &trade{TB: tb, shop: shop.New(), customer: &customer.Customer{}}
	tr.models = modelsim.New(func(c modelsim.Call) modelsim.Reply {
		reply := tr.customer.Answer(c)
		reply.Delay = time.Duration(tr.thinking.Load())
		return reply
	})
	site := serveTest(tb, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tr.visits.Add(1)
		tr.shop.ServeHTTP(w, r)
	}))
	tr.customer.Errand = customer.Errand{
		Site: site + "/", Product: "Ferry kettle", Quantity: 2, Colour: "Blue",
		Buyer: shop.Buyer{Name: "Ada Lovelace", Email: "ada@example.com", Street: "Rue Haute 12", Postcode: "1000", City: "Brussels", Country: "Belgium"},
	}
	e := launch(tb, env(tb, map[string]string{
		"ERRAND_ALLOW_PRIVATE": "127.0.0.0/8,::1/128", "ERRAND_CHROMIUM": cmp.Or(os.Getenv("ERRAND_TEST_CHROMIUM"), os.Getenv("ERRAND_CHROMIUM")), "ERRAND_BROWSER": "shared",
		"OPENAI_API_KEY": "test", "OPENAI_BASE_URL": serveTest(tb, tr.models) + "/openai/v1",
	}))
	tr.api = "http://" + e.HTTP
	created := ask[struct{ ID event.TaskID }](tr, "POST", "/api/tasks", map[string]any{
		"prompt": tr.customer.Prompt(), "provider": "openai", "response_format": "json", "json_schema": customer.Schema,
	})
	tr.task = created.ID
	return tr
}

func serveTest(tb testing.TB, h http.Handler) string {
	srv := httptest.NewServer(h)
	tb.Cleanup(srv.Close)
	return srv.URL
}

// ask does one request, which must be answered with a 2xx, and decodes the answer.
func ask[T any](tr *trade, method, path string, body any) (v T) {
	tr.Helper()
	req, err := http.NewRequestWithContext(tr.Context(), method, tr.api+path, bytes.NewReader(marshalled(body)))
	if err != nil {
		tr.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		tr.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil || resp.StatusCode/100 != 2 {
		tr.Fatalf("%s %s: %s %s, %v", method, path, resp.Status, data, err)
	}
	return v
}

// run runs the task with some overrides and waits for its end.
func (tr *trade) run(overrides map[string]any) event.Run {
	tr.Helper()
	return ask[event.Run](tr, "POST", "/api/tasks/"+tr.task.String()+"/runs", overrides)
}

// recording is what set-as-cached-workflow answers.
type recording struct {
	Success  bool              `json:"success"`
	Workflow workflow.Workflow `json:"workflow"`
	Message  string            `json:"message"`
	TaskID   event.TaskID      `json:"task_id"`
}

// record has the model do the errand once and makes that the task's cached workflow.
func (tr *trade) record() recording {
	tr.Helper()
	run := tr.run(map[string]any{})
	tr.bought(run, tr.customer.Errand, 1)
	if run.Execution != event.ExecutionAI {
		tr.Fatalf("the first run's execution is %s", run.Execution)
	}
	return ask[recording](tr, "POST", "/api/runs/"+run.TaskRunID.String()+"/set-as-cached-workflow", map[string]any{})
}

// bought fails unless the run made the shop's n-th order, the one that was wanted, and tells of it what is true.
func (tr *trade) bought(run event.Run, want customer.Errand, n int) {
	tr.Helper()
	if run.Status != event.StatusSuccess {
		tr.Fatalf("status %s, error %+v\n%s", run.Status, run.Error, marshalled(run.History))
	}
	orders := tr.shop.Orders()
	if len(orders) != n {
		tr.Fatalf("%d orders, want %d", len(orders), n)
	}
	o := orders[n-1]
	if l := o.Lines[0]; len(o.Lines) != 1 || l.Product.Name != want.Product || l.Colour != want.Colour || l.Quantity != want.Quantity || o.Buyer != want.Buyer {
		tr.Errorf("ordered %+v\nwanted %+v", o, want)
	}
	var told customer.Receipt
	if err := json.Unmarshal(run.Result, &told); err != nil || told != customer.Of(o) {
		tr.Errorf("the result is %s (%v), the shop's order %+v", run.Result, err, customer.Of(o))
	}
	if err := customer.Check(run.Result); err != nil {
		tr.Error(err)
	}
}

// parameters are the values of an errand for a recorded workflow. Which parameter is which, the example tells.
func (tr *trade) parameters(w workflow.Workflow, e customer.Errand) map[string]any {
	tr.Helper()
	old, values := tr.customer.Errand, map[string]any{}
	for _, v := range []struct {
		old any
		new any
	}{
		{old.Product, e.Product}, {old.Quantity, e.Quantity}, {old.Colour, e.Colour}, {old.Buyer.Name, e.Buyer.Name}, {old.Buyer.Email, e.Buyer.Email},
		{old.Buyer.Street, e.Buyer.Street}, {old.Buyer.Postcode, e.Buyer.Postcode}, {old.Buyer.City, e.Buyer.City}, {old.Buyer.Country, e.Buyer.Country},
	} {
		i := slices.IndexFunc(w.Parameters, func(p workflow.Parameter) bool {
			return strings.EqualFold(fmt.Sprint(p.ExampleValue), fmt.Sprint(v.old))
		})
		if i < 0 {
			tr.Fatalf("no parameter stands for %q: %s", v.old, marshalled(w.Parameters))
		}
		values[w.Parameters[i].Name] = v.new
	}
	return values
}

// errands are ten others than the one that is recorded.
func (tr *trade) errands() []customer.Errand {
	site := tr.customer.Site
	order := func(n int, product, colour string, b shop.Buyer) customer.Errand {
		return customer.Errand{Site: site, Product: product, Quantity: n, Colour: colour, Buyer: b}
	}
	return []customer.Errand{
		order(1, "Harbour kettle", "Cream", shop.Buyer{Name: "Grace Hopper", Email: "grace@example.com", Street: "Main Street 5", Postcode: "D02 X285", City: "Dublin", Country: "Ireland"}),
		order(20, "Lark kettle", "White", shop.Buyer{Name: "Zoë Müller-Çelik", Email: "zoe@example.de", Street: "Große Straße 17 b", Postcode: "04109", City: "Leipzig", Country: "Germany"}),
		order(3, "Ferry kettle", "Red", shop.Buyer{Name: `Seán "Shay" O'Brien`, Email: "shay@example.ie", Street: `The "Old" Mill`, Postcode: "T12", City: "Cork", Country: "Ireland"}),
		order(2, "Beacon kettle", "Steel", shop.Buyer{Name: "李小龙", Email: "li@example.com", Street: "Rua do Século 79", Postcode: "1200-433", City: "Lisboa", Country: "Portugal"}),
		order(5, "Dune teapot", "Sand", shop.Buyer{Name: `Back\slash {{ city }}`, Email: "back@example.com", Street: "</form> 1", Postcode: "75001", City: "Paris", Country: "France"}),
		order(4, "Tide coffee press", "Steel", shop.Buyer{Name: "Ana María de la Ó", Email: "ana@example.es", Street: "Calle Mayor 1", Postcode: "28013", City: "Madrid", Country: "Spain"}),
		order(12, "Pier mug, set of four", "Blue", shop.Buyer{Name: "Søren Ærø", Email: "soren@example.dk", Street: "Gade 2", Postcode: "1050", City: "København K", Country: "Denmark"}),
		order(2, "Ferry kettle", "Steel", shop.Buyer{Name: "Ada Lovelace", Email: "ada@example.com", Street: "Rue Haute 12", Postcode: "1000", City: "Brussels", Country: "Belgium"}),
		order(1, "Dune teapot", "Blue", shop.Buyer{Name: "Jan van der Meer", Email: "jan@example.nl", Street: "Kade 3", Postcode: "1012 AB", City: "Amsterdam", Country: "Netherlands"}),
		order(7, "Harbour kettle", "Charcoal", shop.Buyer{Name: "👩‍🚀 Valentina", Email: "v@example.it", Street: "Via Roma 8", Postcode: "00184", City: "Roma", Country: "Italy"}),
	}
}

// replayed fails unless the run replayed version, by itself, and left a history to look at.
func (tr *trade) replayed(run event.Run, version int) {
	tr.Helper()
	if run.Execution != event.ExecutionCached || run.Usage.ModelCalls != 0 || run.Workflow == nil || run.Workflow.Version != version || !run.Workflow.OtherData {
		tr.Fatalf("execution %s, %d model calls, workflow %+v; want a replay of version %d with other data and without a model", run.Execution, run.Usage.ModelCalls, run.Workflow, version)
	}
	if n := tr.screenshots(run); n < len(run.History)/2 || len(run.History) < 5 {
		tr.Errorf("%d steps, %d screenshots", len(run.History), n)
	}
}

// screenshots is how many steps of the run have one.
func (tr *trade) screenshots(run event.Run) (n int) {
	tr.Helper()
	for step := range run.History {
		resp, err := http.Get(fmt.Sprintf("%s/api/runs/%s/steps/%d/screenshot", tr.api, run.TaskRunID, step+1))
		if err != nil {
			tr.Fatal(err)
		}
		picture, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil && resp.StatusCode == http.StatusOK && bytes.HasPrefix(picture, []byte("\xff\xd8\xff")) {
			n++
		}
	}
	return n
}

// versions are the versions of the task's workflow in short, newest first.
func (tr *trade) versions() string {
	tr.Helper()
	got := ask[struct{ Workflows []event.WorkflowVersion }](tr, "GET", "/api/tasks/"+tr.task.String()+"/workflows", nil)
	var all []string
	for _, v := range got.Workflows {
		all = append(all, fmt.Sprintf("%d %s %s", v.Version, v.Origin, v.State))
	}
	return strings.Join(all, ", ")
}

// learns waits until the task has learnt from its last run.
func (tr *trade) learns(want string) {
	tr.Helper()
	natstest.Eventually(tr, func() error {
		if got := tr.versions(); got != want {
			return fmt.Errorf("the versions are %q, want %q", got, want)
		}
		return nil
	})
}

func TestAnOrderThatWorkedOnceIsReplayedWithOtherDataAndWithoutAModel(t *testing.T) {
	t.Parallel()
	tr := open(t)
	made := tr.record()
	if !made.Success || made.TaskID != tr.task || made.Message == "" || made.Workflow.Version != 1 || made.Workflow.Result == nil || len(made.Workflow.Result.NeedsModel) > 0 {
		t.Fatalf("recorded: %s", marshalled(made))
	}
	task := ask[struct {
		Use    bool               `json:"use_cached_workflow"`
		Cached *workflow.Workflow `json:"cached_workflow"`
	}](tr, "GET", "/api/tasks/"+tr.task.String(), nil)
	if !task.Use || task.Cached == nil || !bytes.Equal(marshalled(task.Cached), marshalled(made.Workflow)) {
		t.Errorf("the task has %s, recorded was %s", marshalled(task), marshalled(made.Workflow))
	}
	var names []string
	for _, p := range made.Workflow.Parameters {
		names = append(names, p.Name)
	}
	for _, name := range []string{"search_products", "quantity", "colour", "full_name", "email", "street_and_number", "postcode", "city", "country"} {
		if !slices.Contains(names, name) {
			t.Errorf("no parameter %s in %q", name, names)
		}
	}
	calls := len(tr.models.Calls())
	var last event.Run
	for i, errand := range tr.errands() {
		overrides := map[string]any{"parameters": tr.parameters(made.Workflow, errand)}
		if i%2 == 1 {
			overrides = map[string]any{"prompt": errand.Prompt()}
		}
		last = tr.run(overrides)
		tr.bought(last, errand, i+2)
		tr.replayed(last, 1)
		if got := last.Workflow.Unconfirmed; !slices.Contains(got, "/order_number") || !slices.Contains(got, "/total_eur") {
			t.Errorf("unconfirmed are %q", got)
		}
	}
	if confirmed := ask[event.Run](tr, "POST", "/api/runs/"+last.TaskRunID.String()+"/confirm", map[string]any{}); *confirmed.TaskRunID != *last.TaskRunID {
		t.Errorf("confirmed is run %s", confirmed.TaskRunID)
	}
	errand := tr.errands()[0]
	last = tr.run(map[string]any{"parameters": tr.parameters(made.Workflow, errand)})
	tr.bought(last, errand, 12)
	tr.replayed(last, 1)
	if len(last.Workflow.Unconfirmed) > 0 {
		t.Errorf("still unconfirmed are %q", last.Workflow.Unconfirmed)
	}
	if n := len(tr.models.Calls()); n != calls {
		t.Errorf("the replays made %d model calls", n-calls)
	}
}

func TestAReplayWhosePromptDoesNotTellItsValuesDoesNothing(t *testing.T) {
	t.Parallel()
	tr := open(t)
	made := tr.record()
	visits := tr.visits.Load()
	twoWays := tr.errands()[8] // its postcode has two words, and so might have its city
	for _, prompt := range []string{"Buy me something nice", twoWays.Prompt()} {
		run := tr.run(map[string]any{"prompt": prompt, "provider": keyless})
		if run.State != event.StateFailed || run.Error == nil || run.Error.Code != "parameters_unbound" {
			t.Fatalf("%s\nstate %s, error %+v; want parameters_unbound", prompt, run.State, run.Error)
		}
		for _, p := range made.Workflow.Parameters {
			if !strings.Contains(run.Error.Message, p.Name) {
				t.Errorf("%q does not name %s", run.Error.Message, p.Name)
			}
		}
	}
	if n := tr.visits.Load(); n != visits || len(tr.shop.Orders()) != 1 {
		t.Errorf("the shop got %d requests and has %d orders", n-visits, len(tr.shop.Orders()))
	}
}

func TestAReplayOrdersWhatTheShopHasOrNothing(t *testing.T) {
	t.Parallel()
	tr := open(t)
	made := tr.record()
	errand := tr.errands()[7]
	with := func(example string, value any) event.Run {
		values := tr.parameters(made.Workflow, errand)
		i := slices.IndexFunc(made.Workflow.Parameters, func(p workflow.Parameter) bool { return strings.EqualFold(fmt.Sprint(p.ExampleValue), example) })
		if i < 0 {
			t.Fatalf("no parameter stands for %s: %s", example, marshalled(made.Workflow.Parameters))
		}
		values[made.Workflow.Parameters[i].Name] = value
		return tr.run(map[string]any{"parameters": values, "provider": keyless})
	}
	for _, c := range []struct {
		example string
		value   any
		says    []string
	}{
		{"Blue", "Pink", []string{"Step 4 ", `no option "Pink"`, `"Blue", "Red", "Steel"`}},
		{"Ferry kettle", "Whistling kettle", []string{"Step 3 ", `no such link "Whistling kettle"`, "closest are"}},
		{"standard", "pigeon", []string{"Step 7 ", `no such radio "pigeon"`, `radio "Standard, 3 to 5 days`}},
		{"ada@example.com", "no address", []string{"Step 8 ", "/checkout", "/orders/"}},
	} {
		run := with(c.example, c.value)
		if run.State != event.StateFailed || run.Error == nil || run.Error.Code != "workflow_failed" || string(run.Result) != "null" {
			t.Errorf("%v: state %s, error %+v, result %s; want workflow_failed", c.value, run.State, run.Error, run.Result)
			continue
		}
		for _, want := range c.says {
			if !strings.Contains(run.Error.Message, want) {
				t.Errorf("%v: %q does not say %s", c.value, run.Error.Message, want)
			}
		}
	}
	tr.bought(with("standard", "express"), errand, 2)
	if via := tr.shop.Orders()[1].Shipping.ID; via != "express" {
		t.Errorf("sent by %s, not by express", via)
	}
}

func TestAReplayOfAChangedSiteFailsWithoutAModelAndIsHealedByOne(t *testing.T) {
	t.Parallel()
	tr := open(t)
	made := tr.record()
	tr.shop.Redesign(true)
	errands := tr.errands()

	run := tr.run(map[string]any{"parameters": tr.parameters(made.Workflow, errands[0]), "provider": keyless})
	if run.State != event.StateFailed || run.Error == nil || run.Error.Code != "workflow_failed" || len(tr.shop.Orders()) != 1 {
		t.Fatalf("state %s, error %+v, %d orders; want workflow_failed and one order", run.State, run.Error, len(tr.shop.Orders()))
	}
	for _, want := range []string{"Step ", `button "Add to cart"`, `"Put in basket"`} {
		if !strings.Contains(run.Error.Message, want) {
			t.Errorf("%q does not say %s", run.Error.Message, want)
		}
	}

	before := tr.customer.Asked()
	run = tr.run(map[string]any{"parameters": tr.parameters(made.Workflow, errands[1])})
	tr.bought(run, errands[1], 2)
	tr.healed(run)
	if asked := tr.customer.Asked(); asked[customer.Decide] != before[customer.Decide] || asked[customer.Other] != 0 || asked[customer.Mend] == 0 {
		t.Errorf("asked %v, before %v", asked, before)
	}
	tr.learns("2 healed candidate, 1 recorded current")

	calls := len(tr.models.Calls())
	run = tr.run(map[string]any{"parameters": tr.parameters(made.Workflow, errands[2])})
	tr.bought(run, errands[2], 3)
	tr.replayed(run, 2)
	tr.learns("2 healed current, 1 recorded superseded")

	restored := ask[struct {
		Cached workflow.Workflow `json:"cached_workflow"`
	}](tr, "POST", "/api/tasks/"+tr.task.String()+"/workflows/1/restore", map[string]any{})
	if restored.Cached.Version != 3 {
		t.Errorf("restored as version %d", restored.Cached.Version)
	}
	tr.learns("3 restored current, 2 healed superseded, 1 recorded superseded")
	tr.shop.Redesign(false)
	run = tr.run(map[string]any{"prompt": errands[3].Prompt()})
	tr.bought(run, errands[3], 4)
	tr.replayed(run, 3)
	if n := len(tr.models.Calls()); n != calls {
		t.Errorf("the replays made %d model calls", n-calls)
	}
}

// healed fails unless a model stood in for what the redesign has changed, and for nothing else.
func (tr *trade) healed(run event.Run) {
	tr.Helper()
	if run.Execution != event.ExecutionHealed || run.Usage.ModelCalls == 0 {
		tr.Errorf("execution %s, %d model calls; want a healed replay", run.Execution, run.Usage.ModelCalls)
	}
	var names []string
	for _, item := range run.History {
		for _, a := range item.Actions {
			if !a.ExecutedByAI {
				continue
			}
			if a.FallbackReason == "" || a.FallbackAttempt == 0 {
				tr.Errorf("%s does not tell why a model chose it: %+v", a.Name, a)
			}
			target, _ := a.Params["target"].(map[string]any)
			names = append(names, fmt.Sprintf("%v %d", target["name"], a.FallbackAttempt))
		}
	}
	if want := []string{"Put in basket 1", "Continue 2", "Buy now 1"}; !slices.Equal(names, want) {
		tr.Errorf("a model chose %q, want %q", names, want)
	}
}
