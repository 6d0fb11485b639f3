// Package cdp is a thin client for the Chrome DevTools Protocol: it matches
// answers to calls and sorts events by session, and knows nothing about pages.
//
// Its reader never waits for anybody. An answer goes into the slot of its call, an
// event into the bounded queue of its session, so a session that floods its queue
// loses its own network events and delays no other one.
package cdp

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/errand-run/errand/shared/panics"
)

// ErrClosed is the cause of every error after the connection has ended.
var ErrClosed = errors.New("browser connection closed")

// ErrDetached says that the target of a session has gone away.
var ErrDetached = errors.New("target detached")

// ErrTimeout says that a call had no answer within its time, while its caller's
// context was still live.
var ErrTimeout = errors.New("no answer from the browser in time")

// Error is the browser's refusal of a call.
type Error struct {
	Method  string `json:"-"`
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s (%d)", e.Method, e.Message, e.Code) }

// Conn is one connection to a browser. Its methods may be called concurrently.
type Conn struct {
	// Root is the session of the browser itself.
	Root *Session

	writing sync.Mutex
	t       transport
	done    chan struct{}

	mu       sync.Mutex
	nextID   int64
	pending  map[int64]chan<- answer
	sessions map[string]*Session
}

type answer struct {
	result json.RawMessage
	err    error
}

type message struct {
	ID        int64           `json:"id,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Method    string          `json:"method,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     *Error          `json:"error,omitempty"`
}

func newConn(t transport) *Conn {
	c := &Conn{
		t:        t,
		done:     make(chan struct{}),
		pending:  map[int64]chan<- answer{},
		sessions: map[string]*Session{},
	}
	c.Root = newSession(c, "")
	c.sessions[""] = c.Root
	go func() {
		defer close(c.done)
		if err := panics.Catch(c.readAll); err != nil {
			c.fail(fmt.Errorf("%w: %w", ErrClosed, err))
		}
	}()
	return c
}

// Close ends the connection; every call in flight fails with ErrClosed.
// It returns when the reader has ended, and may be called more than once.
func (c *Conn) Close() {
	_ = c.t.close()
	<-c.done
}

// Done is closed when the connection has ended, for whatever reason.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Session returns the attached session of that id, or nil.
func (c *Conn) Session(id string) *Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sessions[id]
}

// Held counts the attached sessions and the calls that nobody has waited for or forgotten yet.
func (c *Conn) Held() (sessions, calls int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sessions), len(c.pending)
}

func (c *Conn) readAll() {
	for {
		data, err := c.t.read()
		if err != nil {
			c.fail(fmt.Errorf("%w: %w", ErrClosed, err))
			return
		}
		var m message
		if err := json.Unmarshal(data, &m); err != nil {
			continue // not ours to repair, and the call it may have answered has its deadline
		}
		if m.ID != 0 {
			c.settle(m)
			continue
		}
		c.route(m)
	}
}

func (c *Conn) fail(err error) {
	_ = c.t.close()
	c.mu.Lock()
	sessions := c.sessions
	c.sessions = map[string]*Session{}
	c.mu.Unlock()
	for _, s := range sessions {
		s.Fail(err)
	}
}

func (c *Conn) settle(m message) {
	c.mu.Lock()
	waiting := c.pending[m.ID]
	delete(c.pending, m.ID)
	c.mu.Unlock()
	if waiting == nil {
		return
	}
	a := answer{result: m.Result}
	if m.Error != nil {
		a.err = m.Error
	}
	waiting <- a // has room for the one answer a call gets
}

// route queues an event. Sessions are made and ended here, in the order of the
// wire, so that an event which follows an attachment at once finds its queue.
func (c *Conn) route(m message) {
	var child struct {
		SessionID string `json:"sessionId"`
	}
	switch m.Method {
	case "Target.attachedToTarget":
		if json.Unmarshal(m.Params, &child) == nil {
			c.mu.Lock()
			c.sessions[child.SessionID] = newSession(c, child.SessionID)
			c.mu.Unlock()
		}
	case "Target.detachedFromTarget":
		if json.Unmarshal(m.Params, &child) == nil {
			c.drop(child.SessionID)
		}
	}
	if s := c.Session(m.SessionID); s != nil {
		s.push(Event{Method: m.Method, Params: m.Params})
	}
}

func (c *Conn) drop(id string) {
	c.mu.Lock()
	s := c.sessions[id]
	delete(c.sessions, id)
	c.mu.Unlock()
	if s != nil {
		s.Fail(ErrDetached)
	}
}

func (c *Conn) enter() (int64, <-chan answer) {
	slot := make(chan answer, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nextID++
	c.pending[c.nextID] = slot
	return c.nextID, slot
}

func (c *Conn) leave(id int64) {
	c.mu.Lock()
	delete(c.pending, id)
	c.mu.Unlock()
}

func (c *Conn) send(m message) error {
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode %s: %w", m.Method, err)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.t.write(data); err != nil {
		_ = c.t.close() // half a message may be out: nothing can follow it
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return nil
}
