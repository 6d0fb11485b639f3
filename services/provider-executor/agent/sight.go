package agent

import (
	"context"
	"crypto/sha256"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// sight is a picture of the page for the model: where the task or the model has asked for one, and where the page is
// itself a picture. Otherwise it is nil.
func (r *run) sight(ctx context.Context, page *browser.Observation) []byte {
	asked := r.task.Vision || r.picture
	r.picture = false
	if !asked && !page.Pictured {
		return nil
	}
	return r.pictureOf(ctx, (*browser.Session).Picture)
}

// appearance is what the detection of loops tells pages apart by. One that is a picture changes where its text does not.
func appearance(page *browser.Observation, sight []byte) string {
	if !page.Pictured {
		return page.Fingerprint
	}
	seen := sha256.Sum256(sight)
	return page.Fingerprint + string(seen[:])
}
