package browser

// osProcess is one process of a Chromium.
type osProcess struct {
	pid      int
	resident int64 // bytes in memory, those that it shares with others included
	private  int64 // of them its own
	kind     processKind
}

type processKind int

const (
	worker processKind = iota // shows pages, or serves those that do
	zygote                    // workers are its copies
	main                      // Chromium's own
)

// zygotes are the pids of the zygotes among the processes of a Chromium.
func zygotes(all []osProcess) (pids []int) {
	for _, p := range all {
		if p.kind == zygote {
			pids = append(pids, p.pid)
		}
	}
	return pids
}

// tooLarge is the process to end, if one that shows pages has more than limit bytes, or if all of a browser that is one
// session's own have more than twice as many.
func tooLarge(all []osProcess, limit int64, own bool) (osProcess, bool) {
	var sum int64
	var largest osProcess
	for _, p := range all {
		sum += p.private
		if p.kind == worker && p.resident > largest.resident {
			largest = p
		}
	}
	return largest, largest.resident > limit || own && sum > 2*limit && largest.pid != 0
}
