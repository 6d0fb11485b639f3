package event_test

import (
	"testing"

	"github.com/errand-run/errand/shared/event"
)

func TestAnEndpointIsSchemeHostPortAndPath(t *testing.T) {
	t.Parallel()
	same := [][]string{
		{"https://hooks.test", "https://hooks.test/", "HTTPS://HOOKS.test:443/?a=1", "https://u:p@hooks.test/#top"},
		{"http://hooks.test/", "http://hooks.test:80"},
		{"https://hooks.test:8443/"},
		{"https://hooks.test/x", "https://hooks.test/x?run=2"},
		{"https://hooks.test/X"},
		{"http://[2001:db8::1]/", "http://[2001:DB8::1]:80/"},
	}
	seen := map[event.EndpointID]int{}
	for i, urls := range same {
		for _, url := range urls {
			a, ok := event.AddressOf(url)
			if was, known := seen[a.ID()]; !ok || known && was != i {
				t.Errorf("%s: %+v, ok %t, the same as %v", url, a, ok, same[was])
			}
			seen[a.ID()] = i
		}
	}
	if len(seen) != len(same) {
		t.Errorf("%d endpoints, want %d", len(seen), len(same))
	}
	for _, url := range []string{"", "hooks.test/x", "ftp://hooks.test/", "https:///x", "https://hooks.test:x/", "https://hooks.test:99999999999999999999/"} {
		if a, ok := event.AddressOf(url); ok {
			t.Errorf("%q is %+v", url, a)
		}
	}
}
