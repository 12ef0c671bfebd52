package trade

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
)

// Prepared is a command that waits for the signature of a key that is kept
// elsewhere: a member key off line, a delegate's own device.
type Prepared struct {
	Chain   string
	Channel canon.Hash // zero: the Omnilateral
	Kind    Kind
	Body    []byte // canonical CBOR
	Expires int64  // block time in ms UTC after which the signature is void
	Nonce   canon.Hash
}

// Message is the exact 32 bytes that the key signs, by Ed25519 (RFC 8032).
func (p Prepared) Message() canon.Hash {
	return canon.Sum(tagAuthorization, canon.Must(authorized{p.Chain, p.Channel, p.Kind, p.Body, p.Expires, p.Nonce}))
}

// Sign gives the command under a key's signature.
func (p Prepared) Sign(k sign.PrivateKey) Command {
	return Authorize(Command{Kind: p.Kind, Body: p.Body}, k, p.Chain, p.Channel, p.Expires, p.Nonce)
}

// Signed gives the command under a signature that was made elsewhere. Code:
// authorization-forged when it is not the key's over this command.
func (p Prepared) Signed(k sign.PublicKey, s sign.Signature) (Command, error) {
	c := Command{Kind: p.Kind, Body: p.Body, Authorization: &Authorization{k, p.Expires, p.Nonce, s}}
	// A key of small order, such as no key at all, would fit any signature.
	if sign.CheckKey(k) != nil || !sign.Verify(k, tagAuthorization, c.authorized(p.Chain, p.Channel), s) {
		return c, fault.New(CodeAuthorizationForged, "the signature is not the key's over this command", "sign exactly the prepared command").In("signature")
	}
	return c, nil
}

// form turns the body of one kind of command from JSON into canonical CBOR and
// back.
type form struct {
	encode func(json []byte) ([]byte, error)
	show   func(body []byte) (any, error)
}

func formOf[T any]() form {
	return form{
		encode: func(text []byte) ([]byte, error) {
			var v T
			d := json.NewDecoder(bytes.NewReader(text))
			d.DisallowUnknownFields()
			if err := d.Decode(&v); err != nil {
				f := invalid("body", "the body does not fit the command: "+err.Error(), "name the fields as docs/guide/keys.md shows")
				if cause, ok := errors.AsType[*fault.Error](err); ok {
					f = cause.In("body")
				}
				return nil, f
			}
			return canon.Must(v), nil
		},
		show: func(body []byte) (any, error) {
			var v T
			err := canon.Decode(body, &v)
			return v, err
		},
	}
}

