package vault

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

func keys(t *testing.T, value string) Keys {
	t.Helper()
	k, err := Parse(value)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestWhatIsSealedOpensForItsIdentityOnly(t *testing.T) {
	k := keys(t, NewKey())
	plain, here := []byte("correct horse"), []byte("secret/1")
	record, err := k.Seal(plain, here)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(record, plain) || strings.Contains(string(record), base64.StdEncoding.EncodeToString(plain)) {
		t.Errorf("the record shows what it holds: %s", record)
	}
	if got, err := k.Open(record, here); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("opened to %q, %v", got, err)
	}
	if got, err := k.Open(record, []byte("secret/2")); err == nil {
		t.Errorf("opened elsewhere to %q", got)
	}
	twin, err := k.Seal(plain, here)
	if err != nil || bytes.Equal(twin, record) {
		t.Errorf("sealed twice, the same comes out (%v): whoever reads both knows that they are the same", err)
	}
}

func TestARecordThatWasChangedDoesNotOpen(t *testing.T) {
	k := keys(t, NewKey())
	record, err := k.Seal([]byte("correct horse"), nil)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(record, []byte(`"box":"`)) + 20
	if record[at]++; record[at] == '[' || record[at] == '{' {
		record[at] = 'A'
	}
	if got, err := k.Open(record, nil); err == nil {
		t.Errorf("opened to %q", got)
	}
	if _, err := k.Open([]byte("nonsense"), nil); err == nil {
		t.Error("nonsense opened")
	}
}

func TestAfterAChangeOfKeysTheOldOnesStillOpenAndTheNewOneSeals(t *testing.T) {
	first, second := NewKey(), NewKey()
	old, err := keys(t, first).Seal([]byte("old"), nil)
	if err != nil {
		t.Fatal(err)
	}
	both := keys(t, second+" , "+first)
	if got, err := both.Open(old, nil); err != nil || string(got) != "old" {
		t.Errorf("%q, %v", got, err)
	}
	fresh, err := both.Seal([]byte("fresh"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := keys(t, second).Open(fresh, nil); err != nil || string(got) != "fresh" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := keys(t, first).Open(fresh, nil); !errors.Is(err, ErrNoKey) {
		t.Errorf("%v, want ErrNoKey", err)
	}
}

func TestWithoutAKeyNothingIsSealed(t *testing.T) {
	k := keys(t, " ")
	if k.Usable() {
		t.Error("usable")
	}
	if record, err := k.Seal([]byte("x"), nil); !errors.Is(err, ErrNoKey) {
		t.Errorf("sealed %s, %v", record, err)
	}
}

func TestADigestNeedsTheKeyAndKnowsTheOldOnes(t *testing.T) {
	first, second := NewKey(), NewKey()
	now, before := keys(t, second+","+first).Digests([]byte("body")), keys(t, first).Digests([]byte("body"))
	if len(now) != 2 || now[1] != before[0] || now[0] == before[0] {
		t.Errorf("digests %v, before %v", now, before)
	}
	if other := keys(t, first).Digests([]byte("bodi")); other[0] == before[0] {
		t.Error("another body has the same digest")
	}
}

func TestAKeyThatIsNoneIsRefusedWithoutBeingShown(t *testing.T) {
	for _, bad := range []string{"hunter2hunter2", base64.StdEncoding.EncodeToString([]byte("too short")), NewKey() + ",hunter2"} {
		_, err := Parse(bad)
		if err == nil || !strings.Contains(err.Error(), "ERRAND_MASTER_KEY") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v; want the variable named and the value not shown", err)
		}
	}
}
