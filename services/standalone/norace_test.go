//go:build !race

package standalone

var buildFlags []string
