package browser

import (
	"maps"
	"slices"
	"testing"

	"github.com/errand-run/errand/shared/action"
)

func TestTheBrowserHasAFunctionForEachActionOfTheTableAndNoOther(t *testing.T) {
	t.Parallel()
	var wanted []string
	for _, s := range action.Table() {
		if !s.ByAgent {
			wanted = append(wanted, s.Name)
		}
	}
	slices.Sort(wanted)
	if had := slices.Sorted(maps.Keys(perform)); !slices.Equal(had, wanted) {
		t.Errorf("the browser carries out %q, and the table has %q", had, wanted)
	}
}
