// Package mesh finds, prices, quotes and orders services across carriers that
// each know their neighbours only. It owns the inquiry with its budgets and its
// tag, the composition of own and bought legs, firm quotes, and the cascade of
// orders along a chain. It owns no catalogue, capacity, API or clock: [Node]
// and [Cascade] take messages and times and give back what they want done
// ([Send], [Keep], [Save], [Wake] and so on), which package node does.
//
// An inquiry goes in two steps, both answered at once: a qualification spreads
// to neighbours within its budgets and comes back with indications; a quote
// follows the chosen chain and comes back firm and signed. An order follows the
// same chain: reserved from the buyer on, confirmed from the buyer on,
// delivered from the far end back, and accepted from the buyer on. Before the
// acceptance any failure releases all; after it nobody can go back.
//
// Whom to ask is learned from the reach that neighbours tell ([Reach]), from
// what they have answered, and from how dear they were. Why so, and what a
// neighbour learns from it, stands in docs/adr/0015-neighbours-tell-their-reach.md;
// package simnet measures it.
package mesh
