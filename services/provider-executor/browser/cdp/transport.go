package cdp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/coder/websocket"
)

const (
	maxMessage   = 64 << 20         // a larger message is not a page any more
	writeTimeout = 10 * time.Second // a browser that reads nothing for so long is hung
)

// transport carries whole messages. A failed write leaves it unusable.
type transport interface {
	read() ([]byte, error)
	write(message []byte) error
	close() error
}

// Pipe speaks over the two files that stand for descriptors 4 and 3 of a Chromium
// started with --remote-debugging-pipe. The connection owns both files.
func Pipe(r, w *os.File) *Conn {
	return newConn(&pipe{r: r, w: w, in: bufio.NewReaderSize(r, 64<<10)})
}

type pipe struct {
	r, w *os.File
	in   *bufio.Reader
	buf  bytes.Buffer
}

func (p *pipe) read() ([]byte, error) {
	p.buf.Reset()
	for {
		part, err := p.in.ReadSlice(0)
		p.buf.Write(part)
		if err == nil {
			return bytes.Clone(p.buf.Bytes()[:p.buf.Len()-1]), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		if p.buf.Len() > maxMessage {
			return nil, fmt.Errorf("message over %d bytes", maxMessage)
		}
	}
}

func (p *pipe) write(message []byte) error {
	if err := p.w.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := p.w.Write(append(message, 0))
	return err
}

func (p *pipe) close() error { return errors.Join(p.w.Close(), p.r.Close()) }

// Dial connects to a remote browser: a ws:// or wss:// debugger address, or the
// http:// or https:// address of one, which is asked for it.
func Dial(ctx context.Context, address string) (*Conn, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("parse address: %w", err)
	}
	if u.Scheme == "http" || u.Scheme == "https" {
		if address, err = debuggerURL(ctx, u); err != nil {
			return nil, fmt.Errorf("ask for the debugger's address: %w", err)
		}
	}
	c, _, err := websocket.Dial(ctx, address, nil) //nolint:bodyclose // the library closes it
	if err != nil {
		return nil, err
	}
	c.SetReadLimit(maxMessage)
	return newConn(socket{c}), nil
}

func debuggerURL(ctx context.Context, u *url.URL) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.JoinPath("json", "version").String(), nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var version struct {
		URL string `json:"webSocketDebuggerUrl"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&version); err != nil {
		return "", err
	}
	if version.URL == "" {
		return "", errors.New("no webSocketDebuggerUrl in the answer")
	}
	return version.URL, nil
}

type socket struct{ c *websocket.Conn }

func (s socket) read() ([]byte, error) {
	_, message, err := s.c.Read(context.Background())
	return message, err
}

func (s socket) write(message []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	return s.c.Write(ctx, websocket.MessageText, message)
}

func (s socket) close() error { return s.c.CloseNow() }
