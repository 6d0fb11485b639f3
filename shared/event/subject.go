package event

import (
	"strconv"
	"strings"
)

// RunRequestSubject is where a run is accepted: run.req.v1.TASK.KEY. The key is the hash of the caller's
// Idempotency-Key, or made by the gateway.
func RunRequestSubject(t TaskID, key string) string { return "run.req.v1." + t.String() + "." + key }

// TaskRequestSubject is where a task is accepted: task.req.v1.KEY.
func TaskRequestSubject(key string) string { return "task.req.v1." + key }

// LifecycleSubject is where a lifecycle event is stored: run.v1.evt.TASK.RUN.TYPE, and for a dispatched one
// run.v1.evt.TASK.RUN.dispatched.PROVIDER, so that each provider's executors see only their jobs.
func LifecycleSubject(k Key, t Type, provider string) string {
	s := "run.v1.evt." + k.String() + "." + string(t)
	if t == Dispatched {
		s += "." + provider
	}
	return s
}

// LifecycleFilter matches the lifecycle events of a run: run.v1.evt.TASK.RUN.>. Every guard of the run uses it.
func LifecycleFilter(k Key) string { return "run.v1.evt." + k.String() + ".>" }

// StepSubject is where a step is stored: run.v1.step.TASK.RUN.N.PHASE.
func StepSubject(k Key, n int, p Phase) string {
	return "run.v1.step." + k.String() + "." + strconv.Itoa(n) + "." + string(p)
}

// StepFilter matches all steps of a run: run.v1.step.TASK.RUN.>.
func StepFilter(k Key) string { return "run.v1.step." + k.String() + ".>" }

// LogFilter matches the whole log of a run, lifecycle and steps: run.v1.*.TASK.RUN.>.
func LogFilter(k Key) string { return "run.v1.*." + k.String() + ".>" }

// CancelSubject is where a cancel is asked for: runctl.v1.cmd.TASK.RUN.cancel.
func CancelSubject(k Key) string { return "runctl.v1.cmd." + k.String() + ".cancel" }

// ScheduleSubject holds the one pending timer of a run: runctl.v1.sched.TASK.RUN.
func ScheduleSubject(k Key) string { return "runctl.v1.sched." + k.String() }

// TimerSubject is where a run's timer fires: runctl.v1.timer.TASK.RUN.
func TimerSubject(k Key) string { return "runctl.v1.timer." + k.String() }

// EraseSubject is where the erasing of a run is asked for: runctl.v1.erase.TASK.RUN. The message stays until all of the
// run is gone.
func EraseSubject(k Key) string { return "runctl.v1.erase." + k.String() }

// EraseTaskSubject is where the erasing of a task is asked for: runctl.v1.erase.TASK.
func EraseTaskSubject(t TaskID) string { return "runctl.v1.erase." + t.String() }

// ParseErase reads what EraseSubject and EraseTaskSubject make: a key without a run is a task.
func ParseErase(subject string) (k Key, ok bool) {
	rest, ok := strings.CutPrefix(subject, "runctl.v1.erase.")
	if info, isRun := ParseSubject(subject); ok && isRun {
		return info.Key, subject == EraseSubject(info.Key)
	}
	task, err := strconv.ParseInt(rest, 10, 64)
	return Key{Task: TaskID(task)}, ok && err == nil && task > 0
}

// LiveSubject is where a stored message of the log is republished: live. and its subject.
func LiveSubject(subject string) string { return "live." + subject }

// JobFilter matches the jobs of a provider: run.v1.evt.*.*.dispatched.PROVIDER.
func JobFilter(provider string) string { return "run.v1.evt.*.*.dispatched." + provider }

// TerminalFilters match the terminal events of all runs: run.v1.evt.*.*.TYPE.
func TerminalFilters() []string {
	var f []string
	for _, t := range TerminalTypes() {
		f = append(f, "run.v1.evt.*.*."+string(t))
	}
	return f
}

// SubjectInfo is what a subject of the log tells.
type SubjectInfo struct {
	Key   Key
	Type  Type  // of a lifecycle event, else empty
	Step  int   // of a step, else 0
	Phase Phase // of a step, else empty
}

// ParseSubject reads a subject under run.v1., runctl.v1. or run.req.v1. (there only the task); ok is false for
// any other.
func ParseSubject(subject string) (info SubjectInfo, ok bool) {
	p := strings.Split(strings.TrimPrefix(subject, "live."), ".")
	if len(p) < 5 {
		return info, false
	}
	if p[0] == "run" && p[1] == "req" {
		task, err := strconv.ParseInt(p[3], 10, 64)
		return SubjectInfo{Key: Key{Task: TaskID(task)}}, err == nil && task > 0
	}
	task, err1 := strconv.ParseInt(p[3], 10, 64)
	run, err2 := strconv.ParseInt(p[4], 10, 64)
	if err1 != nil || err2 != nil || task < 1 || run < 1 {
		return info, false
	}
	info.Key = Key{TaskID(task), RunID(run)}
	switch {
	case p[0] == "run" && p[2] == "evt" && len(p) >= 6:
		info.Type = Type(p[5])
	case p[0] == "run" && p[2] == "step" && len(p) == 7:
		n, err := strconv.Atoi(p[5])
		info.Step, info.Phase = n, Phase(p[6])
		return info, err == nil
	case p[0] != "runctl":
		return info, false
	}
	return info, true
}
