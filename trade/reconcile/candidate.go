package reconcile

// Candidate is a successful call as [Match] sees it.
type Candidate = item

// NewCandidate makes one. Only calls of one flow, which stands for direction and
// destination, can be matched; origin 0 is a withheld one and equal to any. start
// and duration are in ms. index is the caller's own name for the call.
func NewCandidate(flow, origin uint64, start int64, duration, index uint32) Candidate {
	return item{flow: flow, origin: origin, start: start, duration: duration, index: index}
}

// Match pairs the calls of two sides by the rule of this package and hands each
// pair, by index, to found. The tolerance between starts is in ms. It reorders
// its arguments.
func Match(ours, theirs []Candidate, tolerance int64, found func(ours, theirs uint32)) {
	match(ours, theirs, tolerance, found)
}
