package mesh

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/fault"
)

// HeaderName is the HTTP header in which budgets and tag travel. A seller that
// does not know it ignores it, and is a leaf of the search.
const HeaderName = "Lateral-Inquiry"

// Bounds of what a header may say, whatever its sender wants.
const (
	MaxHops = 15
	MaxAsks = 9_999
	MaxTime = 60_000 // ms
)

// Header is what an inquiry may cost its receiver, and by what it is known.
type Header struct {
	Hops int   // asks in a row that may follow this one
	Asks int   // asks in all that may follow it
	Time int64 // ms until the answer must be sent
	Tag  Tag   // masked
}

// CodeBadHeader says that a header is not of the form that this version reads.
const CodeBadHeader fault.Code = "bad-inquiry-header"

// Encode gives the header's one value: "1;h=3;a=88;t=2350;i=" and 32 hex digits.
func (h Header) Encode() string {
	return fmt.Sprintf("1;h=%d;a=%d;t=%d;i=%x", h.Hops, h.Asks, h.Time, h.Tag[:])
}

// DecodeHeader reads what Encode writes, and nothing else. Whoever gets an error
// answers the inquiry as if there were no header. Code: [CodeBadHeader].
func DecodeHeader(s string) (h Header, err error) {
	bad := func() (Header, error) {
		return Header{}, fault.Newf(CodeBadHeader, "send it as version 1 has it, or leave it away", "%.80q is no inquiry header", s)
	}
	if len(s) > 80 {
		return bad()
	}
	parts := strings.Split(s, ";")
	if len(parts) != 5 || parts[0] != "1" {
		return bad()
	}
	numbers := [3]int64{}
	for i, limit := range []int64{MaxHops, MaxAsks, MaxTime} {
		digits, ok := strings.CutPrefix(parts[i+1], [3]string{"h=", "a=", "t="}[i])
		n, err := strconv.ParseInt(digits, 10, 32)
		if !ok || err != nil || n < 0 || n > limit {
			return bad()
		}
		numbers[i] = n
	}
	digits, ok := strings.CutPrefix(parts[4], "i=")
	if !ok || len(digits) != 2*len(h.Tag) {
		return bad()
	}
	if _, err := hex.Decode(h.Tag[:], []byte(digits)); err != nil {
		return bad()
	}
	h.Hops, h.Asks, h.Time = int(numbers[0]), int(numbers[1]), numbers[2]
	if h.Encode() != s {
		return bad()
	}
	return h, nil
}
