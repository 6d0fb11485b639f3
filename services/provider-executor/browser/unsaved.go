package browser

import "encoding/json"

// unsaved is what became of leaving a page that asks whether to: what was typed there is not saved. Such a page is left
// only by an action that is repeated after it was told so. Guarded by the session's lock.
type unsaved struct {
	acting  string // the action at work
	refused string // the last that would have left such a page
	stayed  bool   // the action at work was kept from leaving
}

const stayed = "the page asks whether to leave it, since what was typed there is not saved and would be lost: save it first, or do exactly this once more to leave all the same"

// mayLeave is asked when a page asks. A replay leaves pages as its recording did.
func (u *unsaved) mayLeave(replaying bool) bool {
	if replaying || u.acting != "" && u.acting == u.refused {
		u.refused = ""
		return true
	}
	u.stayed, u.refused = u.acting != "", u.acting
	return false
}

// begin notes the action that is about to be carried out.
func (u *unsaved) begin(a Action) {
	key, _ := json.Marshal(a) // plain values
	u.acting, u.stayed = string(key), false
}

// end reports whether the action was kept from leaving its page.
func (u *unsaved) end() bool {
	kept := u.stayed
	u.acting, u.stayed = "", false
	return kept
}

// keepsPage is asked under the session's lock: the page has asked to be stayed on, and the action leads nowhere.
func (s *Session) keepsPage() bool { return s.unsaved.stayed }

// endStay makes an action that was kept from leaving its page one that failed.
func (d *doing) endStay(out *Outcome) {
	var kept bool
	d.change(func() { kept = d.unsaved.end() })
	if kept {
		*out = failed(stayed)
	}
}
