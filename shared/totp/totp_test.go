package totp

import (
	"encoding/base32"
	"strings"
	"testing"
	"time"
)

// The vectors are those of RFC 6238, appendix B; its secrets are the digits repeated to the size of the hash.
func TestTheCodesAreThoseOfTheRFC(t *testing.T) {
	secret := func(size int) string {
		return base32.StdEncoding.EncodeToString([]byte(strings.Repeat("1234567890", 7)[:size]))
	}
	for _, c := range []struct {
		algorithm string
		size      int
		at        int64
		want      string
	}{
		{"SHA1", 20, 59, "94287082"}, {"SHA256", 32, 59, "46119246"}, {"SHA512", 64, 59, "90693936"},
		{"SHA1", 20, 1111111109, "07081804"}, {"SHA256", 32, 1111111111, "67062674"}, {"SHA512", 64, 1234567890, "93441116"},
		{"SHA1", 20, 20000000000, "65353130"}, {"SHA256", 32, 20000000000, "77737706"}, {"SHA512", 64, 20000000000, "47863826"},
	} {
		k, err := Parse("otpauth://totp/Shop:ada?digits=8&algorithm=" + c.algorithm + "&secret=" + secret(c.size))
		if err != nil {
			t.Fatal(err)
		}
		if got := k.Code(time.Unix(c.at, 0)); got != c.want {
			t.Errorf("%s at %d: %s, want %s", c.algorithm, c.at, got, c.want)
		}
	}
}

func TestASecretIsReadAsPeopleWriteIt(t *testing.T) {
	var codes []string
	for _, value := range []string{"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "gezd gnbv gy3t qojq gezd gnbv gy3t qojq", "GEZDGNBV-GY3TQOJQ-GEZDGNBV-GY3TQOJQ="} {
		k, err := Parse(value)
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, k.Code(time.Unix(59, 0)))
	}
	if codes[0] != "287082" || codes[1] != codes[0] || codes[2] != codes[0] {
		t.Errorf("%v, want 287082 three times", codes)
	}
}

func TestWhatIsNoSecretIsRefusedWithoutBeingShown(t *testing.T) {
	for _, value := range []string{"", "canary-1!", "otpauth://hotp/canary?secret=GEZDGNBV", "otpauth://totp/x?secret=canary1", "otpauth://totp/x?secret=GEZDGNBV&digits=4", "otpauth://totp/x?secret=GEZDGNBV&algorithm=MD5", "otpauth://totp/x?secret=GEZDGNBV&period=0"} {
		if _, err := Parse(value); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", value, err)
		}
	}
}
