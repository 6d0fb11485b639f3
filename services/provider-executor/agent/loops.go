package agent

import (
	"encoding/json"
	"fmt"
)

// Loop detection. A step is repeated where the same actions were decided on a page that looks the same.
const (
	loopWindow = 20 // steps that are looked back
	loopNudge  = 3  // repetitions after which the model is told, and again at each further one
	loopStuck  = 6  // repetitions after which the run fails: three nudges have not helped
)

// loops remembers what was decided on which page.
type loops struct{ seen []string }

// note records a step and counts how often it stands in the window, itself included.
func (l *loops) note(d decision, fingerprint string) int {
	actions, err := json.Marshal(d.Actions)
	if err != nil {
		return 1
	}
	key := fingerprint + string(actions)
	l.seen = append(l.seen, key)
	if len(l.seen) > loopWindow {
		l.seen = l.seen[1:]
	}
	n := 0
	for _, s := range l.seen {
		if s == key {
			n++
		}
	}
	return n
}

func nudge(times int) string {
	if times < loopNudge {
		return ""
	}
	return fmt.Sprintf("You have done exactly this %d times on a page that does not change by it. It does not work: try something else, or end with done and success false. After %d times the run is stopped.\n", times, loopStuck)
}
