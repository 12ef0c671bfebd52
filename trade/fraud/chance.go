package fraud

import "math/bits"

// fraction is how many bits of a logarithm are behind the point.
const fraction = 24

// log2 is the logarithm to the base 2 of a number from 1 on, in units of
// 2^-fraction, rounded down.
func log2(x uint64) int64 {
	n := bits.Len64(x) - 1
	out, m := int64(n), x<<(63-n) // m is from 1 to 2, in units of 2^-63
	for range fraction {
		// Whether the square reaches 2 is the next bit.
		high, low := bits.Mul64(m, m)
		out <<= 1
		if high>>63 == 1 {
			out, m = out|1, high
		} else {
			m = high<<1 | low>>63
		}
	}
	return out
}

// rare bounds the chance of what is raised: 2^-30 is one in a billion.
const rare = 30

// unusual reports whether k or more of n are so many that chance would bring it
// less often than one time in 2^rare, when each is one of them with a chance of
// part/whole, or when n are drawn out of whole of which part are such. It is the
// bound of Chernoff and Hoeffding: 2^-(n × divergence).
func unusual(k, n, part, whole uint64) bool {
	if k > n || k == 0 || part >= whole || mulLess(k, whole, n, part) {
		return false
	}
	if part == 0 {
		return true
	}
	// Counts are halved until products fit: that makes the divergence less.
	for n >= 1<<32 {
		k, n = k/2, (n+1)/2
	}
	d := int64(k) * (log2(k) - log2(n) + log2(whole) - log2(part))
	if rest := n - k; rest > 0 {
		d += int64(rest) * (log2(rest) - log2(n) + log2(whole) - log2(whole-part))
	}
	return d >= rare<<fraction
}

// mulLess compares a×b with c×d.
func mulLess(a, b, c, d uint64) bool {
	h1, l1 := bits.Mul64(a, b)
	h2, l2 := bits.Mul64(c, d)
	return h1 < h2 || h1 == h2 && l1 < l2
}

// share is n × part / whole, rounded up; whole is not 0, part not more.
func share(n, part, whole uint64) uint64 {
	high, low := bits.Mul64(n, part)
	q, r := bits.Div64(high%whole, low, whole)
	if r > 0 {
		q++
	}
	return q
}
