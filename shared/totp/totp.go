// Package totp gives one-time passwords that change with time (RFC 6238).
package totp

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Key makes the codes of one account.
type Key struct {
	secret []byte
	hash   func() hash.Hash
	digits int
	period int64 // seconds
}

// Parse reads what a site gives when an authenticator app is set up: the secret in base32, in which case and with or
// without spaces and padding, or the otpauth://totp/ address that stands in its QR code. Its errors do not show it.
func Parse(value string) (Key, error) {
	k := Key{hash: sha1.New, digits: 6, period: 30}
	secret := value
	if strings.HasPrefix(strings.ToLower(value), "otpauth:") {
		u, err := url.Parse(value)
		if err != nil || u.Host != "totp" {
			return k, errors.New("it is not an otpauth://totp/ address")
		}
		secret = u.Query().Get("secret")
		if err := k.read(u.Query()); err != nil {
			return k, err
		}
	}
	secret = strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "=", "").Replace(secret))
	var err error
	if k.secret, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret); err != nil || len(k.secret) == 0 {
		return k, errors.New("it is not base32: give the key of the authenticator app, or its otpauth:// address")
	}
	return k, nil
}

// read takes the parameters of an otpauth address that differ from what is usual.
func (k *Key) read(q url.Values) error {
	known := map[string]func() hash.Hash{"": sha1.New, "SHA1": sha1.New, "SHA256": sha256.New, "SHA512": sha512.New}
	var ok bool
	if k.hash, ok = known[strings.ToUpper(q.Get("algorithm"))]; !ok {
		return errors.New("its algorithm is not SHA1, SHA256 or SHA512")
	}
	if v := q.Get("digits"); v != "" {
		if k.digits, _ = strconv.Atoi(v); k.digits < 6 || k.digits > 8 {
			return errors.New("its digits are not 6, 7 or 8")
		}
	}
	if v := q.Get("period"); v != "" {
		if k.period, _ = strconv.ParseInt(v, 10, 32); k.period < 1 {
			return errors.New("its period is not a number of seconds")
		}
	}
	return nil
}

// Code is the password that is valid at t.
func (k Key) Code(t time.Time) string {
	mac := hmac.New(k.hash, k.secret)
	_ = binary.Write(mac, binary.BigEndian, t.Unix()/k.period) // a hash takes everything
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0xf
	number := uint64(binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff)
	modulus := uint64(1)
	for range k.digits {
		modulus *= 10
	}
	return fmt.Sprintf("%0*d", k.digits, number%modulus)
}
