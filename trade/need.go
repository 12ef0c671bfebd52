package trade

import "github.com/lateral-network/lateral/trade/party"

var needs = rules()

// Needs says whose authority a kind of command needs beside the node's: a
// delegate with a role, or the member key itself. Neither: the node does it
// alone.
func Needs(k Kind) (role party.Role, member bool) {
	r := needs[k]
	return r.role, r.need == memberKey
}
