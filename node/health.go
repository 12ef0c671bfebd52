package node

import (
	"errors"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/ledger"
)

// vitals are what a node's health is judged by. What a node has not is nil.
type vitals struct {
	status func() (ledger.Status, error)
	height func() ledger.Height // of the last block executed here
	signs  <-chan struct{}      // closed once the node may sign
	stores []func() error       // each says why it takes no more
	halted func() []named       // channels that do not go on
}

// named is what is wrong with one of several things.
type named struct {
	name string
	err  error
}

// behind is how many blocks a node may lack of what validators report, and count
// as caught up: some are always on their way.
const behind = 10

// checks are what must be right for the node to be ready, and the height that
// enough validators report, 0 when it is not known.
func (v *vitals) checks() (out []wire.Check, confirmed uint64) {
	add := func(name string, err error) {
		c := wire.Check{Name: name, OK: err == nil}
		if err != nil {
			c.Detail = err.Error()
		}
		out = append(out, c)
	}
	s, err := v.status()
	add("ledger", err)
	if err == nil {
		confirmed = uint64(s.Confirmed)
		if err = nil; s.Syncing || v.height()+behind < s.Confirmed {
			err = errors.New("this node is behind what validators report")
		}
		add("caught up", err)
	}
	if v.signs != nil {
		select {
		case <-v.signs:
			add("may sign", nil)
		default:
			add("may sign", errors.New("what this node signed last is not checked against the ledger yet"))
		}
	}
	var stores error
	for _, failed := range v.stores {
		stores = errors.Join(stores, failed())
	}
	add("store", stores)
	if v.halted != nil {
		for _, c := range v.halted() {
			add("channel with "+c.name, c.err)
		}
	}
	return out, confirmed
}
