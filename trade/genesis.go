package trade

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/party"
)

// GenesisDocument is what a network begins with: its parameters, founding
// members and first validators. Its hash is part of the chain id, so whoever
// signs for the chain signs for it.
type GenesisDocument struct {
	Network    Network        `cbor:"1,keyasint" json:"network"`
	Members    []party.Signed `cbor:"2,keyasint" json:"members"`
	Validators []Validator    `cbor:"3,keyasint" json:"validators"`
	Start      int64          `cbor:"4,keyasint,omitempty" json:"start"` // time of the first block, ms UTC
}

// Hash names the document.
func (d GenesisDocument) Hash() canon.Hash { return canon.HashOf("lateral/genesis/1", d) }

// DefaultNetwork gives the parameters of a small network: 128 MiB a minute for a
// member and for a channel, which is about a quarter of what a ledger carries
// (8 MB/s); two vouchers; suspension by two thirds.
func DefaultNetwork(name string) Network {
	return Network{Name: name, Version: RuleVersion, Vouchers: 2, SuspendPercent: 66,
		MemberBytes: 128 << 20, ChannelBytes: 128 << 20, ReserveBytes: 1 << 20,
		InvitationMillis: 7 * dayMillis, UncontestedMillis: 60_000}
}

// maxQuota bounds the quotas, in bytes a minute.
const maxQuota = 1 << 40

// Validate names the first parameter that is out of range. Code: invalid.
func (n Network) Validate() error {
	switch {
	case !party.Plain(n.Name, 16):
		return invalid("name", "the network's name is no plain word of at most 16 letters", "name it like lateral-test")
	case n.Version != RuleVersion:
		return versionUnknown(n.Version)
	case n.Vouchers == 0 || n.Vouchers > 1000:
		return invalid("vouchers", "admission needs 1 to 1000 vouchers", "use 2")
	case n.SuspendPercent < 51 || n.SuspendPercent > 100:
		return invalid("suspend_percent", "suspension needs 51 to 100 percent of the members", "use 66")
	case n.MemberBytes < 64<<10 || n.ChannelBytes < 64<<10 || n.ReserveBytes < 16<<10:
		return invalid("member_bytes", "a quota is too small for a single envelope", "use the defaults")
	case n.MemberBytes > maxQuota || n.ChannelBytes > maxQuota || n.ReserveBytes > maxQuota:
		return invalid("member_bytes", "a quota is more than a terabyte a minute", "use the defaults")
	case n.InvitationMillis <= 0 || n.InvitationMillis > 366*dayMillis:
		return invalid("invitation_millis", "an invitation lives up to a year", "use a week")
	case n.ChallengeMillis < 0 || n.ChallengeMillis > 366*dayMillis:
		return invalid("challenge_millis", "an exit from a lock is contested for up to a year", "use a day")
	case n.UncontestedMillis <= 0 || n.UncontestedMillis > 366*dayMillis:
		return invalid("uncontested_millis", "a head is left unanswered for up to a year", "use a minute")
	}
	return nil
}

// Genesis gives the Omnilateral's first records, sorted by key. Founding
// members are active from height 0. Codes: invalid, conflict.
func Genesis(d GenesisDocument) ([]Write, error) {
	if err := d.Network.Validate(); err != nil {
		return nil, fault.Of(err).In("network")
	}
	if len(d.Members) == 0 || len(d.Validators) == 0 {
		return nil, invalid("members", "a network begins with at least one member and one validator", "add them")
	}
	t := &tx{state: nothing{}}
	for i, s := range d.Members {
		if err := t.enroll(s, party.Active, ""); err != nil {
			return nil, fault.Of(err).In(fmt.Sprintf("members.%d", i))
		}
	}
	for i, v := range d.Validators {
		field := fmt.Sprintf("validators.%d", i)
		if !party.Plain(v.Name, 64) || v.Power <= 0 || v.Power > 1<<20 {
			return nil, invalid(field, "a validator has no plain name, or no votes", "give it a name and the power 1")
		}
		if err := t.register("key", v.Key, KeyUse{Use: UseValidator}); err != nil {
			return nil, fault.Of(err).In(field)
		}
	}
	t.put(keyNetwork, d.Network)
	t.put(keyValidators, Validators{d.Validators})
	t.put(keyCensus, Census{uint32(len(d.Members))})
	slices.SortFunc(t.writes, func(a, b Write) int { return cmp.Compare(a.Key, b.Key) })
	return t.writes, nil
}

// nothing is a state without records.
type nothing struct{}

func (nothing) Get(string) ([]byte, bool) { return nil, false }
func (nothing) Scan(string) iter.Seq2[string, []byte] {
	return func(func(string, []byte) bool) {}
}

// register takes a key into use. Each key has one use, ever.
func (t *tx) register(field string, k sign.PublicKey, u KeyUse) error {
	if err := sign.CheckKey(k); err != nil {
		return fault.Of(err).In(field)
	}
	if _, used := t.Get(KeyKey(k)); used {
		return conflict(field, "generate a fresh key", "the key %s is in use already, or was", k.Short())
	}
	t.put(KeyKey(k), u)
	return nil
}

// applicationMillis is how long an applicant waits for admission.
const applicationMillis = 90 * dayMillis

// enroll writes a member with its aliases and keys.
func (t *tx) enroll(s party.Signed, state party.State, sponsor party.Code) error {
	if err := s.Validate(); err != nil {
		return err
	}
	a := s.Application
	if _, there := t.Get(MemberKey(a.Code)); there {
		return conflict("code", "choose another code", "there is a member %s already", a.Code)
	}
	for _, k := range []struct {
		use string
		key sign.PublicKey
	}{{UseMember, a.Member}, {UseNode, a.Node}, {UseRecovery, a.Recovery}} {
		if err := t.register(k.use, k.key, KeyUse{Use: k.use, Member: a.Code}); err != nil {
			return err
		}
	}
	for _, al := range a.Aliases {
		if n, taken := get[Name](t, AliasKey(al)); taken {
			return conflict("aliases", "correct the alias", "%s %s is %s's", al.Scheme, al.Value, n.Member)
		}
		t.put(AliasKey(al), Name{a.Code})
	}
	h := t.ctx.Block.Height
	m := party.Member{Code: a.Code, LegalName: a.LegalName, Country: a.Country, Aliases: a.Aliases, Exchange: a.Exchange,
		Members: []party.Key{{Key: a.Member, From: h}}, Nodes: []party.Key{{Key: a.Node, From: h}}, Sealing: []party.SealingKey{{Key: a.Sealing, From: h}},
		Recovery: a.Recovery, State: state, Since: h, Sponsor: sponsor}
	if sponsor != "" {
		m.Vouchers, m.Deadline = []party.Code{sponsor}, t.ctx.Block.Time+applicationMillis
	}
	t.put(MemberKey(a.Code), m)
	return nil
}
