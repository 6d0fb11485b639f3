package action

import (
	"fmt"
	"strconv"
	"strings"
)

// Point is a place in pixels, from the top left corner of an element or of a screenshot.
type Point struct{ X, Y float64 }

// maxPoints bounds a path: each point costs a pointer's move and more.
const maxPoints = 100

// Points reads the parameter path of a pointer's action, "x,y x,y ...". No text gives no points. The error is a sentence.
func Points(text string) ([]Point, error) {
	var list []Point
	for _, pair := range strings.Fields(strings.NewReplacer(", ", ",", ";", " ", "(", " ", ")", " ").Replace(text)) {
		left, top, _ := strings.Cut(pair, ",")
		x, errX := strconv.ParseFloat(left, 64)
		y, errY := strconv.ParseFloat(top, 64)
		if errX != nil || errY != nil || !within(x) || !within(y) || len(list) == maxPoints {
			return nil, fmt.Errorf(`path is %q: give points in pixels as "120,80 300,80", at most %d`, text, maxPoints)
		}
		list = append(list, Point{x, y})
	}
	return list, nil
}

// within excludes NaN too.
func within(n float64) bool { return n >= -100_000 && n <= 100_000 }

// String is the point as Points reads it, in whole pixels.
func (p Point) String() string { return fmt.Sprintf("%.0f,%.0f", p.X, p.Y) }
