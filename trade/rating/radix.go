package rating

// keyed is a call with the line that it belongs to, packed so that the order of
// keys is the order of lines.
type keyed struct {
	key   uint64
	index uint32
}

// lineKey packs direction, period and row. Periods stay below 2^31: a batch has
// fewer than 2^32 records and a span of at most 10,000 years.
func lineKey(way uint8, period, row uint32) uint64 {
	return uint64(way&1)<<63 | uint64(period)<<32 | uint64(row)
}

// sortByKey orders calls by key and, for equal keys, as they were: eight passes
// by byte from the lowest, of which those are left out where all keys agree.
// Unlike a hash table of lines it reads and writes memory in order, however
// many lines there are.
func sortByKey(calls []keyed) []keyed {
	if len(calls) < 2 {
		return calls
	}
	var counts [8][256]uint32
	for i := range calls {
		k := calls[i].key
		for b := range counts {
			counts[b][byte(k>>(8*b))]++
		}
	}
	spare := make([]keyed, len(calls))
	for b := range counts {
		count := &counts[b]
		if count[byte(calls[0].key>>(8*b))] == uint32(len(calls)) {
			continue
		}
		next := uint32(0)
		for d, n := range count {
			count[d], next = next, next+n
		}
		for i := range calls {
			d := byte(calls[i].key >> (8 * b))
			spare[count[d]] = calls[i]
			count[d]++
		}
		calls, spare = spare, calls
	}
	return calls
}
