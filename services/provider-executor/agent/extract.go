package agent

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/shared/event"
)

// Bounds of an extraction, in characters: a page is read in chunks of about ten thousand tokens, each cut at a line's
// end, and no page is worth more than eight of them without a word.
const (
	extractChunk = 40_000
	extractMost  = 8
)

// extract has the whole page read by the model, and notes its answer. What was not read is said, and what was found
// before something failed is kept.
func (r *run) extract(ctx context.Context, params map[string]any, action *event.Action) error {
	x, err := newExtraction(ctx, params)
	if err != nil {
		return fail(action, err.Error())
	}
	content, err := r.session.ContentScrolled(ctx, x.screens)
	if errors.Is(err, browser.ErrPageCrashed) {
		return fail(action, err.Error())
	}
	if err != nil {
		return fmt.Errorf("extract: %w", err)
	}
	chunks, unread := chunked(content)
	x.notes = unreadable(content, unread)
	for i, chunk := range chunks {
		if err := r.read(ctx, x, part{chunk, i + 1, len(chunks)}); err != nil {
			if x.found != "" {
				x.notes = append(x.notes, fmt.Sprintf("only %d of %d parts of the page were read", i, len(chunks)))
				x.keep(action)
			}
			return r.unread(ctx, err, action)
		}
	}
	if x.found == "" && x.schema != nil {
		return fail(action, x.told("the page does not tell what the query asks for"))
	}
	x.keep(action)
	r.noticeAnswer(ctx, x.found)
	return nil
}

// unread says why a page could not be read to its end: to the model, or to who runs the agent where it cannot go on.
func (r *run) unread(ctx context.Context, err error, action *event.Action) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var spent overBudget
	if errors.As(err, &spent) {
		return err
	}
	if wrong := unusable(err); wrong != nil {
		err = wrong
	}
	return fail(action, "the page could not be read: "+err.Error())
}

// read asks about one part of a page, of the cheaper model where the task names one. An answer that cannot be used is
// shown to it once.
func (r *run) read(ctx context.Context, x *extraction, p part) error {
	request := model.Request{
		Model: r.extractModel(), System: x.system(), Schema: x.wire(),
		Messages: []model.Message{{Role: model.User, Text: x.ask(p, r.talk.nonce)}},
		Check:    func(answer string) error { return x.take(ctx, answer, p) },
	}
	resp, err := r.ask(ctx, request)
	if wrong := unusable(err); wrong != nil {
		request.Messages = append(request.Messages, correction(resp.Text, wrong)...)
		resp, err = r.ask(ctx, request)
	}
	if err == nil && x.schema == nil { // free text is not checked by the client
		err = x.take(ctx, resp.Text, p)
	}
	return err
}

// extractModel is the task's own model for reading pages, as long as its provider is the one in use.
func (r *run) extractModel() string {
	if r.using > 0 {
		return ""
	}
	return r.task.ExtractModel
}

// chunked cuts a page's text at line ends. unread is how many characters are left over.
func chunked(text string) (chunks []string, unread int) {
	for len(chunks) < extractMost {
		runes := []rune(text)
		if len(runes) <= extractChunk {
			return append(chunks, text), 0
		}
		head := string(runes[:extractChunk])
		if cut := strings.LastIndexByte(head, '\n'); cut > len(head)/2 {
			head = head[:cut+1]
		}
		chunks, text = append(chunks, head), text[len(head):]
	}
	return chunks, len([]rune(text))
}

// leftOut are the lines by which the browser says what of a page is not in its content.
var leftOut = regexp.MustCompile(`(?m)^--- (cut here: .*|frame .* could not be read|\d+ more frames were not read) ---$`)

// unreadable says what of the page will not be read.
func unreadable(content string, unread int) []string {
	var notes []string
	if unread > 0 {
		notes = append(notes, fmt.Sprintf("the page is longer: its last %d characters were not read", unread))
	}
	for _, line := range leftOut.FindAllStringSubmatch(content, -1) {
		notes = append(notes, line[1])
	}
	return notes
}
