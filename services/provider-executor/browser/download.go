package browser

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
	"github.com/errand-run/errand/shared/event"
)

// downloadPatience is how long an action waits for the downloads that it has started. A larger one goes on, and is
// told of when it has arrived.
const downloadPatience = 10 * time.Second

// download is a file on its way from the network. It is guarded by its session's lock once it has one.
type download struct {
	guid, frame string
	name        string // as the server or the page suggests it
	bytes       int64
	state       string // inProgress, completed, canceled
	refused     string // why we have canceled it
	awaited     bool   // by the action that began it
}

// downloadEvent is what the browser tells of a download: at its beginning, and of its progress.
type downloadEvent struct {
	GUID      string  `json:"guid"`
	FrameID   string  `json:"frameId"`
	Suggested string  `json:"suggestedFilename"`
	Total     float64 `json:"totalBytes"`
	Received  float64 `json:"receivedBytes"`
	State     string  `json:"state"`
	FilePath  string  `json:"filePath"`
}

// downloads finds the session of each download. It is used by the browser's event loop alone.
type downloads map[string]*download // by guid

// handle takes an event. A download is its session's from the moment that its frame tells which that is, or where it
// lies on the disk: a frame in a page's own process is known to nobody here.
func (all downloads) handle(b *instance, e cdp.Event) {
	var p downloadEvent
	if e.Decode(&p) != nil {
		return
	}
	d := all[p.GUID]
	if d == nil {
		d = &download{guid: p.GUID, frame: p.FrameID, name: p.Suggested, state: "inProgress"}
		all[p.GUID] = d
	}
	if s := b.fetcher(d, p.FilePath); s != nil {
		s.progress(d, p)
	}
	if p.State == "completed" || p.State == "canceled" {
		delete(all, p.GUID)
	}
}

// fetcher finds the session of a download.
func (b *instance) fetcher(d *download, path string) *Session {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.sessions {
		if s.folder != nil && (s.shows(d.frame) || s.folder.holds(d.guid) || filepath.Dir(path) == s.folder.down()) {
			return s
		}
	}
	return nil
}

// shows reports whether the frame is one of the session's tabs or of the cross-site frames in them.
func (s *Session) shows(frame string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frames[frame]
}

// progress notes how far a download is, and cancels what is too large or too much.
func (s *Session) progress(d *download, p downloadEvent) {
	s.change(func() {
		if !slices.Contains(s.downloads, d) {
			s.downloads = append(s.downloads, d)
			s.downloaded++
		}
		d.bytes = int64(p.Received)
		if p.State != "" {
			d.state = p.State
		}
		switch {
		case d.refused != "" || d.state != "inProgress":
			return
		case max(p.Total, p.Received) > event.MaxFileSize:
			d.refused = fmt.Sprintf("it is larger than %d MiB", event.MaxFileSize>>20)
		case s.downloaded > event.MaxFiles:
			d.refused = fmt.Sprintf("a run may download %d files", event.MaxFiles)
		default:
			return
		}
		s.browser.conn.Root.Start("Browser.cancelDownload", map[string]any{
			"guid": d.guid, "browserContextId": s.contextID,
		}).Forget()
	})
}

// allowDownloads has what the context downloads put into the session's folder; without one it downloads nothing.
func (s *Session) allowDownloads(ctx context.Context) error {
	params := map[string]any{"behavior": "deny", "browserContextId": s.contextID}
	if s.folder != nil {
		params = map[string]any{
			"behavior": "allowAndName", "browserContextId": s.contextID, "downloadPath": s.folder.down(),
		}
	}
	params["eventsEnabled"] = true // of all contexts: one that says no speaks for the others too
	return s.browser.conn.Root.Call(ctx, "Browser.setDownloadBehavior", params, nil)
}

// awaitDownloads gives the downloads that the action has begun a while.
func (s *Session) awaitDownloads(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, downloadPatience)
	defer cancel()
	_ = s.await(ctx, func() bool {
		return !slices.ContainsFunc(s.downloads, func(d *download) bool { return d.state == "inProgress" && !d.awaited })
	})
	s.change(func() {
		for _, d := range s.downloads {
			d.awaited = true
		}
	})
}

// collect stores the downloads that have arrived and tells what became of each, a sentence for each. It is called by
// whoever has the turn.
func (s *Session) collect(ctx context.Context) string {
	var over []*download
	s.change(func() {
		under := func(d *download) bool { return d.state == "inProgress" }
		for _, d := range s.downloads {
			if !under(d) {
				over = append(over, d)
			}
		}
		s.downloads = slices.DeleteFunc(s.downloads, func(d *download) bool { return !under(d) })
	})
	var told []string
	for _, d := range over {
		told = append(told, s.keep(ctx, d))
	}
	return strings.Join(told, " ")
}

// keep stores one download.
func (s *Session) keep(ctx context.Context, d *download) string {
	suggested := event.FileName(d.name)
	switch {
	case d.refused != "":
		return fmt.Sprintf("The download of %q was stopped: %s.", suggested, d.refused)
	case d.state != "completed":
		return fmt.Sprintf("The download of %q broke off.", suggested)
	}
	file, err := s.folder.arrived(d.guid)
	if err == nil {
		defer file.Close()
		defer s.folder.discard(d.guid)
		var name string
		if name, err = s.options.Files.Keep(ctx, suggested, file); err == nil {
			return fmt.Sprintf("Downloaded %q (%d bytes). It is a file of this task now: upload_file takes it by that name.", name, d.bytes)
		}
	}
	s.browser.log.Warn("keep a download", "name", suggested, "error", err)
	return fmt.Sprintf("The download of %q arrived and could not be stored.", suggested)
}

// tellDownloads adds to the next observation what has become of downloads since the last action.
func (s *Session) tellDownloads(ctx context.Context) {
	told := s.collect(ctx)
	s.change(func() {
		if told != "" {
			s.notices = append(s.notices, told)
		}
		for _, d := range s.downloads {
			if d.state == "inProgress" {
				s.notices = append(s.notices, fmt.Sprintf("the download of %q is under way (%d bytes so far)", event.FileName(d.name), d.bytes))
			}
		}
	})
}

// navigatedToDownload waits for the beginning of a download that came in place of a page.
func (d *doing) navigatedToDownload(ctx context.Context, address string) Outcome {
	if d.folder == nil {
		return failed(address + " is a download, not a page, and this browser stores none")
	}
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	if d.await(ctx, func() bool { return len(d.downloads) > 0 }) != nil {
		return failed(address + " is a download, and it did not begin")
	}
	return Outcome{Success: new(true), Content: address + " is a download; the page has not changed."}
}
