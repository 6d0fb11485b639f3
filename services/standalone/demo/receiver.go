package demo

import (
	"io"
	"net/http"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// receiver is somebody else's server that is told by webhook. It believes only what carries a valid signature.
type receiver struct {
	verifier *standardwebhooks.Webhook
	got      chan webhook
}

// webhook is one POST that came in.
type webhook struct {
	id   string
	body []byte
	err  error // why it is not to be believed
}

func newReceiver(secret string) (*receiver, error) {
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return nil, err
	}
	return &receiver{verifier: verifier, got: make(chan webhook, 16)}, nil
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<20))
	if err == nil {
		err = r.verifier.Verify(body, req.Header)
	}
	select {
	case r.got <- webhook{id: req.Header.Get("webhook-id"), body: body, err: err}:
	default: // nobody reads any more
	}
	if err != nil {
		http.Error(w, "not verified", http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
