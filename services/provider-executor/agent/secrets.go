package agent

import (
	"strings"

	"github.com/errand-run/errand/services/provider-executor/model"
)

// secretsOffered tells the model which secrets it may have typed.
func secretsOffered(t Task) string {
	names := t.Secrets.Names()
	if len(names) == 0 {
		return ""
	}
	return "\n# Secrets\n" + strings.Join(names, "\n") + "\n"
}

// masked takes the values of secrets out of what a model is about to be asked. The browser has masked what it read;
// this is for what came another way, such as the task itself.
func (t Task) masked(req model.Request) model.Request {
	if t.Secrets.Empty() {
		return req
	}
	req.System = t.Secrets.Mask(req.System)
	messages := make([]model.Message, len(req.Messages))
	for i, m := range req.Messages {
		m.Text = t.Secrets.Mask(m.Text)
		messages[i] = m
	}
	req.Messages = messages
	return req
}
