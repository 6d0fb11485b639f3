package secret

import (
	"context"
	"fmt"
	"log/slog"
)

// Handler masks what is logged: messages, and the values of attributes.
func (s *Set) Handler(next slog.Handler) slog.Handler { return handler{s, next} }

type handler struct {
	set  *Set
	next slog.Handler
}

func (h handler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if h.set.Empty() {
		return h.next.Handle(ctx, r)
	}
	masked := slog.NewRecord(r.Time, r.Level, h.set.Mask(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		masked.AddAttrs(h.masked(a))
		return true
	})
	return h.next.Handle(ctx, masked)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	masked := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		masked[i] = h.masked(a)
	}
	return handler{h.set, h.next.WithAttrs(masked)}
}

func (h handler) WithGroup(name string) slog.Handler { return handler{h.set, h.next.WithGroup(name)} }

// masked replaces a value that shows a secret by its masked text.
func (h handler) masked(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		var group []slog.Attr
		for _, inner := range v.Group() {
			group = append(group, h.masked(inner))
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(group...)}
	}
	text := v.String()
	if v.Kind() == slog.KindAny {
		text = fmt.Sprintf("%+v", v.Any())
	}
	if masked := h.set.Mask(text); masked != text {
		return slog.String(a.Key, masked)
	}
	return a
}