// forms are the bodies of the commands that somebody signs beside the node.
var forms = map[Kind]form{
	KindBind: formOf[Bind](), KindDelegateAdd: formOf[DelegateAdd](), KindDelegateRevoke: formOf[DelegateRevoke](), KindKeyChange: formOf[KeyChange](),
	KindVersionPropose: formOf[VersionPropose](), KindVersionAccept: formOf[VersionPropose](),
	KindAgreementPropose: formOf[AgreementPropose](), KindAgreementAmend: formOf[AgreementAmend](), KindAgreementAccept: formOf[AgreementAnswer](),
	KindAgreementReject: formOf[AgreementAnswer](), KindAgreementEnd: formOf[AgreementEnd](),
	KindSheetPropose: formOf[SheetPropose](), KindSheetAccept: formOf[SheetAnswer](), KindSheetReject: formOf[SheetAnswer](), KindSheetWithdraw: formOf[SheetAnswer](),
	KindOrderPlace: formOf[OrderPlace](), KindOrderAccept: formOf[OrderAnswer](), KindOrderReject: formOf[OrderAnswer](),
	KindOrderSuspend: formOf[OrderAnswer](), KindOrderResume: formOf[OrderAnswer](), KindOrderTerminate: formOf[OrderAnswer](),
	KindOrderCancel: formOf[OrderAnswer](), KindOrderCharge: formOf[OrderCharge](), KindOrderReschedule: formOf[OrderReschedule](), KindOrderDeliver: formOf[OrderDeliver](), KindOrderFail: formOf[OrderAnswer](),
	KindMeasurePropose: formOf[MeasurementPropose](), KindMeasureAccept: formOf[MeasurementPropose](), KindMeasureReject: formOf[MeasurementReject](),
	KindProductSuspend: formOf[ProductAnswer](), KindProductResume: formOf[ProductAnswer](),
	KindDisputePropose: formOf[DisputePropose](), KindDisputeAccept: formOf[DisputeAccept](), KindDisputeReject: formOf[DisputeReject](),
	KindInvoiceAccept: formOf[InvoiceAccept](), KindInvoiceDispute: formOf[InvoiceDispute](),
	KindInvoiceCorrect: formOf[InvoiceCorrect](), KindInvoiceReject: formOf[InvoiceReject](),
	KindBillDispute:    formOf[BillDispute](),
	KindNettingPropose: formOf[NettingPropose](), KindNettingAccept: formOf[NettingAnswer](), KindNettingReject: formOf[NettingAnswer](),
	KindObligationOpen: formOf[ObligationOpen](), KindPaymentAdvise: formOf[PaymentAdvise](),
	KindPaymentReceipt: formOf[PaymentAnswer](), KindPaymentDecline: formOf[PaymentAnswer](),
	KindPaymentHold: formOf[PaymentHold](), KindPaymentRelease: formOf[PaymentHold](), KindVerify: formOf[Verify](),
	KindMemberPropose: formOf[MemberPropose](), KindMemberVouch: formOf[MemberVote](), KindMemberSuspend: formOf[MemberVote](),
	KindMemberRestore: formOf[MemberVote](), KindMemberLeave: formOf[MemberLeave](), KindKeyRotate: formOf[KeyRotate](),
	KindTokenDefine: formOf[TokenDefine](), KindTokenApprove: formOf[TokenApprove](),
	KindIssuePropose: formOf[IssuePropose](), KindIssueApprove: formOf[IssueAnswer](), KindIssueReject: formOf[IssueAnswer](),
	KindTokenTransfer: formOf[TokenTransfer](), KindHoldPlace: formOf[HoldPlace](), KindHoldPost: formOf[HoldPost](), KindHoldVoid: formOf[HoldAnswer](),
	KindSwapOffer: formOf[SwapOffer](), KindSwapTake: formOf[SwapAnswer](), KindSwapCancel: formOf[SwapAnswer](),
	KindLockOpen: formOf[LockOpen](), KindLockTopUp: formOf[LockTopUp](), KindDepositPay: formOf[DepositPay](), KindDepositChange: formOf[DepositChange](),
	KindRoundCall: formOf[RoundCall](), KindRoundPay: formOf[RoundPay](), KindRoundBind: formOf[RoundBind](),
	KindReputeCommit: formOf[ReputeCommit](),
	KindRedeem:       formOf[RedeemRequest](), KindFeedState: formOf[FeedState](), KindCredentialStatus: formOf[CredentialStatus](),
	KindNetworkPropose: formOf[ParameterBallot](), KindNetworkVote: formOf[ParameterBallot](), KindDivergenceEnd: formOf[DivergenceClose](), KindBilateralEnd: formOf[BilateralEnd](),
}

// EncodeBody makes a command's body from JSON, in the words in which ShowBody's
// is written.
// Code: invalid.
func EncodeBody(k Kind, fields map[string]any) ([]byte, error) {
	f, ok := forms[k]
	if !ok {
		return nil, noForm(k)
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, invalid("body", "the body cannot be written as JSON", "correct it")
	}
	return f.encode(text)
}

// ShowBody gives what a command's body says, for whoever is to sign it. Code:
// invalid.
func ShowBody(k Kind, body []byte) (any, error) {
	f, ok := forms[k]
	if !ok {
		return nil, noForm(k)
	}
	v, err := f.show(body)
	if err != nil {
		return nil, fault.Of(err).In("body")
	}
	return v, nil
}

func noForm(k Kind) error {
	return fault.Newf(fault.Invalid, "name a command that a member key or a delegate signs", "nobody signs a command %.40q beside the node", k).In("kind")
}

// Public reports whether a command belongs on the Omnilateral.
func Public(k Kind) bool { return needs[k].public }
