// Package channel turns a ledger's order into commercial state. A channel is a
// member list, an ordered log and one state: a Bilateral has two members, the
// Omnilateral all. The ledger orders envelopes that it cannot read; package
// channel seals and opens them, runs each member's replica of the state
// machine, and lets the two members of a Bilateral attest to each other what
// came out.
//
// A [Member] is one carrier's replica. It follows a ledger, executes the
// Omnilateral as every validator does ([Omni]) and its own Bilaterals, and
// sends what is submitted:
//
//	m, err := channel.Open(channel.Options{Ledger: l, Store: db, Keys: keys, Law: law, ...})
//	go m.Run(ctx)
//	b, err := m.Invite(ctx, ours, theirs)   // open a Bilateral
//	out, err := b.Submit(ctx, commands...)  // final and executed here
//	for e, err := range b.Events(ctx, 0) {} // everything that happened, resumable
//	doc, err := b.Prove(ctx, key)           // a document that verifies offline
//
// The package does not move files, know what a command means, or decide when
// to do anything commercial: that is exchange, trade and clearing.
package channel
