package simnet

import "github.com/lateral-network/lateral/mesh"

// rules answers a resale rule for every two relations, once.
type rules struct {
	yes [4][4]bool
	err error
}

func newRules(text string) (r rules) {
	t, err := mesh.NewTerms(text, "")
	if err != nil {
		return rules{err: err}
	}
	names := []mesh.Relation{mesh.Customer, mesh.Peer, mesh.Provider, mesh.Own}
	for b, buyer := range names {
		for s, seller := range names {
			r.yes[b][s] = t.Resells(buyer, seller)
		}
	}
	return r
}

func (r *rules) may(buyer, seller relation) bool { return r.yes[min(buyer, 3)][seller] }
