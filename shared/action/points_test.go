package action

import (
	"reflect"
	"testing"
)

func TestPointsAreReadAsModelsWriteThem(t *testing.T) {
	for text, want := range map[string][]Point{
		"": nil, "120,80": {{120, 80}}, "120, 80": {{120, 80}}, "(1,2) (3.5,-4)": {{1, 2}, {3.5, -4}}, "1,2; 3,4": {{1, 2}, {3, 4}},
	} {
		if got, err := Points(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is read as %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"120", "a,b", "1,2,3", "NaN,1", "1e9,1", "report.pdf"} {
		if got, err := Points(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}
