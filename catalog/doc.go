// Package catalog is a carrier's own catalogue: specifications and offerings
// with versions and life cycle, the schemas that product payloads must satisfy,
// places, links with their capacity, and what of it is reserved.
//
// A catalogue never leaves its node. Nothing of it goes on a ledger or to a
// partner but an [Answer], which a [Catalog.Search] gives for one [Inquiry].
//
// [Catalog] keeps it in the node's store under keys of its own. No method reads
// a clock: moments are handed in, in ms since 1970 UTC. Bandwidth is in bit/s,
// latency in microseconds one way, availability in millionths, distance in
// metres.
package catalog
