package voice

import (
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/usage"
)

// putRight puts the called number and the start of a row right that was read, or
// refused for its number alone, by what two carriers have agreed. A number that
// no rule makes E.164 is refused as before. Codes: bad-number, bad-time.
func putRight(row *Row, refused error, by agreement.Readings) error {
	if len(by) == 0 || refused != nil && fault.CodeOf(refused) != CodeBadNumber {
		return refused
	}
	trunk := string(row.Trunk)
	how, start := by.At(trunk, row.Start)
	if written := called(row); written != "" {
		if number, ok := how.Number(trunk, written); ok {
			to, ok := usage.ParseNumber([]byte(number))
			if !ok {
				return fieldError(CodeBadNumber, "destination_number", "%s is put right as %s, no E.164 number of 1 to 15 digits", excerpt([]byte(written)), excerpt([]byte(number)))
			}
			row.Destination, row.DestinationText, refused = to, nil, nil
		}
	}
	if start < 0 || start > lastMoment-int64(row.Duration) {
		return fieldError(CodeBadTime, "start_time", "by the agreed clock the call lies outside the time from 1970 to November 9999")
	}
	row.Start = start
	return refused
}

// maxOdd is how many calls of a file are kept that are refused for their number.
const maxOdd = 1000

// odd keeps such a call: how its trunk writes numbers may be learned from it.
func odd(line uint32, row *Row) usage.Odd {
	x := usage.Odd{Record: row.Record, Trunk: string(row.Trunk), Written: called(row)}
	x.Line, x.Destination = line, usage.Withheld
	return x
}

// called gives the called number of a row as it was written, as far as rules ask
// for it; one that is longer than any of them is for is left out.
func called(row *Row) string {
	if row.Destination == usage.Withheld {
		const most = 2*usage.MaxDigits + 1
		if len(row.DestinationText) > most {
			return ""
		}
		return string(row.DestinationText)
	}
	if row.Plus {
		return "+" + row.Destination.String()
	}
	return row.Destination.String()
}
