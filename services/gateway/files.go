package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/gofiber/fiber/v2"
)

// filesPath is where files are uploaded. It and the path of one file are handlers of the router's own: an operation
// would hold a whole file in memory.
const filesPath = "/api/files"

// transferTime is how long one request may take to send its files: 32 MiB at 280 kB/s.
const transferTime = 2 * time.Minute

// shown are the content types that an answer names: those that no browser runs as a page. Others are sent as bytes.
var shown = []string{"application/pdf", "image/gif", "image/jpeg", "image/png", "image/webp", "text/plain; charset=utf-8"}

// fileOperations are the entries of both handlers in the API document.
func fileOperations(h huma.API) {
	binary := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	answer := h.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Stored](), true, "")
	h.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "upload-files", Method: http.MethodPost, Path: filesPath, Tags: []string{"files"}, Summary: "Upload files",
		Description: "Stores the files of a multipart request, at most 20 of 32 MiB each, all or none.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{fiber.MIMEMultipartForm: {Schema: &huma.Schema{
			Type: huma.TypeObject, Properties: map[string]*huma.Schema{"file": binary}, Required: []string{"file"},
		}}}},
		Responses: map[string]*huma.Response{"201": {
			Description: "The file", Content: map[string]*huma.MediaType{fiber.MIMEApplicationJSON: {Schema: answer}},
		}},
	})
	h.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "download-file", Method: http.MethodGet, Path: filesPath + "/{file_id}", Tags: []string{"files"}, Summary: "Download a file",
		Parameters: []*huma.Param{{Name: "file_id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"}}},
		Responses: map[string]*huma.Response{"200": {
			Description: "The content", Content: map[string]*huma.MediaType{fiber.MIMEOctetStream: {Schema: binary}},
		}},
	})
}

// Stored is the answer to an upload: its file, and all of them where it had several.
type Stored struct {
	event.File
	Files []event.File `json:"files" nullable:"false" doc:"all files of the request, in its order"`
}

// upload stores the files of a multipart request: all, or none.
func (a *api) upload(c *fiber.Ctx) error {
	ctx := c.UserContext()
	if err := c.Context().Conn().SetReadDeadline(time.Now().Add(transferTime)); err != nil {
		return fmt.Errorf("extend the read deadline: %w", err)
	}
	media, params, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil || media != fiber.MIMEMultipartForm || params["boundary"] == "" {
		return huma.Error415UnsupportedMediaType("expected Content-Type: multipart/form-data with a boundary")
	}
	files, err := a.storeParts(ctx, multipart.NewReader(bodyStream(c), params["boundary"]))
	if err != nil {
		for _, f := range files {
			if err := a.bus.RemoveFile(ctx, f.ID); err != nil {
				a.log.Warn("remove a file of a refused upload", "error", err)
			}
		}
		return err
	}
	c.Set(fiber.HeaderLocation, filesPath+"/"+string(files[0].ID))
	return c.Status(http.StatusCreated).JSON(Stored{files[0], files})
}

// storeParts stores each part. With an error it gives the files that were stored before it.
func (a *api) storeParts(ctx context.Context, parts *multipart.Reader) (files []event.File, err error) {
	for {
		part, err := parts.NextPart()
		switch {
		case err == io.EOF && len(files) > 0:
			return files, nil
		case err == io.EOF:
			return nil, unfit("body", "expected a file")
		case err != nil:
			return files, unfit("body", "malformed multipart body: "+err.Error())
		case part.FileName() == "":
			return files, unfit("body."+part.FormName(), "expected a file: the part has no filename")
		case len(files) == event.MaxFiles:
			return files, unfit("body", fmt.Sprintf("expected at most %d files", event.MaxFiles))
		}
		f, err := a.storePart(ctx, part)
		if err != nil {
			return files, err
		}
		files = append(files, f)
	}
}

func (a *api) storePart(ctx context.Context, part *multipart.Part) (event.File, error) {
	f, err := a.bus.PutFile(ctx, part.FileName(), part)
	switch {
	case errors.Is(err, bus.ErrTooLarge):
		return f, huma.NewError(http.StatusRequestEntityTooLarge,
			fmt.Sprintf("the file %q is larger than %d bytes", event.FileName(part.FileName()), event.MaxFileSize))
	case errors.Is(err, bus.ErrBrokenOff):
		return f, unfit("body", "the body could not be read to its end")
	case err != nil:
		return f, problem(err, "the file")
	}
	return f, nil
}

func unfit(location, message string) error {
	return huma.Error422UnprocessableEntity("validation failed", &huma.ErrorDetail{Location: location, Message: message})
}

// download answers with a file's content, in a way that no browser takes for a page of ours.
func (a *api) download(c *fiber.Ctx) error {
	id := event.FileID(c.Params("file_id"))
	f, content, err := a.bus.OpenFile(c.UserContext(), id)
	if err != nil {
		return problem(err, fmt.Sprintf("file %q", id))
	}
	contentType := fiber.MIMEOctetStream
	if slices.Contains(shown, f.ContentType) {
		contentType = f.ContentType
	}
	c.Set(fiber.HeaderContentType, contentType)
	c.Set(fiber.HeaderContentDisposition, mime.FormatMediaType("attachment", map[string]string{"filename": f.Name}))
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderContentSecurityPolicy, "sandbox; default-src 'none'")
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	c.Context().SetBodyStream(unhurried{content, c.Context().Conn()}, int(f.Size))
	return nil
}

type fileInput struct {
	FileID event.FileID `path:"file_id"`
}

// deleteFile erases a file, whoever uses it.
func (a *api) deleteFile(ctx context.Context, in *fileInput) (*struct{}, error) {
	what := fmt.Sprintf("file %q", in.FileID)
	if _, err := a.bus.File(ctx, in.FileID); err != nil {
		return nil, problem(err, what)
	}
	if err := a.bus.RemoveFile(ctx, in.FileID); err != nil {
		return nil, problem(err, what)
	}
	return nil, nil
}

// unhurried is a content that may take longer to send than other answers: each part of it has the time of a whole one.
type unhurried struct {
	io.ReadCloser
	conn net.Conn
}

func (u unhurried) Read(p []byte) (int, error) {
	if err := u.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, fmt.Errorf("extend the write deadline: %w", err)
	}
	return u.ReadCloser.Read(p)
}

// attach gives a task the files that were named, in place of its own; nil leaves those.
func (a *api) attach(ctx context.Context, t *event.Task, ids []event.FileID) error {
	if ids == nil {
		return nil
	}
	files := []event.RunFile{}
	var errs []error
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			continue
		}
		f, err := a.bus.File(ctx, id)
		switch {
		case errors.Is(err, bus.ErrNotFound):
			errs = append(errs, &huma.ErrorDetail{
				Location: fmt.Sprintf("body.files[%d]", i), Message: fmt.Sprintf("there is no file %q: POST /api/files gives ids", id),
			})
		case err != nil:
			return problem(err, "the files")
		}
		f.Name = event.UniqueName(f.Name, files)
		files = append(files, f.Of(event.SourceUpload))
	}
	if len(errs) > 0 {
		return huma.Error422UnprocessableEntity("validation failed", errs...)
	}
	t.Files = files
	return nil
}

func fileIDs(files []event.RunFile) []event.FileID {
	ids := []event.FileID{}
	for _, f := range files {
		ids = append(ids, f.ID)
	}
	return ids
}
