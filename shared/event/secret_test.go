package event

import (
	"bytes"
	"testing"
)

func TestASecretOfTheRunStandsInPlaceOfTheTasksOwn(t *testing.T) {
	own := []Secret{{Name: "user", Ref: "1"}, {Name: "pin", Ref: "2"}}
	got := OverrideSecrets(own, []Secret{{Name: "user", Ref: "3"}, {Name: "answer", Ref: "4"}})
	want := []Secret{{Name: "answer", Ref: "4"}, {Name: "pin", Ref: "2"}, {Name: "user", Ref: "3"}}
	for i := range want {
		if len(got) != len(want) || got[i].Name != want[i].Name || got[i].Ref != want[i].Ref {
			t.Fatalf("%+v, want %+v", got, want)
		}
	}
	if OverrideSecrets(nil, nil) != nil {
		t.Error("no secrets became some")
	}
}

func TestASealedSecretIsBoundToItsDomains(t *testing.T) {
	s := Secret{Name: "pin", Ref: "1", AllowedDomains: []string{"shop.test"}}
	other := s
	other.AllowedDomains = []string{"evil.test"}
	if bytes.Equal(s.Identity(), other.Identity()) {
		t.Error("another domain has the same identity")
	}
}
