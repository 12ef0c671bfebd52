package trade

// What the keys of all records of a kind begin with, for those who list them.
const (
	AgreementPrefix   = prefixAgreement
	SheetPrefix       = prefixSheet
	OrderPrefix       = prefixOrder
	ItemPrefix        = prefixItem
	ProductPrefix     = prefixProduct
	MeasurementPrefix = prefixMeasurement
	BillPrefix        = prefixBill
	PeriodPrefix      = prefixPeriod
	DisputePrefix     = prefixDispute
	InvoicePrefix     = prefixInvoice
	NettingPrefix     = prefixNetting
	ObligationPrefix  = prefixObligation
	MemberPrefix      = prefixMember
	OpeningPrefix     = prefixOpening
	ProposalPrefix    = prefixProposal
	FilePrefix        = prefixFile
	DelegatePrefix    = prefixDelegate
	BalancePrefix     = prefixBalance
	JournalPrefix     = prefixJournal
	TokenPrefix       = prefixToken
	IssuePrefix       = prefixIssue
	TransferPrefix    = prefixTransfer
	HoldPrefix        = prefixHold
	SwapPrefix        = prefixSwap
	RedemptionPrefix  = prefixRedemption
	LockPrefix        = prefixLock
	RoundPrefix       = prefixRound
	PledgePrefix      = prefixPledge
	DepositPrefix     = prefixDeposit
	LockKeyPrefix     = "lockkey/"
	PaymentPrefix     = "payment/"
)
