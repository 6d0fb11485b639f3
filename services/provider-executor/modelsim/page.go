package modelsim

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	// control matches where a control begins: *[15]button
	control = regexp.MustCompile(`\*?\[(\d+)\]([a-z][a-z-]*)`)
	// conditions matches what may follow a control's name: ="value" {options} states
	conditions = regexp.MustCompile(`^(?:\s*="(?:[^"\\]|\\.)*"|\s*\{[^}]*\}|\s+(?:off|readonly|pressed|checked|mixed|selected|current|open|closed|covered|focused|looks selected|opens on hover|!required|!invalid(?:\s+"(?:[^"\\]|\\.)*")?))*\s*$`)
)

// Find reads the page in a model's message and gives the index of the first control with this role and name, as in
// `[15]button Checkout off`. An empty role is any role. Where no control has exactly this name, the first whose name
// begins with it counts: the text that follows a control on its line looks like a part of its name.
func Find(page, role, name string) (index int, ok bool) {
	for line := range strings.Lines(page) {
		found := control.FindAllStringSubmatchIndex(line, -1)
		for i, at := range found {
			if role != "" && line[at[4]:at[5]] != role {
				continue
			}
			end := len(line)
			if i+1 < len(found) {
				end = found[i+1][0]
			}
			after, begins := strings.CutPrefix(strings.TrimSpace(line[at[1]:end]), name)
			n, _ := strconv.Atoi(line[at[2]:at[3]])
			if begins && conditions.MatchString(after) {
				return n, true
			}
			if begins && !ok && strings.HasPrefix(after, " ") {
				index, ok = n, true
			}
		}
	}
	return index, ok
}
