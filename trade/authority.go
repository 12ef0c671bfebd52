package trade

import (
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// Codes of refusals for want of authority (MEF 114 [R6]-[R8]).
const (
	// CodeAuthorizationMissing says that the node may not do this alone.
	CodeAuthorizationMissing fault.Code = "authorization-missing"
	// CodeAuthorizationForged says that the signature is not the delegate's
	// over this command on this channel.
	CodeAuthorizationForged fault.Code = "authorization-forged"
	// CodeAuthorizationExpired says that the authorization was void by then.
	CodeAuthorizationExpired fault.Code = "authorization-expired"
	// CodeAuthorizationReplayed says that its number was used before.
	CodeAuthorizationReplayed fault.Code = "authorization-replayed"
	// CodeDelegateUnknown says that the sender's side has no such delegate.
	CodeDelegateUnknown fault.Code = "delegate-unknown"
	// CodeDelegateExpired says that the delegate is revoked, or not valid at
	// this height.
	CodeDelegateExpired fault.Code = "delegate-expired"
	// CodeDelegateRole says that the delegate has another role.
	CodeDelegateRole fault.Code = "delegate-role"
	// CodeMemberKey says that only the member key itself may do this.
	CodeMemberKey fault.Code = "member-key-needed"
	// CodeBeyondLimit says that the amount is above the limit.
	CodeBeyondLimit fault.Code = "beyond-limit"
)

// unlimited is the limit in receipts of a member key's acts.
const unlimited = "member key"

// byRecovery is the limit in receipts of what the recovery key does.
const byRecovery = "recovery key"

// need says whose authority a command needs beside the node's.
type need uint8

const (
	nodeAlone need = iota // the agreement lets every node do it
	delegate              // a delegate with the command's role, or the node within the agreement's allowance
	memberKey             // the member key itself
)

// authorize checks the command's authority in one place and gives the act to be
// kept. Amounts are what the sender's side binds itself to; terms, if there are
// any, may let the node do it alone.
func (t *tx) authorize(terms *agreement.Terms, amounts ...money.Amount) (party.Act, error) {
	a := t.cmd.Authorization
	if a == nil && t.rule.need == nodeAlone {
		return party.Act{}, nil // nobody keeps the act of what every node may do
	}
	act := party.Act{By: t.own, Command: t.digest(), Height: t.ctx.Block.Height, Time: t.ctx.Block.Time}
	if a == nil {
		limit, err := t.alone(terms, amounts)
		act.Limit, t.receipt.Limit = limit, limit
		return act, err
	}
	if err := t.checkSignature(a); err != nil {
		return act, err
	}
	limit, err := t.delegated(a.Delegate, amounts)
	if err != nil {
		return act, err
	}
	act.Key, act.Limit, act.Signature, act.Expires, act.Nonce = a.Delegate, limit, a.Signature, a.Expires, a.Nonce
	t.receipt.Delegate, t.receipt.Limit = a.Delegate, limit
	t.useNonce(a)
	return act, nil
}

// maxAuthorization is how long an authorization is valid at most: as long its
// number has to be remembered. 90 days, in ms.
const maxAuthorization = 90 * dayMillis

// oldRecords is how many records that are of no use any more a command removes
// at most, and of how many commands one looks for them: more are removed than
// come, and few commands pay for the look.
const (
	oldRecords  = 64
	oneOfNonces = 16
)

// useNonce remembers a number as used, and forgets some of those whose
// authorizations are void.
func (t *tx) useNonce(a *Authorization) {
	if a.Nonce[0]%oneOfNonces == 0 {
		n := 0
		for key, raw := range t.Scan(prefixNonce) {
			if n == oldRecords || stored[Nonce](raw).Expires > t.ctx.Block.Time {
				break
			}
			t.drop(key)
			n++
		}
	}
	t.put(NonceKey(a.Expires, a.Delegate, a.Nonce), Nonce{a.Expires})
}

// digest names a command's content, as an act keeps it.
func (t *tx) digest() canon.Hash {
	return canon.Sum("lateral/command/1", []byte(t.cmd.Kind), t.cmd.Body)
}

// alone says whether the node may do this without a delegate, and up to which
// limit.
func (t *tx) alone(terms *agreement.Terms, amounts []money.Amount) (string, error) {
	missing := fault.Newf(CodeAuthorizationMissing, "have a delegate with the role sign the command", "%s needs the signature of a delegate", t.cmd.Kind)
	if t.rule.need == memberKey {
		missing = fault.Newf(CodeMemberKey, "sign the command with the member key", "%s needs the signature of the member key", t.cmd.Kind)
		return "", missing
	}
	if terms == nil {
		return "", missing
	}
	allowed, ok := terms.Allows(string(t.cmd.Kind))
	if !ok {
		return "", missing
	}
	return within("the node", func(c money.Currency) (money.Amount, bool) { return party.LimitIn(allowed.Limits, c) }, amounts)
}

// within checks amounts against limits and names the limit of the first.
func within(who string, limit func(money.Currency) (money.Amount, bool), amounts []money.Amount) (string, error) {
	name := ""
	for _, a := range amounts {
		if a.Micro == 0 {
			continue
		}
		l, ok := limit(a.Currency)
		if !ok || a.Micro > l.Micro {
			return "", fault.Newf(CodeBeyondLimit, "have someone with a higher limit sign the command", "%s is above the limit of %s, which is %s", a, who, l).In("amount")
		}
		if name == "" {
			name = l.String()
		}
	}
	return name, nil
}

func (t *tx) checkSignature(a *Authorization) error {
	if a.Expires <= t.ctx.Block.Time {
		return fault.New(CodeAuthorizationExpired, "the authorization had expired when the command was executed", "sign the command again")
	}
	if a.Expires > t.ctx.Block.Time+maxAuthorization {
		return fault.New(fault.Invalid, "the authorization is valid for more than 90 days", "sign the command with an earlier end").In("expires")
	}
	if _, used := t.Get(NonceKey(a.Expires, a.Delegate, a.Nonce)); used {
		return fault.New(CodeAuthorizationReplayed, "the authorization's number was used before", "sign the command again with a fresh number")
	}
	check := t.ctx.Signature
	if check == SignatureUnknown && sign.Verify(a.Delegate, tagAuthorization, t.cmd.authorized(t.ctx.Block.Chain, t.ctx.Block.Channel), a.Signature) {
		check = SignatureGood
	}
	if check != SignatureGood {
		return fault.New(CodeAuthorizationForged, "the signature is not the delegate's over this command on this channel", "sign exactly this command, for this chain and channel")
	}
	return nil
}

// delegated says under which limit a key may authorise this command for the
// sender's side.
func (t *tx) delegated(key sign.PublicKey, amounts []money.Amount) (string, error) {
	height := t.ctx.Block.Height
	members := t.ctx.Public
	if t.ctx.Block.Channel.IsZero() {
		members = t
	}
	if members != nil {
		if m, ok := get[party.Member](members, MemberKey(t.own)); ok && m.MemberKey(key, height) {
			return unlimited, nil
		}
	}
	if t.rule.need == memberKey {
		return "", fault.Newf(CodeMemberKey, "sign the command with the member key", "%s is not signed with %s's member key", t.cmd.Kind, t.own)
	}
	d, ok := get[party.Delegate](t, DelegateKey(key))
	if !ok || d.Member != t.own {
		return "", fault.Newf(CodeDelegateUnknown, "register the key with delegate.add (lateral delegate add, on the Omnilateral with --public)", "%s has no delegate with the key %s", t.own, key.Short())
	}
	if !d.Counts(height) {
		return "", fault.Newf(CodeDelegateExpired, "use a delegate who is valid now", "the delegate %s is revoked or not valid at height %d", d.Name, height)
	}
	if t.rule.need == delegate && !d.May(t.rule.role) {
		return "", fault.Newf(CodeDelegateRole, "use a delegate with the role", "the delegate %s does not have the role %s", d.Name, t.rule.role)
	}
	return within("the delegate "+d.Name, d.Limit, amounts)
}
