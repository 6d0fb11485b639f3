package browser

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/errand-run/errand/services/provider-executor/secret"
)

// key is one key of a keyboard, as the browser wants it described.
type key struct {
	key, code, text string
	vk              int // Windows virtual key code, which pages still read
}

var named = map[string]key{
	"Enter":      {"Enter", "Enter", "\r", 13},
	"Tab":        {"Tab", "Tab", "", 9},
	"Escape":     {"Escape", "Escape", "", 27},
	"Backspace":  {"Backspace", "Backspace", "", 8},
	"Delete":     {"Delete", "Delete", "", 46},
	"Space":      {" ", "Space", " ", 32},
	"ArrowUp":    {"ArrowUp", "ArrowUp", "", 38},
	"ArrowDown":  {"ArrowDown", "ArrowDown", "", 40},
	"ArrowLeft":  {"ArrowLeft", "ArrowLeft", "", 37},
	"ArrowRight": {"ArrowRight", "ArrowRight", "", 39},
	"Home":       {"Home", "Home", "", 36},
	"End":        {"End", "End", "", 35},
	"PageUp":     {"PageUp", "PageUp", "", 33},
	"PageDown":   {"PageDown", "PageDown", "", 34},
	"Insert":     {"Insert", "Insert", "", 45},
	"Shift":      {"Shift", "ShiftLeft", "", 16},
	"F1":         {"F1", "F1", "", 112},
	"F2":         {"F2", "F2", "", 113},
	"F3":         {"F3", "F3", "", 114},
	"F4":         {"F4", "F4", "", 115},
	"F5":         {"F5", "F5", "", 116},
	"F6":         {"F6", "F6", "", 117},
	"F7":         {"F7", "F7", "", 118},
	"F8":         {"F8", "F8", "", 119},
	"F9":         {"F9", "F9", "", 120},
	"F10":        {"F10", "F10", "", 121},
	"F11":        {"F11", "F11", "", 122},
	"F12":        {"F12", "F12", "", 123},
}

var otherNames = map[string]string{"Esc": "Escape", "Return": "Enter", "Up": "ArrowUp", "Down": "ArrowDown", "Left": "ArrowLeft", "Right": "ArrowRight", "Del": "Delete"}

var modifiers = map[string]int{
	"Alt": 1, "Control": 2, "Ctrl": 2, "Meta": 4, "Command": 4, "Cmd": 4, "Shift": 8, "ControlOrMeta": 2,
}

const shortcut = 1 | 2 | 4 // with one of these held a key writes nothing

// keyOf describes the key that writes a character; its code is known for plain ones.
func keyOf(r rune) key {
	k := key{key: string(r), text: string(r)}
	switch {
	case r == '\n':
		return named["Enter"]
	case r == '\t':
		return named["Tab"]
	case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
		k.vk = int(unicode.ToUpper(r))
		k.code = "Key" + string(unicode.ToUpper(r))
	case r >= '0' && r <= '9':
		k.vk, k.code = int(r), "Digit"+string(r)
	case r == ' ':
		return named["Space"]
	}
	return k
}

// stroke presses and releases one key with modifiers held.
func (d *doing) stroke(ctx context.Context, k key, held int) error {
	if err := d.gate(); err != nil {
		return err
	}
	down, up := strokeOf(k, held|d.down.bits())
	pressed := d.tab.target.Start("Input.dispatchKeyEvent", down)
	released := d.tab.target.Start("Input.dispatchKeyEvent", up)
	if err := pressed.Wait(ctx, nil); err != nil {
		released.Forget()
		return err
	}
	return released.Wait(ctx, nil)
}

// strokeOf describes the two events of a stroke.
func strokeOf(k key, held int) (down, up map[string]any) {
	down = map[string]any{
		"type": "keyDown", "key": k.key, "code": k.code, "windowsVirtualKeyCode": k.vk, "modifiers": held,
	}
	if k.text != "" && held&shortcut == 0 {
		down["text"] = k.text
	} else {
		down["type"] = "rawKeyDown"
	}
	up = maps.Clone(down)
	up["type"] = "keyUp"
	delete(up, "text")
	return down, up
}

// chord reads "Control+a" or "Enter"; ok is false for plain text.
func chord(text string) (k key, held int, ok bool) {
	parts := strings.Split(text, "+")
	last := parts[len(parts)-1]
	for _, p := range parts[:len(parts)-1] {
		m, known := modifiers[p]
		if !known {
			return key{}, 0, false
		}
		held |= m
	}
	if other, known := otherNames[last]; known {
		last = other
	}
	if k, ok = named[last]; ok {
		return k, held, true
	}
	if runes := []rune(last); held != 0 && len(runes) == 1 {
		return keyOf(runes[0]), held, true
	}
	return key{}, 0, false
}

// isKey reports whether a word names a key, a chord, or a key that is to be held or released.
func isKey(word string) bool {
	_, _, chorded := chord(word)
	_, _, held := heldWord(word)
	return chorded || held
}

func (d *doing) sendKeys(ctx context.Context) (Outcome, error) {
	if d.action.Keys == "" {
		return failed(`send_keys needs keys, as "Enter", "Control+a" or a text`), nil
	}
	before := d.place()
	send := d.strokes
	if secret.In(d.action.Keys) {
		send = d.sendSecret
	}
	d.expectOfKeys(ctx)
	if err := send(ctx); err != nil {
		return Outcome{}, err
	}
	d.settlePatiently(ctx)
	out := Outcome{Content: fmt.Sprintf("Sent the keys %q.", clip(d.action.Keys, 100))}
	if len(d.down) > 0 {
		out.Content += fmt.Sprintf(" %s stays down until %s:up.", d.down, d.down[len(d.down)-1].key)
	}
	if d.place() != before {
		out.Success = new(true)
	}
	return out, nil
}

// strokes presses what keys names: keys and chords apart by spaces, or else a text. What is literal is inserted as it is:
// no value of a parameter becomes a key, whatever it is called.
func (d *doing) strokes(ctx context.Context) error {
	if d.action.Literal {
		return d.give(ctx, "Input.insertText", map[string]any{"text": d.action.Keys})
	}
	words := strings.Fields(d.action.Keys)
	if len(words) == 0 || slices.ContainsFunc(words, func(w string) bool { return !isKey(w) }) {
		return d.typeText(ctx, d.action.Keys)
	}
	for _, w := range words {
		if err := d.keyWord(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

// keyWord presses a key or a chord, or changes whether a key is down.
func (d *doing) keyWord(ctx context.Context, word string) error {
	if k, down, ok := heldWord(word); ok {
		return d.keep(ctx, k, down)
	}
	k, held, _ := chord(word)
	return d.stroke(ctx, k, held)
}
