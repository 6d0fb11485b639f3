// Package panics keeps a panic where it happened: it becomes an error that ends one piece of work, or is raised again in
// the goroutine that waits for it, instead of ending the process with everybody's work in it.
package panics

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// Error is a panic that was recovered.
type Error struct {
	Value any
	Stack []byte // of the goroutine that panicked
}

func (e *Error) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Stack is where the panic of an error happened, empty if the error is of none.
func Stack(err error) string {
	var p *Error
	if errors.As(err, &p) {
		return string(p.Stack)
	}
	return ""
}

// Catch calls do. The error is nil, or an *Error if do panicked.
func Catch(do func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = recovered(p)
		}
	}()
	do()
	return nil
}

// recovered is the Error of a value that recover has returned. A panic that a Group has raised again stays what it was.
func recovered(p any) *Error {
	if e, ok := p.(*Error); ok {
		return e
	}
	return &Error{p, debug.Stack()}
}

// Group runs functions at the same time, as sync.WaitGroup does. The first panic among them is raised again by Wait. The
// zero value is ready.
type Group struct {
	work sync.WaitGroup
	mu   sync.Mutex
	err  error // the first panic, an *Error
}

// Go calls do in a goroutine of its own.
func (g *Group) Go(do func()) {
	g.work.Go(func() {
		if err := Catch(do); err != nil {
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.err == nil {
				g.err = err
			}
		}
	})
}

// Wait returns when all functions have, and panics with an *Error if one of them did.
func (g *Group) Wait() {
	g.work.Wait()
	if g.err != nil {
		panic(g.err)
	}
}
