package standalone

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
)

// post sends a body and decodes the answer.
func post[T any](t *testing.T, url, contentType string, body io.Reader) T {
	t.Helper()
	resp, err := http.Post(url, contentType, body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	var v T
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil || resp.StatusCode >= 300 {
		t.Fatalf("POST %s: %s %s, %v", url, resp.Status, data, err)
	}
	return v
}

// mirror is a site that gives back what is uploaded to it, as a download.
func mirror(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!doctype html><form method=post action=/back enctype=multipart/form-data>
			<label>Text <input type=file name=text></label><button>Turn around</button></form>`)
	})
	mux.HandleFunc("POST /back", func(w http.ResponseWriter, r *http.Request) {
		file, _, err := r.FormFile("text")
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		data, _ := io.ReadAll(file)
		w.Header().Set("Content-Disposition", `attachment; filename="turned.txt"`)
		fmt.Fprint(w, strings.ToUpper(string(data)))
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestAFileGoesFromItsCallerThroughTheBrowserAndBack(t *testing.T) {
	t.Parallel()
	if os.Getenv("ERRAND_NO_BROWSER") == "1" {
		t.Skip("ERRAND_NO_BROWSER=1")
	}
	models := httptest.NewServer(modelsim.New(func(c modelsim.Call) modelsim.Reply {
		field, shown := modelsim.Find(c.Page(), "file", "Text")
		button, _ := modelsim.Find(c.Page(), "button", "Turn around")
		if shown && !strings.Contains(c.Messages[len(c.Messages)-1].Text, "Downloaded") {
			return modelsim.Decide("turn it around", modelsim.UploadFile(field, "poem.txt"), modelsim.Click(button))
		}
		return modelsim.Decide("report", modelsim.Done("turned.txt", nil, true))
	}))
	t.Cleanup(models.Close)
	e := launch(t, env(t, map[string]string{
		"ERRAND_ALLOW_PRIVATE": "127.0.0.0/8,::1/128", "ERRAND_CHROMIUM": os.Getenv("ERRAND_CHROMIUM"), "ERRAND_BROWSER": "shared",
		"OPENAI_API_KEY": "test", "OPENAI_BASE_URL": models.URL + "/openai/v1",
	}))
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", "poem.txt")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(part, "a rose is a rose")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	poem := post[event.File](t, "http://"+e.HTTP+"/api/files", w.FormDataContentType(), &form)
	request, err := json.Marshal(map[string]any{"prompt": "turn the poem around", "initial_url": mirror(t), "files": []event.FileID{poem.ID}})
	if err != nil {
		t.Fatal(err)
	}
	run := post[event.Run](t, "http://"+e.HTTP+"/api/runs", "application/json", bytes.NewReader(request))
	if run.Status != event.StatusSuccess || len(run.Files) != 2 || run.Files[0] != poem.Of(event.SourceUpload) || run.Files[1].Name != "turned.txt" {
		t.Fatalf("status %s, error %+v, files %+v", run.Status, run.Error, run.Files)
	}
	resp, err := http.Get("http://" + e.HTTP + "/api/files/" + string(run.Files[1].ID))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if data, err := io.ReadAll(resp.Body); err != nil || string(data) != "A ROSE IS A ROSE" {
		t.Errorf("the download is %s %q, %v", resp.Status, data, err)
	}
}
