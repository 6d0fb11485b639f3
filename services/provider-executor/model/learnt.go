package model

import (
	"maps"
	"sync"
	"time"
)

// How long and how much is remembered of models.
const (
	// relearn is how long what was learnt counts before one question asks again as if nothing were known: one bad hour of
	// a provider must not cost its strict mode for good, and one refused or wasted answer an hour costs next to nothing.
	relearn = time.Hour
	// maxLearnt bounds the memory: model names come from users. Forgetting one costs a refused call.
	maxLearnt = 1000
)

// learnt remembers each model's fit. It is shared by all runs of the process.
type learnt struct {
	mu      sync.Mutex
	lessons map[string]lesson
}

// lesson is a fit and when it was learnt, or last put to the test.
type lesson struct {
	fit
	at time.Time
}

// of says what is known of a model, of which first is told beforehand, and how to ask it r. The two differ for one
// question each time that what is known has grown old, in what the question can find out; all others go on as before
// until it has an answer.
func (l *learnt) of(r Request, first fit) (known, ask fit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last, ok := l.lessons[r.Model]
	if !ok {
		return first, first
	}
	ask = last.fit
	if r.Unusable == 0 && time.Since(last.at) >= relearn {
		ask = first.where(r, last.fit)
	}
	if ask != last.fit {
		l.lessons[r.Model] = lesson{last.fit, time.Now()}
	}
	return last.fit, ask
}

// where is f in what r can find out, and known in all else.
func (f fit) where(r Request, known fit) fit {
	if len(r.Schema.JSON) == 0 {
		f.rung = known.rung
	}
	if !hasImage(r.Messages) {
		f.blind = known.blind
	}
	if r.System == "" {
		f.noSystem = known.noSystem
	}
	return f
}

// keep notes that f works for a model, of which known was known when the question began. What another question has
// learnt meanwhile stays.
func (l *learnt) keep(model string, known, f fit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last, ok := l.lessons[model]; known == f || ok && last.fit != known {
		return
	}
	if l.lessons == nil {
		l.lessons = map[string]lesson{}
	}
	l.lessons[model] = lesson{f, time.Now()}
	if len(l.lessons) > maxLearnt {
		for other := range maps.Keys(l.lessons) {
			delete(l.lessons, other)
			break
		}
	}
}
