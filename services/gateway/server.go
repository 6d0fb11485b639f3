package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/gofiber/fiber/v2/middleware/cors"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Limits of a connection.
const (
	readTimeout  = 30 * time.Second // a whole request, so that a slow sender holds a connection no longer
	writeTimeout = 30 * time.Second // an answer, from its first byte on: waiting for a run is not writing
	idleTimeout  = 2 * time.Minute
	headerBytes  = 8 << 10 // all headers of a request
)

// newServer makes the HTTP server: what concerns every request, then the probes, then the operations.
func newServer(a *api, registry *prometheus.Registry, c Config) (*fiber.App, error) {
	app := fiber.New(fiber.Config{
		ErrorHandler: writeProblem, DisableStartupMessage: true, CaseSensitive: true,
		Immutable:         true,                                                         // strings outlive the request
		StreamRequestBody: true, DisablePreParseMultipartForm: true, BodyLimit: maxBody, // the body is read by readBody
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, ReadBufferSize: headerBytes,
	})
	own := sameSite(append(c.Hosts, hostname(c.Addr)), c.Origins)
	app.Use(a.observe, singleHeaders)
	if len(c.Origins) > 0 {
		app.Use(crossOrigin(c.Origins))
	}
	app.Post(filesPath, drained, own, a.upload)
	app.Use(readBody)
	app.Get("/healthz", func(c *fiber.Ctx) error { return c.SendString("ok\n") })
	app.Get("/readyz", a.ready)
	app.Get("/metrics", own, adaptor.HTTPHandler(promhttp.HandlerFor(registry, promhttp.HandlerOpts{})))
	app.Use(own, checkBody)
	app.Get(filesPath+"/:file_id", a.download)
	app.Get(eventsPath, a.events)
	if err := a.registerPages(app); err != nil {
		return nil, err
	}
	return app, a.register(app)
}

// ready answers whether runs can be accepted, and if not, why.
func (a *api) ready(c *fiber.Ctx) error {
	if err := a.bus.Ready(c.UserContext()); err != nil {
		return fiber.NewError(http.StatusServiceUnavailable, err.Error())
	}
	return c.SendString("ready\n")
}

// notes are what a request's handlers tell the log line of the request, and what readBody tells the handlers.
type notes struct {
	task event.TaskID
	run  event.RunID
	body []byte // as it was sent
	id   string // of the request, as X-Request-Id has it
}

type notesKey struct{}

// noted gives the notes of the request.
func noted(ctx context.Context) *notes {
	n, ok := ctx.Value(notesKey{}).(*notes)
	if !ok {
		return &notes{}
	}
	return n
}

// observe answers what the handlers leave as an error, a panic included, and writes the request's one log line and
// its figures.
func (a *api) observe(c *fiber.Ctx) error {
	began := time.Now()
	n := &notes{id: requestID(c)}
	c.Set(fiber.HeaderXRequestID, n.id)
	c.SetUserContext(context.WithValue(context.Background(), notesKey{}, n))
	err := a.guarded(c)
	if err != nil {
		if err := writeProblem(c, err); err != nil {
			return err
		}
	}
	route := c.Route().Path // "/" where none was reached
	status, took := c.Response().StatusCode(), time.Since(began)
	a.metrics.requests.WithLabelValues(route, c.Method(), strconv.Itoa(status)).Inc()
	a.metrics.duration.WithLabelValues(route).Observe(took.Seconds())
	line := []any{"method", c.Method(), "path", c.Path(), "status", status, "duration_ms", took.Milliseconds(), "request_id", n.id}
	if n.task > 0 {
		line = append(line, "task_id", n.task)
	}
	if n.run > 0 {
		line = append(line, "run_id", n.run)
	}
	level := slog.LevelInfo
	if probe(c.Path()) && status == http.StatusOK {
		level = slog.LevelDebug
	}
	a.log.Log(c.UserContext(), level, "request", line...)
	return nil
}

// requestID is the X-Request-Id that the caller has given, if that is fit for a log, or a new one.
func requestID(c *fiber.Ctx) string {
	given := c.Get(fiber.HeaderXRequestID)
	if given == "" || len(given) > 128 || strings.ContainsFunc(given, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return uuid.NewString()
	}
	return given
}

// crossOrigin lets pages of the origins read answers and send what the API takes. Others are refused later.
func crossOrigin(origins []string) fiber.Handler {
	return cors.New(cors.Config{
		AllowOrigins: strings.Join(origins, ","), AllowMethods: "GET,POST,PUT,DELETE", MaxAge: 600,
		AllowHeaders:  "Content-Type,Idempotency-Key,Prefer,If-Match,Last-Event-ID,X-Request-Id",
		ExposeHeaders: "Location,ETag,Link,Idempotent-Replayed,Preference-Applied,Retry-After,X-Request-Id",
	})
}

// probe reports whether a path is asked by machines, every few seconds.
func probe(path string) bool { return path == "/healthz" || path == "/readyz" || path == "/metrics" }

// guarded runs the handlers that follow and turns a panic into an error.
func (a *api) guarded(c *fiber.Ctx) (err error) {
	defer func() {
		if r := recover(); r != nil {
			a.log.Error("panic", "path", c.Path(), "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			c.Response().Reset()
			err = fiber.ErrInternalServerError
		}
	}()
	return c.Next()
}
