package bus_test

import (
	"errors"
	"testing"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/natstest"
)

func TestWhatASecretsReferenceNamesNeverChanges(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	if _, err := b.Secret(t.Context(), "a"); !errors.Is(err, bus.ErrNotFound) {
		t.Errorf("%v before it is stored", err)
	}
	for _, sealed := range []string{"first", "second"} {
		if err := b.PutSecret(t.Context(), "a", []byte(sealed)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := b.Secret(t.Context(), "a"); err != nil || string(got) != "first" {
		t.Errorf("%q, %v", got, err)
	}
}
