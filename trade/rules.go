package trade

import (
	"strings"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/party"
)

// rule is what the machine knows of a kind of command.
type rule struct {
	public   bool       // belongs on the Omnilateral
	both     bool       // belongs there as well as on a Bilateral
	need     need       // whose authority it needs beside the node's
	role     party.Role // of the delegate
	diverged bool       // goes on when the two members' states differ
	apply    func(*tx) error
}

// rules is every command that there is. What a node may do alone stands here
// and in the agreement, nowhere else.
func rules() map[Kind]rule {
	return map[Kind]rule{
		KindBind:           {need: memberKey, apply: body(bind)},
		KindDelegateAdd:    {both: true, need: memberKey, diverged: true, apply: body(delegateAdd)},
		KindDelegateRevoke: {both: true, need: memberKey, diverged: true, apply: body(delegateRevoke)},
		KindKeyChange:      {need: memberKey, diverged: true, apply: body(keyChange)},
		KindDivergence:     {need: nodeAlone, diverged: true, apply: body(divergence)},
		KindDivergenceEnd:  {need: delegate, role: party.Contracts, diverged: true, apply: body(divergenceClose)},
		KindVersionPropose: {need: delegate, role: party.Contracts, apply: body(versionPropose)},
		KindVersionAccept:  {need: delegate, role: party.Contracts, apply: body(versionAccept)},
		KindDocumentRecord: {need: nodeAlone, apply: body(documentRecord)},

		KindAgreementPropose: {need: delegate, role: party.Contracts, apply: body(agreementPropose)},
		KindAgreementAmend:   {need: delegate, role: party.Contracts, apply: body(agreementAmend)},
		KindAgreementAccept:  {need: delegate, role: party.Contracts, apply: body(agreementAccept)},
		KindAgreementReject:  {need: delegate, role: party.Contracts, apply: body(agreementReject)},
		KindAgreementEnd:     {need: delegate, role: party.Contracts, diverged: true, apply: body(agreementEnd)},
		KindBilateralEnd:     {need: delegate, role: party.Contracts, diverged: true, apply: body(bilateralEnd)},
		KindSheetPropose:     {need: delegate, role: party.Contracts, apply: body(sheetPropose)},
		KindSheetAcknowledge: {need: nodeAlone, apply: body(sheetAcknowledge)},
		KindSheetAccept:      {need: delegate, role: party.Contracts, apply: body(sheetAccept)},
		KindSheetReject:      {need: delegate, role: party.Contracts, apply: body(sheetReject)},
		KindSheetWithdraw:    {need: delegate, role: party.Contracts, apply: body(sheetWithdraw)},
		KindRowProve:         {need: nodeAlone, apply: body(rowProve)},

		KindOrderPlace:     {need: delegate, role: party.Orders, apply: body(orderPlace)},
		KindOrderAccept:    {need: delegate, role: party.Orders, apply: body(orderAccept)},
		KindOrderReject:    {need: delegate, role: party.Orders, apply: body(orderReject)},
		KindOrderSuspend:   {need: delegate, role: party.Orders, apply: body(orderSuspend)},
		KindOrderResume:    {need: delegate, role: party.Orders, apply: body(orderResume)},
		KindOrderTerminate: {need: delegate, role: party.Orders, diverged: true, apply: body(orderTerminate)},

		KindOrderCancel:     {need: delegate, role: party.Orders, apply: body(orderCancel)},
		KindOrderCharge:     {need: delegate, role: party.Orders, apply: body(orderCharge)},
		KindOrderReschedule: {need: delegate, role: party.Orders, apply: body(orderReschedule)},
		KindOrderDeliver:    {need: delegate, role: party.Orders, apply: body(orderDeliver)},
		KindOrderFail:       {need: delegate, role: party.Orders, apply: body(orderFail)},
		KindProductSuspend:  {need: delegate, role: party.Orders, apply: body(productSuspend)},
		KindProductResume:   {need: delegate, role: party.Orders, apply: body(productResume)},

		KindMeasure:        {need: nodeAlone, apply: body(measurementState)},
		KindMeasurePropose: {need: delegate, role: party.Disputes, apply: body(measurementPropose)},
		KindMeasureAccept:  {need: delegate, role: party.Disputes, apply: body(measurementAccept)},
		KindMeasureReject:  {need: delegate, role: party.Disputes, apply: body(measurementReject)},

		KindRatingRequest:  {need: nodeAlone, apply: body(ratingRequest)},
		KindUsageState:     {need: nodeAlone, apply: body(usageState)},
		KindUsageDeliver:   {need: nodeAlone, apply: body(usageDeliver)},
		KindUsageReceived:  {need: nodeAlone, apply: body(usageReceived)},
		KindCompareState:   {need: nodeAlone, apply: body(compareState)},
		KindDisputePropose: {need: delegate, role: party.Disputes, apply: body(disputePropose)},
		KindDisputeAccept:  {need: delegate, role: party.Disputes, apply: body(disputeAccept)},
		KindDisputeReject:  {need: delegate, role: party.Disputes, apply: body(disputeReject)},
		KindInvoiceAccept:  {need: delegate, role: party.Finance, apply: body(invoiceAccept)},
		KindInvoiceDispute: {need: delegate, role: party.Finance, apply: body(invoiceDispute)},
		KindInvoiceCorrect: {need: delegate, role: party.Finance, apply: body(invoiceCorrect)},
		KindInvoiceReject:  {need: delegate, role: party.Finance, apply: body(invoiceReject)},
		KindBillRequest:    {need: nodeAlone, apply: body(billRequest)},
		KindBillSubmit:     {need: nodeAlone, apply: body(billSubmit)},
		KindBillDispute:    {need: delegate, role: party.Finance, apply: body(billDispute)},

		KindNettingPropose: {need: delegate, role: party.Finance, apply: body(nettingPropose)},
		KindNettingAccept:  {need: delegate, role: party.Finance, apply: body(nettingAccept)},
		KindNettingReject:  {need: delegate, role: party.Finance, apply: body(nettingReject)},
		KindObligationOpen: {need: delegate, role: party.Finance, diverged: true, apply: body(obligationOpen)},
		KindPaymentAdvise:  {need: delegate, role: party.Finance, diverged: true, apply: body(paymentAdvise)},
		KindPaymentReceipt: {need: delegate, role: party.Finance, diverged: true, apply: body(paymentReceipt)},
		KindPaymentDecline: {need: delegate, role: party.Finance, diverged: true, apply: body(paymentDecline)},
		KindPaymentHold:    {need: delegate, role: party.Compliance, diverged: true, apply: body(paymentHold)},
		KindPaymentRelease: {need: delegate, role: party.Compliance, diverged: true, apply: body(paymentRelease)},
		KindVerify:         {need: delegate, role: party.Compliance, diverged: true, apply: body(verify)},
		KindDepositKey:     {need: nodeAlone, apply: body(depositKey)},
		KindDepositDeclare: {need: nodeAlone, apply: body(depositDeclare)},
		KindDepositChange:  {need: delegate, role: party.Finance, apply: body(depositChange)},
		KindDepositPay:     {need: delegate, role: party.Finance, apply: body(depositPay)},
		KindRoundJoin:      {need: nodeAlone, apply: body(roundJoin)},
		KindRoundBind:      {need: delegate, role: party.Finance, apply: body(roundBind)},
		KindRoundApply:     {need: nodeAlone, diverged: true, apply: body(roundApply)},
		KindReputeShow:     {need: nodeAlone, apply: body(reputeShow)},
		KindTick:           {both: true, need: nodeAlone, apply: body(tick)},

		KindMemberPropose:  {public: true, need: memberKey, apply: body(memberPropose)},
		KindMemberVouch:    {public: true, need: memberKey, apply: body(memberVouch)},
		KindMemberSuspend:  {public: true, need: memberKey, apply: body(memberSuspend)},
		KindMemberRestore:  {public: true, need: memberKey, apply: body(memberRestore)},
		KindMemberLeave:    {public: true, need: memberKey, apply: body(memberLeave)},
		KindNetworkPropose: {public: true, need: memberKey, apply: body(networkPropose)},
		KindNetworkVote:    {public: true, need: memberKey, apply: body(networkVote)},
		KindKeyRotate:      {public: true, need: memberKey, apply: body(keyRotate)},
		KindChannelOpen:    {public: true, need: nodeAlone, apply: body(channelOpen)},
		KindChannelConfirm: {public: true, need: nodeAlone, apply: body(channelConfirm)},
		KindChannelRotate:  {public: true, need: nodeAlone, apply: body(channelRotate)},
		KindAnchorPost:     {public: true, need: nodeAlone, apply: body(anchorPost)},
		KindAnchorContest:  {public: true, need: nodeAlone, apply: body(anchorContest)},
		KindEquivocation:   {public: true, need: nodeAlone, apply: body(equivocation)},

		KindTokenDefine:   {public: true, need: memberKey, apply: body(tokenDefine)},
		KindTokenApprove:  {public: true, need: memberKey, apply: body(tokenApprove)},
		KindIssuePropose:  {public: true, need: delegate, role: party.Issuer, apply: body(issuePropose)},
		KindIssueApprove:  {public: true, need: delegate, role: party.Issuer, apply: body(issueApprove)},
		KindIssueReject:   {public: true, need: delegate, role: party.Issuer, apply: body(issueReject)},
		KindTokenTransfer: {public: true, need: delegate, role: party.Finance, apply: body(tokenTransfer)},
		KindHoldPlace:     {public: true, need: delegate, role: party.Finance, apply: body(holdPlace)},
		KindHoldPost:      {public: true, need: delegate, role: party.Finance, apply: body(holdPost)},
		KindHoldVoid:      {public: true, need: delegate, role: party.Finance, apply: body(holdVoid)},
		KindSwapOffer:     {public: true, need: delegate, role: party.Finance, apply: body(swapOffer)},
		KindSwapTake:      {public: true, need: delegate, role: party.Finance, apply: body(swapTake)},
		KindSwapCancel:    {public: true, need: delegate, role: party.Finance, apply: body(swapCancel)},
		KindRedeem:        {public: true, need: delegate, role: party.Finance, apply: body(redeemRequest)},
		KindLockOpen:      {public: true, need: delegate, role: party.Finance, apply: body(lockOpen)},
		KindLockTopUp:     {public: true, need: delegate, role: party.Finance, apply: body(lockTopUp)},
		KindLockChange:    {public: true, need: nodeAlone, apply: body(lockChange)},
		KindLockExit:      {public: true, need: nodeAlone, apply: body(lockExit)},
		KindLockContest:   {public: true, need: nodeAlone, apply: body(lockContest)},
		KindLockClaim:     {public: true, need: nodeAlone, apply: body(lockClaim)},
		KindRoundCall:     {public: true, need: delegate, role: party.Finance, apply: body(roundCall)},
		KindRoundOffer:    {public: true, need: nodeAlone, apply: body(roundOffer)},
		KindRoundSign:     {public: true, need: nodeAlone, apply: body(roundSign)},
		KindRoundPay:      {public: true, need: delegate, role: party.Finance, apply: body(roundPay)},
		KindReputeCommit:  {public: true, need: memberKey, apply: body(reputeCommit)},
		KindReputeState:   {public: true, need: nodeAlone, apply: body(reputeState)},
		KindFeedState:     {public: true, need: delegate, role: party.Oracle, apply: body(feedState)},

		KindCredentialStatus: {public: true, need: delegate, role: party.Compliance, apply: body(credentialStatus)},
	}
}

// AllowedWhenDiverged reports whether a command goes on when the two members of
// a Bilateral have computed different states: key changes, evidence and its
// end, payment of what is agreed with its deadlines, termination.
func AllowedWhenDiverged(c Command) bool {
	if c.Kind == KindTick {
		var b Tick
		return canon.Decode(c.Body, &b) == nil && strings.HasPrefix(b.Subject, prefixObligation)
	}
	return needs[c.Kind].diverged
}
