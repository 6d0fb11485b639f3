//go:build race

package standalone

// buildFlags makes the binaries under test as the test itself was made, so that they share its build cache.
var buildFlags = []string{"-race"}
