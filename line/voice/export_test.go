package voice

// What tests of the package from outside look at.
var (
	NumberAt = number
	Plain    = plain
)
