package executor

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/errand-run/errand/services/provider-executor/secret"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
)

// codeNoFiles is the error of a run that its executor's browser cannot give files to.
const codeNoFiles = "files_unavailable"

// files are a run's files in the object store: those it was given and those it has downloaded. They are the
// browser's Files.
type files struct {
	bus     *bus.Bus
	secrets *secret.Set

	mu    sync.Mutex
	all   []event.RunFile
	fresh []event.RunFile // downloaded since the last step's end
}

// add takes in files of which the log tells.
func (f *files) add(more []event.RunFile) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, more...)
}

// list gives all files of the run.
func (f *files) list() []event.RunFile {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]event.RunFile(nil), f.all...)
}

// take gives the files that were downloaded since it was last called.
func (f *files) take() []event.RunFile {
	f.mu.Lock()
	defer f.mu.Unlock()
	fresh := f.fresh
	f.fresh = nil
	return fresh
}

// Names lists the files by their names, of which no two are the same.
func (f *files) Names() []string {
	var names []string
	for _, file := range f.list() {
		names = append(names, file.Name)
	}
	return names
}

// Open gives the content of a file.
func (f *files) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	for _, file := range f.list() {
		if file.Name == name {
			_, content, err := f.bus.OpenFile(ctx, file.ID)
			return content, err
		}
	}
	return nil, fmt.Errorf("open file %q: %w", name, bus.ErrNotFound)
}

// Keep stores a download. It is the run's from then on, and on the log with the step that it was downloaded in.
func (f *files) Keep(ctx context.Context, suggested string, content io.Reader) (string, error) {
	name := event.UniqueName(event.FileName(f.secrets.Mask(suggested)), f.list())
	stored, err := f.bus.PutFile(ctx, name, content)
	if err != nil {
		return "", fmt.Errorf("store download: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	file := stored.Of(event.SourceDownload)
	f.all, f.fresh = append(f.all, file), append(f.fresh, file)
	return file.Name, nil
}
