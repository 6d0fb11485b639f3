package notifier

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/errand-run/errand/shared/event"
)

// Secret is a symmetric key of Standard Webhooks.
type Secret struct{ key []byte }

// ParseSecret reads the usual form of a key: whsec_ and the base64 of 24 to 64 bytes. The error does not repeat it.
func ParseSecret(s string) (Secret, error) {
	encoded, ok := strings.CutPrefix(s, "whsec_")
	if !ok {
		return Secret{}, errors.New("the secret does not begin with whsec_")
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return Secret{}, errors.New("what follows whsec_ is not base64")
	}
	if len(key) < 24 || len(key) > 64 {
		return Secret{}, fmt.Errorf("the secret has %d bytes, not 24 to 64", len(key))
	}
	return Secret{key}, nil
}

// signatures is the header webhook-signature: a signature by each secret, of which a receiver needs to know one.
func signatures(secrets []Secret, id event.DeliveryID, at time.Time, body []byte) string {
	all := make([]string, len(secrets))
	for i, s := range secrets {
		mac := hmac.New(sha256.New, s.key)
		fmt.Fprintf(mac, "%s.%d.", id, at.Unix())
		mac.Write(body)
		all[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(all, " ")
}
