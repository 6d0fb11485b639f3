package standalone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/errand-run/errand/services/gateway"
	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/egress"
	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/natstest"
	"github.com/errand-run/errand/shared/service"
)

// The web page, used as a person would: our own browser layer is the person's browser.
func TestAPersonRunsWatchesCancelsCachesAndReplaysOnTheWebPage(t *testing.T) {
	if os.Getenv("ERRAND_NO_BROWSER") == "1" {
		t.Skip("ERRAND_NO_BROWSER=1")
	}
	t.Parallel()
	site := &bakery{}
	site.url = serveTest(t, site)
	model := &paced{permits: make(chan bool, 100), site: site}
	models := serveTest(t, modelsim.New(model.answer))
	t.Cleanup(func() { close(model.permits) }) // before its server waits for the answers
	e := launch(t, env(t, map[string]string{
		"ERRAND_ALLOW_PRIVATE": "127.0.0.0/8", "ERRAND_CHROMIUM": os.Getenv("ERRAND_CHROMIUM"), "ERRAND_BROWSER": "shared",
		"ERRAND_NATS_LISTEN": "127.0.0.1:0", "OPENAI_API_KEY": "test", "OPENAI_BASE_URL": models + "/openai/v1",
	}))
	front := &front{nats: e.NATS}
	front.start(t)
	p := person(t, serveTest(t, front))

	p.open("/")
	p.fill("What should be done?", fmt.Sprintf(`Order bread for "Zoë" at %s/`, site.url))
	p.press("Run")
	p.until(`location.pathname === '/runs/1' && document.querySelector('#state .state').dataset.state === 'running'`)
	p.value(`window.visit = 'the first'`)
	model.permits <- true
	p.until(`document.querySelectorAll('.step[data-phase=done]').length === 1`)
	front.stop()
	p.until(`document.querySelector('#link').dataset.state === 'reconnecting'`)
	front.start(t)
	for range 3 { // orders, fetches the receipt, reports
		model.permits <- true
	}
	p.until(`document.querySelector('#state .state').dataset.state === 'succeeded' && document.querySelectorAll('.step').length === 4`)
	if got := p.value(`window.visit`); got != `"the first"` {
		t.Errorf("the page was loaded again: %s", got)
	}
	p.until(`document.querySelectorAll('#strip img').length >= 3 && Array.from(document.querySelectorAll('#strip img')).every((i) => i.src.includes('/thumb'))`)
	p.value(`document.querySelector('#step-2').click()`)
	p.until(`document.querySelector('#picture').naturalWidth === 1280 && document.querySelector('#inspector-title').textContent === 'Step 2'`)
	p.value(`document.querySelector('[data-moment=before]').click()`)
	p.until(`document.querySelectorAll('#boxes i').length === 2`)
	p.value(`Array.from(document.querySelectorAll('#inspector summary')).find((s) => s.textContent === 'What the model was told').click()`)
	p.until(`document.querySelector('#inspector').textContent.includes('Your name')`)
	p.until(`document.querySelector('#files a')?.textContent === 'receipt.txt'`)
	if got := p.value(`fetch(document.querySelector('#files a').href).then((r) => r.text())`); got != `"paid by Zoë"` {
		t.Errorf("the file is %s", got)
	}
	p.fitsAPhone()

	p.press("Cache as workflow")
	p.until(`location.pathname === '/tasks/1' && document.querySelector('#run-form input[data-type]')`)
	p.value(`document.querySelector('#run-form input[data-type=string][placeholder="Zoë"]').value = 'Ada'`)
	p.press("Run")
	p.until(`location.pathname === '/runs/2' && document.querySelector('#state .state').dataset.state === 'succeeded'`)
	if got := p.value(`['execution', 'calls'].map((f) => document.querySelector('[data-f=' + f + ']').textContent).join()`); got != `"Replay,0"` {
		t.Errorf("the replay is shown as %s", got)
	}
	if got := site.orders(); got != "Zoë, Ada" {
		t.Errorf("the bakery has the orders %s", got)
	}

	p.open("/")
	p.fill("What should be done?", fmt.Sprintf(`Look at %s/`, site.url))
	p.press("Run")
	p.until(`location.pathname === '/runs/3' && document.querySelector('#state .state').dataset.state === 'running'`)
	p.press("Cancel")
	p.press("Really cancel?")
	p.until(`document.querySelector('#state .state').dataset.state === 'canceled'`)
	if n := site.leaked.Load(); n != 0 {
		t.Errorf("%d requests left the page by what a website had said", n)
	}
}

