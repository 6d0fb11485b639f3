package gateway

import (
	"maps"
	"slices"

	"github.com/errand-run/errand/shared/event"
)

// pageSize is how many runs one page of the index holds.
const pageSize = 4096

// index is the state of every run by its id, in pages, so that ids far apart cost a page each and not all between:
// anybody with access to the bus can name a run that never was. The zero value is empty.
type index struct {
	pages map[event.RunID]*[pageSize]seenRun // by id / pageSize
}

// seenRun is where a run stands. The zero value is a run that nothing has told of.
type seenRun struct {
	task  event.TaskID
	state event.State
	last  uint64 // sequence of the event that led to the state, 0: it was only requested
}

// at is the entry of a run, made where there is none.
func (x *index) at(id event.RunID) *seenRun {
	if x.pages == nil {
		x.pages = map[event.RunID]*[pageSize]seenRun{}
	}
	p := x.pages[id/pageSize]
	if p == nil {
		p = new([pageSize]seenRun)
		x.pages[id/pageSize] = p
	}
	return &p[id%pageSize]
}

// get is the entry of a run; known is false where nothing has told of it.
func (x *index) get(id event.RunID) (r seenRun, known bool) {
	p := x.pages[id/pageSize]
	if id < 1 || p == nil {
		return seenRun{}, false
	}
	r = p[id%pageSize]
	return r, r.task != 0
}

// below is the highest known id below before, 0 for none. before 0 is no bound.
func (x *index) below(before event.RunID) event.RunID {
	for _, page := range slices.Backward(slices.Sorted(maps.Keys(x.pages))) {
		top := page*pageSize + pageSize - 1
		if before > 0 {
			top = min(top, before-1)
		}
		for id := top; id >= page*pageSize; id-- {
			if _, known := x.get(id); known {
				return id
			}
		}
	}
	return 0
}
