package compare

// Cause names why two carriers come to different amounts.
type Cause string

// The causes, in the order in which they are tested and their amounts are
// taken.
const (
	Duplicate        Cause = "duplicate"
	NumberFormat     Cause = "number_format"
	TimeZone         Cause = "time_zone"
	WrongPartner     Cause = "wrong_partner"
	MissingBlock     Cause = "missing_block"
	MissingRandom    Cause = "missing_random"
	SplitCall        Cause = "split_call"
	AnswerRace       Cause = "answer_race"
	ClockSkew        Cause = "clock_skew"
	DurationRounding Cause = "duration_rounding"
	DialCode         Cause = "dial_code"
	RateVersion      Cause = "rate_version"
	LatePrice        Cause = "late_price"
	OriginSurcharge  Cause = "origin_surcharge"
	MoneyRounding    Cause = "money_rounding"
	TaxFX            Cause = "tax_fx"
	VolumeTerms      Cause = "volume_terms"
)

// Causes lists all of them in order.
var Causes = [...]Cause{Duplicate, NumberFormat, TimeZone, WrongPartner, MissingBlock, MissingRandom, SplitCall, AnswerRace, ClockSkew,
	DurationRounding, DialCode, RateVersion, LatePrice, OriginSurcharge, MoneyRounding, TaxFX, VolumeTerms}

// Places of the causes in the list.
const (
	atDuplicate = iota
	atNumberFormat
	atTimeZone
	atWrongPartner
	atMissingBlock
	atMissingRandom
	atSplitCall
	atAnswerRace
	atClockSkew
	atDurationRounding
	atDialCode
	atRateVersion
	atLatePrice
	atOriginSurcharge
	atMoneyRounding
	atTaxFX
	atVolumeTerms
	countCauses
)

// Titles say for people what a cause is.
var Titles = [countCauses]string{
	"rows that repeat another",
	"numbers written differently",
	"times of another zone",
	"calls under the wrong carrier or direction",
	"a stretch of calls that one side lacks",
	"single calls that one side lacks",
	"one call recorded in parts",
	"short calls answered on one side only",
	"clocks that differ",
	"durations and their rounding",
	"other dial codes in the sheet",
	"another version of a rate",
	"a price that changes at another time",
	"prices that depend on the origin",
	"rounding of money",
	"tax or exchange rate",
	"volume terms",
}
