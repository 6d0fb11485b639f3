package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/schema"
	"github.com/gofiber/fiber/v2"
)

const (
	maxBody     = 256 << 10 // of a request
	maxTaskBody = 1 << 20   // of a task's definition, whose cached workflow may be as large as the rest leaves
	maxDrain    = 64 << 20  // of a body that is too large and still read, so that its sender reads the answer
)

// readBody takes the whole body in, or drains one that is too large and answers 413. Nothing of a body is left on the
// connection, where it would be taken for the next request. An empty body stands for {}.
func readBody(c *fiber.Ctx) error {
	limit := bodyLimit(c)
	body, err := io.ReadAll(io.LimitReader(bodyStream(c), int64(limit)+1))
	if err != nil {
		c.Context().SetConnectionClose()
		return fiber.NewError(http.StatusBadRequest, "the body could not be read to its end")
	}
	if len(body) > limit {
		drain(c)
		return fiber.NewError(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", limit))
	}
	if len(body) == 0 && takesBody(c) {
		body = []byte("{}")
		if len(c.Request().Header.ContentType()) == 0 {
			c.Request().Header.SetContentType(fiber.MIMEApplicationJSON)
		}
	}
	noted(c.UserContext()).body = body
	c.Request().SetBodyStream(bytes.NewReader(body), len(body))
	return c.Next()
}

func bodyLimit(c *fiber.Ctx) int {
	if c.Method() == http.MethodPut || strings.TrimSuffix(c.Path(), "/") == "/api/tasks" {
		return maxTaskBody
	}
	return maxBody
}

func bodyStream(c *fiber.Ctx) io.Reader {
	if sent := c.Request().BodyStream(); sent != nil {
		return sent
	}
	return http.NoBody
}

// drain reads what is left of a body, or gives up its connection.
func drain(c *fiber.Ctx) {
	if n, err := io.Copy(io.Discard, io.LimitReader(bodyStream(c), maxDrain)); err != nil || n == maxDrain {
		c.Context().SetConnectionClose()
	}
}

// drained leaves nothing of a body on the connection that the handlers behind it read themselves.
func drained(c *fiber.Ctx) error {
	defer drain(c)
	return c.Next()
}

func takesBody(c *fiber.Ctx) bool {
	return c.Method() == http.MethodPost || c.Method() == http.MethodPut
}

// checkBody lets through what is application/json, is JSON, and whose field names are written as the document
// writes them: the decoder would take "Prompt" for "prompt", and the validation would not have seen it.
func checkBody(c *fiber.Ctx) error {
	if !takesBody(c) {
		return c.Next()
	}
	if err := plainJSON(c); err != nil {
		return err
	}
	var absurd *schema.Error
	if errors.As(schema.CheckNumbers(noted(c.UserContext()).body), &absurd) {
		return huma.Error422UnprocessableEntity("validation failed",
			&huma.ErrorDetail{Location: "body" + strings.ReplaceAll(absurd.Pointer, "/", "."), Message: absurd.Reason})
	}
	var value any
	if err := json.Unmarshal(noted(c.UserContext()).body, &value); err != nil {
		return huma.Error422UnprocessableEntity("validation failed", &huma.ErrorDetail{Location: "body", Message: "malformed JSON: " + err.Error()})
	}
	if err := unambiguous(noted(c.UserContext()).body); err != nil {
		return huma.Error422UnprocessableEntity("validation failed", &huma.ErrorDetail{Location: "body", Message: err.Error()})
	}
	fields, _ := value.(map[string]any)
	var errs []error
	for name := range fields {
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" {
			errs = append(errs, &huma.ErrorDetail{Location: "body." + name, Message: "unexpected property"})
		}
	}
	if len(errs) > 0 {
		return huma.Error422UnprocessableEntity("validation failed", errs...)
	}
	return c.Next()
}

// sameSite refuses what a page of another site makes a browser send: an Origin that is not the server's own, or a Host
// that is neither an IP address, nor a loopback name, nor one of hosts (a name that was rebound to this address).
// An origin of origins may use it too.
func sameSite(hosts, origins []string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		host := string(c.Request().Host())
		if !ownHost(host, hosts) {
			return huma.Error403Forbidden(fmt.Sprintf("the host %q is not one of this server: name it in ERRAND_HOSTS if it is", host))
		}
		if origin := c.Get(fiber.HeaderOrigin); origin != "" {
			u, err := url.Parse(origin)
			if err != nil || u.Host != host && !slices.Contains(origins, origin) {
				return huma.Error403Forbidden(fmt.Sprintf("the origin %q may not use this server: name it in ERRAND_ALLOW_ORIGINS if it may", origin))
			}
		}
		return c.Next()
	}
}

func ownHost(hostport string, hosts []string) bool {
	host := hostname(hostport)
	_, err := netip.ParseAddr(host)
	return err == nil || host == "localhost" || strings.HasSuffix(host, ".localhost") || slices.Contains(hosts, host)
}

// hostname is the host of host:port, in lower case.
func hostname(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}
