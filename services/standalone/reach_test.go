package standalone

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
)

// A run must reach neither the API, which obeys whoever reaches it, nor NATS, although loopback is allowed.
func TestARunReachesNeitherTheAPINorNATS(t *testing.T) {
	t.Parallel()
	if os.Getenv("ERRAND_NO_BROWSER") == "1" {
		t.Skip("ERRAND_NO_BROWSER=1")
	}
	models := httptest.NewServer(modelsim.New(func(modelsim.Call) modelsim.Reply {
		return modelsim.Decide("report", modelsim.Done("I have looked.", nil, true))
	}))
	t.Cleanup(models.Close)
	e := launch(t, env(t, map[string]string{
		"ERRAND_NATS_LISTEN": "127.0.0.1:0", "ERRAND_ALLOW_PRIVATE": "0.0.0.0/0,::/0", "ERRAND_CHROMIUM": os.Getenv("ERRAND_CHROMIUM"), "ERRAND_BROWSER": "shared",
		"OPENAI_API_KEY": "test", "OPENAI_BASE_URL": models.URL + "/openai/v1",
	}))
	_, api, _ := strings.Cut(e.HTTP, ":")
	for _, url := range []string{
		"http://" + e.HTTP + "/api/runs", "http://localhost:" + api + "/", "http://[::ffff:127.0.0.1]:" + api + "/", strings.Replace(e.NATS, "nats://", "http://", 1),
	} {
		body, err := json.Marshal(map[string]any{"prompt": "look at the page", "initial_url": url})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.Post("http://"+e.HTTP+"/api/runs", "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if !bytes.Contains(answer, []byte("is a listener of Errand itself")) {
			t.Errorf("%s: %s %s", url, resp.Status, answer)
		}
	}
	if got := fmt.Sprint(e.listeners()); got != fmt.Sprintf("[%s %s]", e.HTTP, strings.TrimPrefix(e.NATS, "nats://")) {
		t.Errorf("listeners %s", got)
	}
}
