package browser_test

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/secret"
)

const canary = "Canary-7f3a&9\"x"

// secretUser has one secret that may be typed on 127.0.0.1, whatever the port.
func secretUser(t *testing.T) *user {
	t.Helper()
	set := secret.NewSet(time.Now)
	for _, s := range []secret.Secret{
		{Name: "pin", Value: canary, Domains: []string{"127.0.0.1"}},
		{Name: "code", Value: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", Domains: []string{"127.0.0.1"}, TOTP: true},
	} {
		if err := set.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	return userOf(t, sharedEngine(t), browser.SessionOptions{Secrets: set})
}

func (u *user) typeInto(control, text string) browser.Outcome {
	u.Helper()
	return u.act(browser.Action{Name: "input", Index: u.index(control), Text: text})
}

// hidesCanary fails where a text shows the secret.
func (u *user) hidesCanary(what, text string) {
	u.Helper()
	if strings.Contains(text, "Canary-7f3a") {
		u.Errorf("%s shows the secret: %s", what, text)
	}
}

const loginForm = `<!doctype html><title>Log in</title><style>input{font-size:30px;width:500px}</style><form method=post action=/in>
	<label>User <input name=user></label><br><label>Password <input name=pass type=password></label><br>
	<label>Code <input name=code inputmode=numeric maxlength=6></label><button>Enter</button></form>`

func TestASecretIsTypedWhereItMayBeAndSeenNowhere(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": loginForm, "/in": "<!doctype html><title>In</title><p>Welcome"})
	u := secretUser(t)
	u.visit(s.URL + "/")
	for control, text := range map[string]string{"textbox User": "<secret:pin>", "password Password": "x<secret:pin>", "textbox Code": "<secret:code>"} {
		out := u.typeInto(control, text)
		if out.Success == nil || !*out.Success {
			t.Fatalf("%s: %+v", control, out)
		}
		u.hidesCanary("the outcome", fmt.Sprintf("%+v", out))
	}
	text := u.look()
	u.hidesCanary("the page", text)
	for _, want := range []string{`User ="•••"`, `Password ="•••"`, `Code ="•••"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	content, err := u.Content(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	u.hidesCanary("the content", content)
	u.click("button Enter")
	got := s.received()
	if len(got) != 1 || !strings.Contains(got[0], "user=Canary-7f3a%269%22x") || !strings.Contains(got[0], "pass=xCanary-7f3a%269%22x") {
		t.Errorf("the site received %q", got)
	}
	if _, code, _ := strings.Cut(strings.SplitN(got[0], "&pass", 2)[0], "code="); len(strings.SplitN(code, "&", 2)[0]) != 6 {
		t.Errorf("the site received the code %q", code)
	}
}

func TestAFieldWithASecretIsBlackInScreenshots(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{
		"/":      `<!doctype html><body style="margin:0;background:#fff"><input aria-label=User style="position:absolute;left:100px;top:100px;width:400px;height:60px;border:0;background:#fff">`,
		"/outer": `<!doctype html><body style="margin:0;background:#fff"><iframe src=/ style="position:absolute;left:200px;top:300px;width:700px;height:300px;border:0"></iframe>`,
		"/echo":  `<!doctype html><body style="margin:0;background:#fff"><p id=p style="position:absolute;left:100px;top:100px;margin:0;font-size:40px"></p><script>p.textContent = decodeURIComponent(location.hash.slice(1))</script>`,
	})
	u := secretUser(t)
	for _, c := range []struct {
		path string
		x, y int
		fill bool
	}{{"/", 300, 130, true}, {"/outer", 500, 430, true}, {"/echo#Canary-7f3a%269%22x", 200, 120, false}} {
		u.visit(s.URL + c.path)
		if dark := u.dark(c.x, c.y); dark == c.fill {
			t.Errorf("%s at first: dark is %v", c.path, dark)
		}
		if c.fill {
			u.typeInto("textbox User", "<secret:pin>")
		}
		if !u.dark(c.x, c.y) {
			t.Errorf("%s shows the secret's pixels", c.path)
		}
		u.hidesCanary(c.path, u.look())
	}
}

// dark reports whether the screenshot is black all around a point.
func (u *user) dark(x, y int) bool {
	u.Helper()
	shot, err := u.Screenshot(u.Context())
	if err != nil {
		u.Fatal(err)
	}
	picture, err := jpeg.Decode(bytes.NewReader(shot))
	if err != nil {
		u.Fatal(err)
	}
	for dx := -40; dx <= 40; dx++ {
		if r, g, b, _ := picture.At(x+dx, y).RGBA(); r+g+b > 3*0x3000 {
			return false
		}
	}
	return true
}

func TestASecretIsTypedOnNoOtherOrigin(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{
		"/":     loginForm,
		"/bare": `<!doctype html><input aria-label=User>`,
	})
	local := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	pages := serve(t, map[string]string{
		"/other-inside": `<!doctype html><iframe width=900 height=300 src="` + local + `/bare"></iframe>`,
		"/inside-other": `<!doctype html><iframe width=900 height=300 src="` + s.URL + `/bare"></iframe>`,
		"/middle":       `<!doctype html><iframe width=900 height=300 src="` + local + `/wrap"></iframe>`,
		"/sandboxed":    `<!doctype html><iframe width=900 height=300 sandbox="allow-scripts" srcdoc="<input aria-label=User>"></iframe>`,
		"/empty":        `<!doctype html><iframe width=900 height=300 srcdoc="<input aria-label=User>"></iframe>`,
	})
	u := secretUser(t)
	for _, c := range []struct {
		url     string
		allowed bool
	}{
		{local + "/", false}, {pages.URL + "/other-inside", false}, {pages.elsewhere("/inside-other"), false},
		{pages.URL + "/sandboxed", false}, {pages.URL + "/empty", true},
	} {
		u.visit(c.url)
		out := u.typeInto("textbox User", "<secret:pin>")
		if c.allowed {
			if out.Success == nil || !*out.Success {
				t.Errorf("%s: %+v", c.url, out)
			}
			continue
		}
		if !strings.Contains(out.Error, "<secret:pin> may be typed on 127.0.0.1 only") {
			t.Errorf("%s: %+v", c.url, out)
		}
		u.must(browser.Action{Name: "click", Index: u.index("textbox User")})
		if out := u.act(browser.Action{Name: "send_keys", Keys: "<secret:pin>"}); !strings.Contains(out.Error, "may be typed on 127.0.0.1 only") {
			t.Errorf("%s: send_keys: %+v", c.url, out)
		}
		if text := u.look(); !strings.Contains(text, "textbox User") || strings.Contains(text, "•••") {
			t.Errorf("%s holds something:\n%s", c.url, text)
		}
	}
}

func TestKeysWithASecretGoToTheFocusedFieldOnly(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": loginForm, "/in": "<!doctype html><p>Welcome"})
	u := secretUser(t)
	u.visit(s.URL + "/")
	if out := u.act(browser.Action{Name: "send_keys", Keys: "<secret:pin>"}); !strings.Contains(out.Error, "nothing that takes text has the focus") {
		t.Errorf("without focus: %+v", out)
	}
	u.click("password Password")
	u.must(browser.Action{Name: "send_keys", Keys: "<secret:pin>"})
	u.must(browser.Action{Name: "send_keys", Keys: "Enter"})
	eventually(t, "the form arrives", func() bool { return len(s.received()) == 1 })
	if got := s.received()[0]; !strings.Contains(got, "pass=Canary-7f3a%269%22x") {
		t.Errorf("the site received %q", got)
	}
}

func TestAnUnknownSecretIsAnErrorAndNotAText(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": loginForm})
	for name, u := range map[string]*user{"others": secretUser(t), "none": newUser(t)} {
		u.visit(s.URL + "/")
		if out := u.typeInto("textbox User", "<secret:other>"); !strings.Contains(out.Error, "there is no <secret:other>") {
			t.Errorf("%s: %+v", name, out)
		}
	}
}
