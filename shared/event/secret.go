package event

import (
	"cmp"
	"encoding/json"
	"slices"
)

// Secret is what tasks, requests and everything else on the bus know of a secret: its name and where its sealed value
// lies, never the value.
type Secret struct {
	Name           string   `json:"name"`
	Ref            string   `json:"ref"`             // key of the sealed value in the bucket secrets
	AllowedDomains []string `json:"allowed_domains"` // where it may be typed; never empty
	TOTP           bool     `json:"totp,omitempty"`  // the value makes one-time passwords, which are typed instead of it
}

// Identity is what the sealed value is bound to: all of the reference, so that it opens for no other domains than
// those that its owner named.
func (s Secret) Identity() []byte {
	identity, err := json.Marshal(s)
	if err != nil {
		panic("event: encode a secret: " + err.Error()) // strings and a bool
	}
	return identity
}

// OverrideSecrets are own with those of over in place of the ones that have the same name, sorted by name.
func OverrideSecrets(own, over []Secret) []Secret {
	byName := func(a Secret) func(Secret) bool { return func(b Secret) bool { return a.Name == b.Name } }
	merged := slices.Clone(over)
	for _, s := range own {
		if !slices.ContainsFunc(over, byName(s)) {
			merged = append(merged, s)
		}
	}
	slices.SortFunc(merged, func(a, b Secret) int { return cmp.Compare(a.Name, b.Name) })
	return merged
}
