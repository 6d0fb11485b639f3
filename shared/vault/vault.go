// Package vault seals what must not be stored in clear text: AES-256-GCM under a master key that is never stored
// with what it seals. Each record names the key it was sealed with, so that keys can be changed one after the other,
// and is bound to its identity, so that it opens in no other place than its own.
package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// keySize is that of a master key, in bytes.
const keySize = 32

// ErrNoKey says that a record was sealed with a key that is not among ours.
var ErrNoKey = errors.New("its master key is not in ERRAND_MASTER_KEY")

// Keys are the master keys. The first one seals, all of them open. The zero value has none and can do neither.
// Its methods may be called concurrently.
type Keys struct{ keys []key }

// key is what is derived from a master key: the master key itself is not kept.
type key struct {
	id     string
	seal   cipher.AEAD
	digest []byte
}

// Parse reads the value of ERRAND_MASTER_KEY: base64 of 32 bytes, or several of them separated by commas, of which the
// first is the newest. An empty value is no keys.
func Parse(value string) (Keys, error) {
	var k Keys
	for entry := range strings.SplitSeq(value, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		master, err := base64.StdEncoding.DecodeString(entry)
		if err != nil || len(master) != keySize {
			return Keys{}, fmt.Errorf("ERRAND_MASTER_KEY: key %d is not %d bytes in base64; openssl rand -base64 %d makes one", len(k.keys)+1, keySize, keySize)
		}
		derived, err := derive(master)
		if err != nil {
			return Keys{}, fmt.Errorf("ERRAND_MASTER_KEY: %w", err)
		}
		k.keys = append(k.keys, derived)
	}
	return k, nil
}

// NewKey makes a master key as Parse reads it.
func NewKey() string {
	master := make([]byte, keySize)
	_, _ = rand.Read(master) // never fails
	return base64.StdEncoding.EncodeToString(master)
}

func derive(master []byte) (key, error) {
	purpose := func(name string, size int) ([]byte, error) {
		return hkdf.Key(sha256.New, master, nil, "errand/"+name, size)
	}
	id, err1 := purpose("id", 6)
	sealing, err2 := purpose("seal", keySize)
	digest, err3 := purpose("digest", keySize)
	if err := errors.Join(err1, err2, err3); err != nil {
		return key{}, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return key{}, fmt.Errorf("derive key: %w", err)
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	return key{hex.EncodeToString(id), gcm, digest}, err
}

// Usable reports whether there is a key.
func (k Keys) Usable() bool { return len(k.keys) > 0 }

// sealed is a record as it is stored.
type sealed struct {
	Key string `json:"key"` // id of the master key
	Box []byte `json:"box"` // nonce and ciphertext
}

// Seal encrypts plain for the record with this identity. ErrNoKey: there is no key.
func (k Keys) Seal(plain, identity []byte) ([]byte, error) {
	if !k.Usable() {
		return nil, fmt.Errorf("seal: %w", ErrNoKey)
	}
	first := k.keys[0]
	return json.Marshal(sealed{first.id, first.seal.Seal(nil, nil, plain, identity)})
}

// Open decrypts what Seal made for the same identity. ErrNoKey: none of our keys sealed it. Any other error: it was
// changed, or belongs to another identity.
func (k Keys) Open(record, identity []byte) ([]byte, error) {
	var s sealed
	if err := json.Unmarshal(record, &s); err != nil {
		return nil, fmt.Errorf("open sealed record: %w", err)
	}
	for _, key := range k.keys {
		if key.id == s.Key {
			plain, err := key.seal.Open(nil, nil, s.Box, identity)
			if err != nil {
				return nil, errors.New("open sealed record: it was changed, or belongs elsewhere")
			}
			return plain, nil
		}
	}
	return nil, fmt.Errorf("open sealed record: %w", ErrNoKey)
}

// Digests are keyed hashes of data, hex, one for each key, the first key's first. Without a key nobody can confirm a
// guess of the data with them.
func (k Keys) Digests(data []byte) []string {
	var all []string
	for _, key := range k.keys {
		mac := hmac.New(sha256.New, key.digest)
		mac.Write(data)
		all = append(all, hex.EncodeToString(mac.Sum(nil)))
	}
	return all
}
