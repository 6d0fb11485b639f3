package bus_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

func TestAFileIsStoredAsItCame(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	for name, c := range map[string]struct {
		content []byte
		typ     string
	}{
		"page.png": {append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte{7}, 3<<20)...), "image/png"},
		"x.png":    {[]byte("<html><script>alert(1)</script>"), "text/html; charset=utf-8"},
		"none.txt": {nil, "text/plain; charset=utf-8"},
	} {
		put, err := b.PutFile(t.Context(), "../"+name, iotest.OneByteReader(bytes.NewReader(c.content)))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(c.content)
		if put.Name != name || put.ContentType != c.typ || put.Size != int64(len(c.content)) || put.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%s was stored as %+v", name, put)
		}
		got, content, err := b.OpenFile(t.Context(), put.ID)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(content)
		if err != nil || !bytes.Equal(data, c.content) || !got.CreatedAt.Equal(put.CreatedAt) {
			t.Errorf("%s came back as %+v with %d bytes, %v", name, got, len(data), err)
		}
		if err := content.Close(); err != nil {
			t.Error(err)
		}
		if told, err := b.File(t.Context(), put.ID); err != nil || told != got {
			t.Errorf("%+v, %v; want %+v", told, err, got)
		}
	}
}

// endless never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestAFileThatIsTooLargeOrBreaksOffIsNotStored(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	if _, err := b.PutFile(t.Context(), "x", endless{}); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("an endless file: %v", err)
	}
	if f, err := b.PutFile(t.Context(), "x", io.LimitReader(endless{}, event.MaxFileSize)); err != nil || f.Size != event.MaxFileSize {
		t.Errorf("a file of the largest size: %+v, %v", f, err)
	}
	for _, size := range []int{10, 1 << 20} {
		broken := io.MultiReader(strings.NewReader(strings.Repeat("x", size)), iotest.ErrReader(io.ErrUnexpectedEOF))
		if _, err := b.PutFile(t.Context(), "x", broken); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("a file that breaks off after %d bytes: %v", size, err)
		}
	}
}

func TestAFileThatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	put, err := b.PutFile(t.Context(), "x", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.RemoveFile(t.Context(), put.ID); err != nil {
		t.Fatal(err)
	}
	for _, id := range []event.FileID{put.ID, "", "../x", event.FileID("urn:uuid:" + string(put.ID)), event.FileID(strings.Repeat("x", 10_000))} {
		if _, err := b.File(t.Context(), id); !errors.Is(err, bus.ErrNotFound) {
			t.Errorf("file %.50s: %v", id, err)
		}
		if _, _, err := b.OpenFile(t.Context(), id); !errors.Is(err, bus.ErrNotFound) {
			t.Errorf("open file %.50s: %v", id, err)
		}
	}
}
