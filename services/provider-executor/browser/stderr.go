package browser

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// tail keeps the last of what Chromium wrote to stderr, for the error of a launch.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const (
	tailSize = 4096
	maxSaid  = 3 // lines of an error
)

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - tailSize; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

// logPrefix stands before each line of Chromium's log: process, thread, time, level, source.
var logPrefix = regexp.MustCompile(`^\[[^\]]*:(INFO|WARNING|ERROR|FATAL):([^\]]*)\] *`)

// said is the last that Chromium wrote of its own accord, as the end of an error. Helpers complain when it has ended,
// and a machine without a desktop is always complained of.
func (t *tail) said() string {
	t.mu.Lock()
	text := strings.ToValidUTF8(string(t.text), "")
	t.mu.Unlock()
	var lines []string
	for line := range strings.Lines(text) {
		source := ""
		if m := logPrefix.FindStringSubmatch(line); m != nil {
			source, line = m[2], line[len(m[0]):]
		}
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(source, "dbus/") || strings.HasPrefix(source, "content/zygote/") || slices.Contains(lines, line) {
			continue
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return ""
	}
	return "; it said: " + strings.Join(lines[max(0, len(lines)-maxSaid):], " ")
}