// bakery is a site with one form, whose texts try to become markup wherever they are shown.
type bakery struct {
	url    string
	leaked atomic.Int64

	mu    sync.Mutex
	names []string
}

func (b *bakery) hostile() string {
	return `"><img src="` + b.url + `/leak"><script>fetch("` + b.url + `/leak")</script>`
}

func (b *bakery) orders() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.names, ", ")
}

func (b *bakery) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	switch r.URL.Path {
	case "/leak":
		b.leaked.Add(1)
	case "/receipt":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Content-Disposition", `attachment; filename="receipt.txt"`)
		fmt.Fprintf(w, "paid by %s", b.orders())
	case "/order":
		b.mu.Lock()
		b.names = append(b.names, r.FormValue("name"))
		b.mu.Unlock()
		fmt.Fprint(w, `<title>Ordered</title><h1>Ordered</h1><a href="/receipt">Receipt</a>`)
	default:
		fmt.Fprint(w, `<title>&lt;script&gt;fetch("`+b.url+`/leak")&lt;/script&gt;</title><h1>Bakery</h1>
			<form method=post action=/order><label>Your name <input name=name></label><button>Order</button></form>`)
	}
}

// paced is a model that answers when it is permitted to.
type paced struct {
	permits chan bool
	site    *bakery
}

func (m *paced) answer(c modelsim.Call) modelsim.Reply {
	<-m.permits
	page, goal := c.Page(), "Go on "+m.site.hostile()
	name, asks := modelsim.Find(page, "textbox", "Your name")
	order, _ := modelsim.Find(page, "button", "Order")
	receipt, _ := modelsim.Find(page, "link", "Receipt")
	switch {
	case strings.Contains(page, "PAGE none"):
		return modelsim.Decide(goal, modelsim.Navigate(m.site.url+"/"))
	case asks:
		return modelsim.Decide(goal, modelsim.Input(name, "Zoë"), modelsim.Click(order))
	case !strings.Contains(page, "receipt.txt"):
		return modelsim.Decide(goal, modelsim.Click(receipt))
	}
	return modelsim.Decide(goal, modelsim.Done("Done.", nil, true))
}

// front is an address that stays, before a gateway that may be restarted.
type front struct {
	nats    string
	gateway atomic.Pointer[url.URL] // nil: it is down
	end     context.CancelFunc
	ended   chan error
}

func (f *front) start(t *testing.T) {
	config, err := gateway.LoadConfig(func(name string) string {
		return map[string]string{"ERRAND_ADDR": "127.0.0.1:0", "ERRAND_NATS_URL": f.nats, "ERRAND_ALLOW_PRIVATE": "127.0.0.0/8"}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	config.Config.Log = natstest.Quiet()
	ctx, end := context.WithCancel(context.Background())
	serving, ended := make(chan *url.URL, 1), make(chan error, 1)
	go func() {
		ended <- service.Connected(ctx, "gateway", config.Config, func(ctx context.Context, frame service.Frame) error {
			serving <- &url.URL{Scheme: "http", Host: frame.Listener.Addr().String()}
			return (&gateway.Service{Frame: frame, Config: config, Listener: frame.Listener}).Run(ctx)
		})
	}()
	f.end, f.ended = end, ended
	select {
	case at := <-serving:
		f.gateway.Store(at)
	case err := <-ended:
		t.Fatalf("the gateway does not start: %v", err)
	}
	t.Cleanup(end)
}

func (f *front) stop() {
	f.gateway.Store(nil)
	f.end()
	<-f.ended
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := f.gateway.Load()
	if at == nil {
		panic(http.ErrAbortHandler)
	}
	(&httputil.ReverseProxy{
		Rewrite:      func(p *httputil.ProxyRequest) { p.SetURL(at); p.Out.Host = p.In.Host },
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}).ServeHTTP(w, r)
}

// visit is a person with the web page before them.
type visit struct {
	*testing.T
	session *browser.Session
	site    string
}

func person(t *testing.T, site string) *visit {
	engine := browser.New(browser.Config{
		Chromium: os.Getenv("ERRAND_CHROMIUM"), Shared: true, AllowRootNoSandbox: true, Log: natstest.Quiet(),
		Egress: egress.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Log: natstest.Quiet()},
	})
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(ctx) }()
	t.Cleanup(func() { end(); <-ended })
	session, err := engine.NewSession(t.Context(), browser.SessionOptions{AllowEvaluate: true, Eager: true})
	if err != nil {
		t.Fatal(err)
	}
	return &visit{t, session, site}
}

