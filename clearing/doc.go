// Package clearing runs one carrier's side of the billing periods that it
// shares with a partner, stage by stage: import of call records, edges,
// statement, delivery of what differs, comparison, invoice, netting, payment,
// anchor.
//
// A [Desk] is one side of one Bilateral. It looks at the ledger's state, its
// own records and what the partner has sent, and submits the one command that
// comes next. Its own are imports, manifests, how far it has closed, which calls
// follow the partner's records, and which payments it has advised. Every other
// step can be found again from the state, and doing a step twice changes
// nothing. So a node that was killed simply looks again. Imports whose calls are
// over for good are sealed: their records lie in the archive and are read on demand.
//
// The package decides nothing that binds: agreed rules do, in package trade,
// the same on both sides.
package clearing
