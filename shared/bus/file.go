package bus

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
)

// fileTimeout bounds moving one file, whose other end may be slow: 32 MiB at 280 kB/s.
const fileTimeout = 2 * time.Minute

// ErrTooLarge says that a file has more than event.MaxFileSize bytes. Nothing of it was stored.
var ErrTooLarge = errors.New("the file is too large")

// ErrBrokenOff says that a file's content ended with an error. Nothing of it was stored.
var ErrBrokenOff = errors.New("the content breaks off")

// Headers of an object's metadata.
const (
	fileName    = "name"
	fileType    = "content-type"
	fileCreated = "created-at"
)

// sniffed is how many first bytes tell what a file is.
const sniffed = 512

// PutFile stores a file under a new id while it reads it. name is made safe and the content type is taken from the
// content. Errors: ErrTooLarge, ErrBrokenOff around content's own, ErrUnavailable.
func (b *Bus) PutFile(ctx context.Context, name string, content io.Reader) (event.File, error) {
	ctx, cancel := context.WithTimeout(ctx, fileTimeout)
	defer cancel()
	os, err := b.objects(ctx, storeFiles)
	if err != nil {
		return event.File{}, err
	}
	sent := &upload{from: bufio.NewReaderSize(content, sniffed)}
	head, err := sent.from.Peek(sniffed)
	if err != nil && err != io.EOF {
		return event.File{}, fmt.Errorf("%w: %w", ErrBrokenOff, err)
	}
	f := event.File{
		ID: event.FileID(uuid.NewString()), Name: event.FileName(name),
		ContentType: http.DetectContentType(head), CreatedAt: b.Now(ctx),
	}
	info, err := os.Put(ctx, jetstream.ObjectMeta{Name: string(f.ID), Metadata: map[string]string{
		fileName: f.Name, fileType: f.ContentType, fileCreated: f.CreatedAt.Format(time.RFC3339Nano),
	}}, sent)
	if sent.err != nil {
		return event.File{}, sent.err
	}
	if err != nil {
		return event.File{}, readErr("put file", err)
	}
	return measured(f, info)
}

// File tells of a stored file. ErrNotFound: there is none of that id.
func (b *Bus) File(ctx context.Context, id event.FileID) (event.File, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	os, err := b.fileStore(ctx, id)
	if err != nil {
		return event.File{}, err
	}
	info, err := os.GetInfo(ctx, string(id))
	if err != nil {
		return event.File{}, readErr("read file "+string(id), err)
	}
	return describe(info)
}

// OpenFile gives a stored file and its content, which the caller closes, within two minutes. ErrNotFound: there is
// none of that id. A content that was damaged ends with an error instead of io.EOF.
func (b *Bus) OpenFile(ctx context.Context, id event.FileID) (event.File, io.ReadCloser, error) {
	ctx, cancel := context.WithTimeout(ctx, fileTimeout)
	os, err := b.fileStore(ctx, id)
	if err != nil {
		cancel()
		return event.File{}, nil, err
	}
	content, err := os.Get(ctx, string(id))
	if err != nil {
		cancel()
		return event.File{}, nil, readErr("open file "+string(id), err)
	}
	opened := &openFile{content, cancel}
	info, err := content.Info()
	if err != nil {
		_ = opened.Close()
		return event.File{}, nil, readErr("open file "+string(id), err)
	}
	f, err := describe(info)
	return f, opened, err
}

// RemoveFile erases a file, its name included. ErrNotFound: the id has not the form that we give.
func (b *Bus) RemoveFile(ctx context.Context, id event.FileID) error {
	if _, err := b.fileStore(ctx, id); err != nil {
		return err
	}
	return b.eraseObject(ctx, storeFiles, string(id))
}

// fileStore is the store, for an id in the only form that we give.
func (b *Bus) fileStore(ctx context.Context, id event.FileID) (jetstream.ObjectStore, error) {
	if parsed, err := uuid.Parse(string(id)); err != nil || parsed.String() != string(id) {
		return nil, fmt.Errorf("read file: %w", ErrNotFound)
	}
	return b.objects(ctx, storeFiles)
}

func describe(info *jetstream.ObjectInfo) (event.File, error) {
	f := event.File{ID: event.FileID(info.Name), Name: info.Metadata[fileName], ContentType: info.Metadata[fileType]}
	var err error
	if f.CreatedAt, err = time.Parse(time.RFC3339Nano, info.Metadata[fileCreated]); err != nil {
		return f, fmt.Errorf("read the time of file %s: %w", f.ID, err)
	}
	return measured(f, info)
}

func measured(f event.File, info *jetstream.ObjectInfo) (event.File, error) {
	sum, err := jetstream.DecodeObjectDigest(info.Digest)
	if err != nil {
		return f, fmt.Errorf("read the digest of file %s: %w", f.ID, err)
	}
	f.Size, f.SHA256 = int64(info.Size), hex.EncodeToString(sum)
	return f, nil
}

// openFile ends the reading of a file when it is closed.
type openFile struct {
	jetstream.ObjectResult
	cancel context.CancelFunc
}

func (f *openFile) Close() error {
	defer f.cancel()
	return f.ObjectResult.Close()
}

// upload reads a content in whole chunks (the store makes a message of each read), and no further than a file may
// be large.
type upload struct {
	from *bufio.Reader
	read int64
	err  error // why from gave no more, nil at its end
}

func (u *upload) Read(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var more int
		more, err = u.from.Read(p[n:])
		n += more
	}
	if u.read += int64(n); u.read > event.MaxFileSize {
		err = ErrTooLarge
	}
	if err != nil && err != io.EOF && err != ErrTooLarge {
		err = fmt.Errorf("%w: %w", ErrBrokenOff, err)
	}
	if err != io.EOF {
		u.err = err
	}
	return n, err
}
