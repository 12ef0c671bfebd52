package simnet

import "github.com/lateral-network/lateral/mesh"

// rules answers a resale rule for every two relations, once.
type rules struct {
	yes [4][4]bool
}

func newRules(text string) (*rules, error) {
	t, err := mesh.NewTerms(text, "")
	if err != nil {
		return nil, err
	}
	r := &rules{}
	names := []mesh.Relation{mesh.Customer, mesh.Peer, mesh.Provider, mesh.Own}
	for b, buyer := range names {
		for s, seller := range names {
			r.yes[b][s] = t.Resells(buyer, seller)
		}
	}
	return r, nil
}

func (r *rules) may(buyer, seller relation) bool { return r.yes[min(buyer, 3)][seller] }