func (v *visit) do(a browser.Action) browser.Outcome {
	v.Helper()
	out, err := v.session.Do(v.Context(), a)
	if err != nil || out.Error != "" {
		v.Fatalf("%s %s: %v %s", a.Name, a.Text, err, out.Error)
	}
	return out
}

func (v *visit) open(path string) { v.do(browser.Action{Name: "navigate", URL: v.site + path}) }

// value is what an expression comes to in the page, as JSON.
func (v *visit) value(code string) string {
	v.Helper()
	value, err := v.try(code)
	if err != nil {
		v.Fatal(err)
	}
	return value
}

// try is value for a page that may be on its way to another.
func (v *visit) try(code string) (string, error) {
	out, err := v.session.Do(v.Context(), browser.Action{Name: "evaluate", Text: code})
	if err == nil && out.Error != "" {
		err = errors.New(out.Error)
	}
	return strings.TrimSpace(strings.TrimPrefix(out.Content, "The code gave: ")), err
}

// until waits for a condition in the page.
func (v *visit) until(condition string) {
	v.Helper()
	natstest.EventuallyWithin(v, 2*time.Minute, func() error {
		got, err := v.try("Boolean(" + condition + ")")
		if err != nil || got != "true" {
			shown, _ := v.try("location.pathname + ' ' + document.querySelector('main').innerText.slice(0, 1000)")
			return fmt.Errorf("%s is %s, %v; the page shows %s", condition, got, err, shown)
		}
		return nil
	})
}

// find is the index of a control in the page.
func (v *visit) find(role, name string) *int {
	v.Helper()
	var index int
	natstest.EventuallyWithin(v, 2*time.Minute, func() error {
		page, err := v.session.Observe(v.Context())
		if err != nil {
			return err
		}
		var ok bool
		if index, ok = modelsim.Find(page.Text, role, name); !ok {
			return fmt.Errorf("there is no %s %q on %s", role, name, page.Text)
		}
		return nil
	})
	return &index
}

func (v *visit) press(name string) {
	v.Helper()
	v.do(browser.Action{Name: "click", Index: v.find("button", name)})
}

func (v *visit) fill(name, text string) {
	v.Helper()
	v.do(browser.Action{Name: "input", Index: v.find("textbox", name), Text: text})
}

// fitsAPhone lays the page out as a phone would, 390 pixels wide, and reports what does not fit.
func (v *visit) fitsAPhone() {
	v.Helper()
	got := v.value(`(() => {
		const narrow = (rules) => { for (const rule of rules) {
			if (rule instanceof CSSMediaRule && /max-width: (\d+)px/.test(rule.media.mediaText)) rule.media.mediaText = 'all';
			if (rule.cssRules) narrow(rule.cssRules);
		} };
		for (const sheet of document.styleSheets) narrow(sheet.cssRules);
		document.documentElement.style.width = '390px';
		const scrolls = (e) => e && (/auto|scroll|hidden/.test(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
		const wide = Array.from(document.querySelectorAll('main *')).filter((e) => e.getBoundingClientRect().right > 391 && !scrolls(e));
		const low = Array.from(document.querySelectorAll('#run-actions button')).filter((b) => b.offsetWidth && b.offsetHeight < 44);
		return [...wide, ...low].slice(0, 5).map((e) => e.outerHTML.slice(0, 200));
	})()`)
	var wrong []string
	if err := json.Unmarshal([]byte(got), &wrong); err != nil || len(wrong) > 0 {
		v.Errorf("on a phone these do not fit: %s %v", got, err)
	}
	v.value(`location.reload()`)
	v.until(`document.querySelectorAll('.step[data-phase=done]').length === 4 && document.querySelector('[data-do=cache]').hidden === false`)
}
