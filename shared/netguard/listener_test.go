package netguard

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestListenersAreReadAndMistakesNamed(t *testing.T) {
	got, err := ParseListeners(" 127.0.0.1:8080,, [::1]:4222 ,:8222")
	if err != nil {
		t.Fatal(err)
	}
	want := []netip.AddrPort{at("127.0.0.1", 8080), at("::1", 4222), at("0.0.0.0", 8222)}
	if addrs, err := got.Resolve(t.Context(), nil); err != nil || !slices.Equal(addrs, want) {
		t.Errorf("%v, %v; want %v", addrs, err, want)
	}
	_, err = ParseListeners("gateway:8080,nats,host:0,host:70000")
	for _, wrong := range []string{`"nats"`, `"host:0"`, `"host:70000"`} {
		if err == nil || !strings.Contains(err.Error(), "ERRAND_PLATFORM_ADDRS: "+wrong) {
			t.Errorf("%v does not name %s", err, wrong)
		}
	}
}

func TestAListenerWithoutAnAddressHidesNoOther(t *testing.T) {
	addrs, err := Listeners{"nowhere.invalid:80", "127.0.0.1:1"}.Resolve(t.Context(), nil)
	if !slices.Equal(addrs, []netip.AddrPort{at("127.0.0.1", 1)}) || err == nil || !strings.Contains(err.Error(), "nowhere.invalid:80") {
		t.Errorf("%v, %v", addrs, err)
	}
}
