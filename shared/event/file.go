package event

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of files.
const (
	MaxFileSize = 32 << 20 // bytes, of one
	MaxFiles    = 20       // that a run is given, and again as many that it downloads, and that it writes
)

// maxFileName is what every file system takes, in bytes, with room for a number beside a name that is taken.
const maxFileName = 200

// FileID is the identifier of a file: a UUID that nobody can guess.
type FileID string

// File is a stored file as callers see it.
type File struct {
	ID          FileID    `json:"id"`
	Name        string    `json:"name" doc:"the name it was given, without anything that could be a path or a trick"`
	Size        int64     `json:"size" doc:"bytes"`
	ContentType string    `json:"content_type" doc:"detected from its first bytes, not as its sender says"`
	SHA256      string    `json:"sha256" doc:"of its content, hex"`
	CreatedAt   time.Time `json:"created_at"`
}

// FileSource tells how a run came to a file.
type FileSource string

// A run is given files, downloads others, and writes some itself.
const (
	SourceUpload   FileSource = "upload"
	SourceDownload FileSource = "download"
	SourceWritten  FileSource = "written"
)

// RunFile is a file of a run.
type RunFile struct {
	ID          FileID     `json:"id" doc:"GET /api/files/{id} returns its content"`
	Name        string     `json:"name"`
	Size        int64      `json:"size" doc:"bytes"`
	ContentType string     `json:"content_type"`
	Source      FileSource `json:"source" enum:"upload,download,written" doc:"given to the run, downloaded by it, or written by its agent"`
}

// Of is the file as one of a run.
func (f File) Of(source FileSource) RunFile {
	return RunFile{ID: f.ID, Name: f.Name, Size: f.Size, ContentType: f.ContentType, Source: source}
}

// FileName makes of a name that somebody else chose one that is safe to store a file under and to show: no path, no
// control or formatting characters, nothing that a shell or another system takes for its own, at most 200 bytes of
// which the extension stays. It is never empty.
func FileName(given string) string {
	given = given[strings.LastIndexAny(given, `/\`)+1:]
	name := strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, !unicode.IsPrint(r):
			return -1
		case strings.ContainsRune(`<>:"|?*`, r):
			return '_'
		}
		return r
	}, given)
	name = strings.TrimLeft(strings.Trim(name, " ."), "-~ .")
	if name == "" {
		return "file"
	}
	if len(name) <= maxFileName {
		return name
	}
	ext := path.Ext(name)
	if len(ext) > 20 {
		ext = ""
	}
	return strings.ToValidUTF8(name[:maxFileName-len(ext)], "") + ext
}

// UniqueName is the name, or one like it that none of the files has: "cv (2).pdf".
func UniqueName(name string, files []RunFile) string {
	ext := path.Ext(name)
	taken := func(n string) bool { return slices.ContainsFunc(files, func(f RunFile) bool { return f.Name == n }) }
	unique := name
	for i := 2; taken(unique); i++ {
		unique = fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(name, ext), i, ext)
	}
	return unique
}

// WithFiles is files with more. No two files of a run have the same name: a newer one is another version of the older,
// whose place it takes.
func WithFiles(files, more []RunFile) []RunFile {
	all := slices.Clone(files)
	for _, f := range more {
		if i := slices.IndexFunc(all, func(old RunFile) bool { return old.Name == f.Name }); i >= 0 {
			all[i] = f
		} else {
			all = append(all, f)
		}
	}
	return all
}
