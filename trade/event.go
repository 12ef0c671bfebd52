package trade

// Kinds of events. The subject of each is the key of the record concerned.
const (
	EventBound               = "bilateral.bound"       // both sides are bound
	EventKeyChanged          = "bilateral.key-changed" // a side has announced a new channel key
	EventDiverged            = "bilateral.diverged"
	EventVersionProposed     = "bilateral.version-proposed"
	EventVersionAgreed       = "bilateral.version-agreed"
	EventVersionLapsed       = "bilateral.version-lapsed"
	EventDelegateAdded       = "delegate.added"
	EventDelegateRevoked     = "delegate.revoked"
	EventAgreementProposed   = "agreement.proposed" // also an amendment
	EventAgreementActive     = "agreement.active"
	EventAgreementAmended    = "agreement.amended"
	EventAgreementRejected   = "agreement.rejected" // also an amendment
	EventAgreementTerminated = "agreement.terminated"
	EventSheetProposed       = "sheet.proposed"
	EventSheetAccepted       = "sheet.accepted"
	EventSheetRejected       = "sheet.rejected"
	EventOrderPlaced         = "order.placed"
	EventOrderMoved          = "order.moved" // detail: the new state
	EventOrderEscalated      = "order.escalated"
	EventPeriodRequested     = "period.requested"
	EventPeriodLapsed        = "period.lapsed"  // neither side has stated in time
	EventPeriodStated        = "period.stated"  // detail: the side; its statement is complete
	EventPeriodMatched       = "period.matched" // every line agreed
	EventPeriodDiffers       = "period.differs" // detail: count of open lines
	EventPeriodDecided       = "period.decided" // no line is open any more
	EventPeriodClosed        = "period.closed"
	EventDelivered           = "records.delivered" // detail: the side
	EventReceived            = "records.received"  // detail: the side that has them
	EventDisputeOpened       = "dispute.opened"
	EventDisputeManual       = "dispute.manual"
	EventDisputeProposed     = "dispute.proposed"
	EventDisputeRejected     = "dispute.rejected"
	EventDisputeEscalated    = "dispute.escalated"
	EventDisputeResolved     = "dispute.resolved" // detail: how
	EventInvoiceIssued       = "invoice.issued"
	EventInvoiceMoved        = "invoice.moved" // detail: the new state
	EventInvoiceEscalated    = "invoice.escalated"
	EventNettingProposed     = "netting.proposed"
	EventNettingAccepted     = "netting.accepted"
	EventNettingRejected     = "netting.rejected"
	EventObligationOwed      = "obligation.owed"
	EventObligationOverdue   = "obligation.overdue" // also each time that it is still so
	EventPaymentAdvised      = "payment.advised"
	EventPaymentDeclined     = "payment.declined"
	EventPaymentEscalated    = "payment.escalated"
	EventSettled             = "obligation.settled"
	EventFileRecorded        = "file.recorded"

	EventMemberApplied   = "member.applied"
	EventMemberVouched   = "member.vouched"
	EventMemberActive    = "member.active"
	EventMemberSuspended = "member.suspended"
	EventMemberRestored  = "member.restored"
	EventMemberLeft      = "member.left"
	EventMemberKeys      = "member.keys"
	EventVoted           = "member.voted"
	EventChannelInvited  = "channel.invited"
	EventChannelOpened   = "channel.opened"
	EventChannelRotated  = "channel.rotated"
	EventAnchored        = "channel.anchored"
	EventAnchorClaimed   = "channel.claimed"
	EventAnchorContested = "channel.contested"
)
