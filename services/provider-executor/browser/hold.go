package browser

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// heldKeys are the keys that are down, in the order in which they were pressed.
type heldKeys []key

// modifierKeys are the keys of a keyboard that other keys and clicks mean something else with.
var modifierKeys = map[int]key{
	1: {"Alt", "AltLeft", "", 18}, 2: {"Control", "ControlLeft", "", 17}, 4: {"Meta", "MetaLeft", "", 91}, 8: {"Shift", "ShiftLeft", "", 16},
}

// bits are the modifiers among the keys, as the browser wants them in each event.
func (h heldKeys) bits() (held int) {
	for _, k := range h {
		for bit, modifier := range modifierKeys {
			if k == modifier {
				held |= bit
			}
		}
	}
	return held
}

func (h heldKeys) String() string {
	var names []string
	for _, k := range h {
		names = append(names, k.key)
	}
	return strings.Join(names, "+")
}

// hold presses the keys that a pointer's action names, such as Control+Shift. The caller must release them.
func (d *doing) hold(ctx context.Context) (release func(context.Context) error, err error) {
	var pressed []key
	release = func(ctx context.Context) error {
		var errs []error
		for _, k := range slices.Backward(pressed) {
			errs = append(errs, d.keyUp(ctx, k))
		}
		return errors.Join(errs...)
	}
	for _, name := range strings.FieldsFunc(d.action.Keys, func(r rune) bool { return r == '+' || r == ' ' }) {
		bit, known := modifiers[name]
		if !known {
			return release, errors.Join(refusal(fmt.Sprintf("keys is %q: a click can be done with Alt, Control, Meta and Shift held, as Control+Shift", d.action.Keys)), release(ctx))
		}
		if d.down.bits()&bit != 0 {
			continue
		}
		if err := d.keyDown(ctx, modifierKeys[bit]); err != nil {
			return release, errors.Join(err, release(ctx))
		}
		pressed = append(pressed, modifierKeys[bit])
	}
	return release, nil
}

// keyDown presses a key and keeps it down.
func (d *doing) keyDown(ctx context.Context, k key) error {
	d.down = append(d.down, k)
	down, _ := strokeOf(k, d.down.bits())
	return d.give(ctx, "Input.dispatchKeyEvent", down)
}

// heldWord reads "Shift:down" and "Shift:up", which hold a key and release it: a named key, a modifier or a character.
func heldWord(word string) (k key, down, ok bool) {
	name, state, _ := strings.Cut(word, ":")
	if state != "down" && state != "up" {
		return key{}, false, false
	}
	if bit, known := modifiers[name]; known {
		return modifierKeys[bit], state == "down", true
	}
	if other, known := otherNames[name]; known {
		name = other
	}
	if k, ok = named[name]; ok {
		return k, state == "down", true
	}
	if runes := []rune(name); len(runes) == 1 {
		return keyOf(runes[0]), state == "down", true
	}
	return key{}, false, false
}

// keep holds a key down, or releases it.
func (d *doing) keep(ctx context.Context, k key, down bool) error {
	if down == slices.Contains(d.down, k) {
		return nil
	}
	if down {
		return d.keyDown(ctx, k)
	}
	return d.keyUp(ctx, k)
}

// keyUp releases a key that is down.
func (d *doing) keyUp(ctx context.Context, k key) error {
	d.down = slices.DeleteFunc(d.down, func(down key) bool { return down == k })
	_, up := strokeOf(k, d.down.bits())
	return d.give(ctx, "Input.dispatchKeyEvent", up)
}

// withKeys names the keys that an action was done with.
func (d *doing) withKeys() string {
	if d.action.Keys == "" {
		return ""
	}
	return " with " + d.action.Keys
}
