// Package web holds the pages of the gateway: templates, one style sheet and plain ES modules, embedded in the binary.
// It knows how a page looks and nothing of where its data comes from; the gateway's pages.go fetches the data and calls
// Render.
//
// What a page shows comes from websites, which may be hostile. Templates escape by context, scripts write text nodes
// only, and the headers of every page forbid everything that is not the gateway's own (Header).
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"path"
	"strings"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/workflow"
)

//go:embed static
var static embed.FS

//go:embed templates
var sources embed.FS

// Policy is the Content-Security-Policy of every page: only the gateway's own scripts, styles, pictures and API.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'"

// DocsPolicy is that of the page of the API document, whose viewer writes styles and markup of its own. It shows
// nothing that comes from a run.
const DocsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// Asset is a file that pages load. Its URL changes with its content, so a browser may keep it for good.
type Asset struct {
	Type    string // its media type
	Content []byte
	Gzip    []byte // the same, compressed
}

// Site is the pages, ready to be served. It is safe for concurrent use.
type Site struct {
	version   string // of all assets together: part of their URLs
	assets    map[string]Asset
	templates map[string]*template.Template
}

// New reads the embedded pages. An error means that the binary was built from broken sources.
func New() (*Site, error) {
	s := &Site{assets: map[string]Asset{}, templates: map[string]*template.Template{}}
	if err := s.loadAssets(); err != nil {
		return nil, err
	}
	return s, s.parse()
}

func (s *Site) loadAssets() error {
	sum := sha256.New()
	err := fs.WalkDir(static, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := static.ReadFile(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(content), content)
		packed, err := compress(content)
		s.assets[path.Base(name)] = Asset{mime.TypeByExtension(path.Ext(name)), content, packed}
		return err
	})
	s.version = hex.EncodeToString(sum.Sum(nil))[:12]
	if err != nil {
		return fmt.Errorf("read assets: %w", err)
	}
	return nil
}

func compress(content []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// parse makes one template set a page: the layout, the parts that pages share, and the page.
func (s *Site) parse() error {
	pages, err := fs.Glob(sources, "templates/page-*.html")
	if err != nil {
		return fmt.Errorf("list templates: %w", err)
	}
	for _, page := range pages {
		t, err := template.New("layout.html").Funcs(s.functions()).ParseFS(sources, "templates/layout.html", "templates/parts.html", page)
		if err != nil {
			return fmt.Errorf("parse %s: %w", page, err)
		}
		name := strings.TrimSuffix(strings.TrimPrefix(path.Base(page), "page-"), ".html")
		s.templates[name] = t
	}
	return nil
}

// functions are those that templates may call.
func (s *Site) functions() template.FuncMap {
	return template.FuncMap{
		"asset": s.URL, "rfc3339": func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }, "clock": clock,
		"duration": formatDuration, "bytes": formatBytes, "cost": formatCost, "clip": clip, "pretty": pretty, "deref": deref,
		"label":   func(v any) string { return Label(fmt.Sprint(v)) },
		"outcome": outcome, "subject": subject, "recordedSubject": func(a workflow.Action) string { return subjectOf(a.Params) },
		"bannerKind": bannerKind, "bannerTitle": bannerTitle, "bannerText": bannerText,
		"current":     func(t event.Task) *event.WorkflowVersion { return workflow.Current(t) },
		"newestFirst": newestFirst,
	}
}

// URL is the address of an asset.
func (s *Site) URL(name string) string { return "/ui/" + s.version + "/" + name }

// Asset finds an asset by the version and the name in its URL.
func (s *Site) Asset(version, name string) (Asset, bool) {
	a, ok := s.assets[name]
	return a, ok && version == s.version
}

// Page is what the layout of every page needs beside the page's own data.
type Page struct {
	Name    string // of the template: runs, run, new, tasks, task, settings, error
	Title   string
	Section string // the entry of the main navigation that is current
	Data    any
}

// Render writes a page as HTML.
func (s *Site) Render(p Page) ([]byte, error) {
	t := s.templates[p.Name]
	if t == nil {
		return nil, fmt.Errorf("render page %q: there is no such template", p.Name)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("render page %q: %w", p.Name, err)
	}
	return b.Bytes(), nil
}
