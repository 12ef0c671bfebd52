package fraud

import (
	"cmp"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/usage"
)

// Bounds of a state.
const (
	maxNames = 1 << 16                // destinations, and trunks; those beyond share the last one
	maxOpen  = 1 << 20                // traces of cycles that are not over
	window   = int64(56 * 86_400_000) // ms: what is older counts half
)

// State is what is kept of a pair between cycles: what is usual, up to the two
// newest cycles. In these calls may still come: their traces are held beside it,
// and are no part of its encoding, which does not grow with the calls. A State is
// not for use by many at once.
type State struct {
	kept
	open                 []Trace // of cycles that are not learned
	destinations, trunks map[string]uint32
}

// kept is the encoding of a state.
type kept struct {
	Version      uint32     `cbor:"1,keyasint"`
	Cycle        int64      `cbor:"2,keyasint"` // ms
	Pairs        Pairs      `cbor:"3,keyasint"`
	Destinations []string   `cbor:"4,keyasint"`
	Calls        [][2]Calls `cbor:"5,keyasint"` // by destination and way
	Trunks       []string   `cbor:"6,keyasint"`
	From         uint32     `cbor:"7,keyasint"` // cycles before it are learned
	Seen         [2]uint32  `cbor:"8,keyasint"` // by way: the newest cycle that was learned
}

// version of the encoding.
const version = 1

// NewState begins without any call. cycle is the length of cycles, ms.
func NewState(cycle int64) *State {
	return &State{kept: kept{Version: version, Cycle: cycle, Trunks: []string{""}}, destinations: map[string]uint32{}, trunks: map[string]uint32{"": 0}}
}

// DecodeState reads what [State.Encode] has written. Calls that [State.Open] has
// not learned are told again, with [State.Reopen]. Code: corrupt.
func DecodeState(data []byte) (*State, error) {
	s := &State{destinations: map[string]uint32{}, trunks: map[string]uint32{}}
	if err := canon.Decode(data, &s.kept); err != nil {
		return nil, err
	}
	if s.Version != version || s.Cycle <= 0 || len(s.Calls) != len(s.Destinations) {
		return nil, fault.Newf(fault.Corrupt, "remove it: what is usual is learned anew", "what is known of usual traffic has version %d and cannot be read", s.Version)
	}
	for i, n := range s.Destinations {
		s.destinations[n] = uint32(i)
	}
	for i, n := range s.Trunks {
		s.trunks[n] = uint32(i)
	}
	return s, nil
}

// Encode gives the state in canonical CBOR.
func (s *State) Encode() []byte { return canon.Must(s.kept) }

// Length is the length of cycles, ms.
func (s *State) Length() int64 { return s.Cycle }

// Open reports whether calls that start at a moment (ms) are not learned yet.
func (s *State) Open(start int64) bool { return start/s.Cycle >= int64(s.From) }

// Reopen tells calls again that are not learned.
func (s *State) Reopen(traces []Trace) { s.open = append(s.open, traces...) }

// Destination numbers a destination's name.
func (s *State) Destination(name string) uint32 {
	n := number(s.destinations, &s.Destinations, name)
	for len(s.Calls) < len(s.Destinations) {
		s.Calls = append(s.Calls, [2]Calls{})
	}
	return n
}

// Trunk numbers a trunk's name.
func (s *State) Trunk(name string) uint32 { return number(s.trunks, &s.Trunks, name) }

func number(index map[string]uint32, list *[]string, name string) uint32 {
	n, ok := index[name]
	if ok {
		return n
	}
	if len(*list) == maxNames {
		return maxNames - 1
	}
	n = uint32(len(*list))
	index[name] = n
	*list = append(*list, name)
	return n
}

// Names gives the destination and the trunk of a signal; the trunk is empty when
// no one carries most of the calls.
func (s *State) Names(x Signal) (destination, trunk string) {
	if x.OneTrunk {
		trunk = s.Trunks[x.Trunk]
	}
	return s.Destinations[x.Place>>1], trunk
}

// Take judges calls together with those of the two newest cycles. A signal of a
// cell that was raised before comes again, with the calls that it has now.
func (s *State) Take(traces []Trace) []Signal {
	all := slices.Concat(s.open, traces)
	if len(all) == 0 {
		return nil
	}
	newest := uint32(0)
	for i := range all {
		newest = max(newest, all[i].Cycle)
	}
	known := func(place uint32) Calls { return s.Calls[place>>1][Way(place)] }
	tally := Tally{Pairs: s.Pairs}
	for i := range all {
		tally.Add(&all[i])
	}
	tally.Close(func(place uint32) bool { return known(place) != Calls{} })
	signals := Judge(all, &tally, known)

	from := max(newest-min(newest, 1), s.From)
	if len(all) > maxOpen {
		from = newest + 1
	}
	var over, open []Trace
	for _, t := range all {
		if t.Cycle < from {
			over = append(over, t)
		} else {
			open = append(open, t)
		}
	}
	s.learn(over, signals)
	s.open, s.From = open, max(s.From, from)
	return signals
}

// learn makes calls part of what is usual: of a cell that was raised not more
// than what would not have been. It puts the traces in order.
func (s *State) learn(traces []Trace, signals []Signal) {
	slices.SortFunc(traces, func(a, b Trace) int {
		return cmp.Or(cmp.Compare(a.Cycle, b.Cycle), cmp.Compare(a.Place, b.Place), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	type cell struct{ place, cycle uint32 }
	most := map[cell]uint64{}
	for _, x := range signals {
		at := cell{x.Place, x.Cycle}
		if n, ok := most[at]; !ok || x.Expected > n {
			most[at] = x.Expected
		}
	}
	learned := map[cell]uint64{}
	for i := range traces {
		t := &traces[i]
		at := cell{t.Place, t.Cycle}
		if n, raised := most[at]; raised {
			if learned[at]++; learned[at] > leastTimes*n {
				continue
			}
		}
		w := Way(t.Place)
		pair, own := &s.Pairs[w], &s.Calls[t.Place>>1][w]
		if *own == (Calls{}) {
			pair.Destinations++
		}
		if t.Cycle > s.Seen[w] {
			s.Seen[w] = t.Cycle
			pair.Cycles++
		}
		own.count(t.Flags)
		s.Pairs.add(t)
	}
	for w := range s.Pairs {
		if int64(s.Pairs[w].Cycles) > window/s.Cycle {
			s.fade(usage.Way(w))
		}
	}
}

// fade halves what is known of a way, so that habits may change.
func (s *State) fade(w usage.Way) {
	pair := &s.Pairs[w]
	pair.Calls.halve()
	for i := range pair.Bands {
		pair.Bands[i] /= 2
	}
	pair.Cycles /= 2
	pair.Destinations = 0
	for i := range s.Calls {
		if s.Calls[i][w].halve(); s.Calls[i][w] != (Calls{}) {
			pair.Destinations++
		}
	}
}

func (c *Calls) halve() {
	c.All, c.Answered, c.Short, c.Brief = c.All/2, c.Answered/2, c.Short/2, c.Brief/2
}
