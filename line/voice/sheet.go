package voice

import (
	"errors"
	"io"
	"strconv"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// SheetHeader is the first line of a rate sheet.
const SheetHeader = "destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to"

// CodeSheetRefused says that a rate sheet has bad rows and is not applied.
const CodeSheetRefused fault.Code = "sheet-refused"

// maxSheetRejects bounds how many bad rows of a sheet are named.
const maxSheetRejects = 10_000

// ReadSheet reads a rate sheet, gzip or plain. One bad row refuses the sheet:
// then the error has code [CodeSheetRefused], or that of the rule which two rows
// break together (rating.CodeSameStart, rating.CodeOverlap), and every bad row
// is named. Codes of the file as a whole: [CodeBadHeader], [CodeUnreadable].
func ReadSheet(r io.Reader) (*rating.Sheet, []usage.Reject, error) {
	rows, err := openRows(r, SheetHeader)
	if err != nil {
		return nil, nil, err
	}
	var (
		sheet   []rating.Row
		lines   []uint32
		rejects []usage.Reject
		bad     int
		clock   clock
	)
	for {
		fields, err := rows.next()
		if err == io.EOF {
			break
		}
		var broken errRow
		if err != nil && !errors.As(err, &broken) {
			return nil, rejects, err
		}
		if len(sheet) == rating.MaxRows {
			return nil, rejects, fault.Newf(CodeTooManyRows, "split the sheet by destination", "the sheet goes on after %d rows", rating.MaxRows)
		}
		var row rating.Row
		if err == nil {
			if row, err = sheetRow(&clock, fields); err == nil {
				err = row.Validate()
			}
		}
		if err != nil {
			bad++
			if len(rejects) < maxSheetRejects {
				f := fault.Of(err)
				rejects = append(rejects, usage.Reject{Line: rows.line, Field: f.Field, Code: f.Code, Detail: f.Detail})
			}
			continue
		}
		sheet, lines = append(sheet, row), append(lines, uint32(rows.line))
	}
	if bad > 0 {
		first := rejects[0]
		return nil, rejects, fault.Newf(CodeSheetRefused, "correct the rows and send the whole sheet again",
			"%d bad rows; the first is line %d: %s", bad, first.Line, first.Detail).In(first.Field)
	}
	s, err := rating.NewSheet(sheet, lines)
	return s, nil, err
}

// sheetRow reads the fields of one row.
func sheetRow(clock *clock, f [][]byte) (row rating.Row, err error) {
	row.Destination, row.Prefix = string(f[0]), string(f[1])
	if err := text("destination", f[0]); err != nil {
		return row, err
	}
	if row.Rate, err = money.ParseRate(string(f[2])); err != nil {
		return row, fault.Of(err).In("rate")
	}
	if row.Currency, err = money.ParseCurrency(string(f[3])); err != nil {
		return row, fault.Of(err).In("currency")
	}
	for _, n := range []struct {
		field string
		text  []byte
		value *uint32
	}{
		{"unit_seconds", f[4], &row.UnitSeconds},
		{"minimum_seconds", f[5], &row.MinimumSeconds},
		{"increment_seconds", f[6], &row.IncrementSeconds},
	} {
		v, err := strconv.ParseUint(string(n.text), 10, 32)
		if err != nil {
			return row, fieldError(CodeBadField, n.field, "%s is no number of seconds", excerpt(n.text))
		}
		*n.value = uint32(v)
	}
	var ok bool
	if row.ValidFrom, ok = clock.read(f[7]); !ok {
		return row, fieldError(CodeBadTime, "valid_from", "%s is no RFC 3339 time with zone", excerpt(f[7]))
	}
	if len(f[8]) == 0 {
		row.ValidTo = rating.Open
	} else if row.ValidTo, ok = clock.read(f[8]); !ok {
		return row, fieldError(CodeBadTime, "valid_to", "%s is no RFC 3339 time with zone", excerpt(f[8]))
	}
	return row, nil
}
