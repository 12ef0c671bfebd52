package voice

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// SheetHeader is the first line of a rate sheet.
const SheetHeader = "destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to"

// sheetExtras are the columns that may follow, in any order; the file of a sheet
// without connect fees, origins, blocked destinations and bands has none.
var sheetExtras = []string{"connect_fee", "origin_prefix", "blocked", "days", "from_time", "to_time", "zone"}

// CodeSheetRefused says that a rate sheet has bad rows and is not applied.
const CodeSheetRefused fault.Code = "sheet-refused"

// maxSheetRejects bounds how many bad rows of a sheet are named.
const maxSheetRejects = 10_000

// ReadSheet reads a rate sheet, gzip or plain. One bad row refuses the sheet:
// then the error has code [CodeSheetRefused], or that of the rule which two rows
// break together (rating.CodeSameStart, rating.CodeOverlap), and every bad row
// is named. Codes of the file as a whole: [CodeBadHeader], [CodeUnreadable].
func ReadSheet(r io.Reader) (*rating.Sheet, []usage.Reject, error) {
	rows, extras, err := openRows(r, SheetHeader, sheetExtras...)
	if err != nil {
		return nil, nil, err
	}
	columns := rows.columns - len(extras)
	var (
		sheet   []rating.Row
		lines   []uint32
		rejects []usage.Reject
		bad     int
		clock   clock
	)
	for {
		fields, err := rows.Next()
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
				if err = ReadExtra(&row, extras, fields[columns:]); err == nil {
					err = row.Validate()
				}
			}
		}
		if err != nil {
			bad++
			if len(rejects) < maxSheetRejects {
				f := fault.Of(err)
				rejects = append(rejects, usage.Reject{Line: rows.Line, Field: f.Field, Code: f.Code, Detail: f.Detail})
			}
			continue
		}
		sheet, lines = append(sheet, row), append(lines, uint32(rows.Line))
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

// ReadExtra reads the fields of a row that most sheets do not have. An empty field is that of a row without it.
func ReadExtra(row *rating.Row, columns []string, f [][]byte) (err error) {
	from, to := "", ""
	for i, column := range columns {
		value := string(f[i])
		if value == "" {
			continue
		}
		switch column {
		case "connect_fee":
			row.ConnectFee, err = money.ParseRate(value)
		case "origin_prefix":
			row.OriginPrefix = value
		case "blocked":
			if row.Blocked = value == "yes"; !row.Blocked && value != "no" {
				err = fieldError(CodeBadField, "", "%s is neither yes nor no", excerpt(f[i]))
			}
		case "days":
			row.Band.Days, err = usage.ParseDays(value)
		case "from_time":
			from = value
			row.Band.From, err = usage.ParseClockTime(value)
		case "to_time":
			to = value
			row.Band.To, err = usage.ParseClockTime(value)
		case "zone":
			row.Band.Zone = value
		}
		if err != nil {
			return fault.Of(err).In(column)
		}
	}
	if row.Band.IsZero() && from == "" && to == "" {
		return nil
	}
	// A band without days is of every day, one without times of the whole day.
	if row.Band.Days == 0 {
		row.Band.Days = usage.Everyday
	}
	if from == "" && to == "" {
		row.Band.To = 24 * 60
	}
	if row.Band.Zone == "UTC" {
		row.Band.Zone = ""
	}
	if (from == "") != (to == "") {
		return fieldError(CodeBadField, "to_time", "a band has one of from_time and to_time")
	}
	if row.Band == (usage.Band{Days: usage.Everyday, To: 24 * 60, Zone: row.Band.Zone}) {
		row.Band = usage.Band{} // all of the time, however it is written
	}
	return nil
}

// WriteSheet writes rows as a rate sheet in CSV that ReadSheet reads. What no
// row has gets no column.
func WriteSheet(w io.Writer, rows []rating.Row) error {
	extra := func(r *rating.Row) []string {
		out := make([]string, len(sheetExtras))
		if r.ConnectFee != 0 {
			out[0] = r.ConnectFee.String()
		}
		out[1] = r.OriginPrefix
		if r.Blocked {
			out[2] = "yes"
		}
		if b := r.Band; !b.IsZero() {
			out[3], out[4], out[5], out[6] = b.Days.String(), usage.ClockTime(b.From), usage.ClockTime(b.To), cmp.Or(b.Zone, "UTC")
		}
		return out
	}
	has := make([]bool, len(sheetExtras))
	for i := range rows {
		if rows[i].Extra() {
			for n, v := range extra(&rows[i]) {
				has[n] = has[n] || v != ""
			}
		}
	}
	out := bufio.NewWriter(w)
	out.WriteString(SheetHeader)
	extras := false
	for n, name := range sheetExtras {
		if has[n] {
			extras = true
			out.WriteString("," + name)
		}
	}
	out.WriteByte('\n')
	for i := range rows {
		r := &rows[i]
		until := ""
		if r.ValidTo != rating.Open {
			until = usage.Stamp(r.ValidTo)
		}
		fmt.Fprintf(out, "%s,%s,%s,%s,%d,%d,%d,%s,%s", quoted(r.Destination), r.Prefix, r.Rate, r.Currency,
			r.UnitSeconds, r.MinimumSeconds, r.IncrementSeconds, usage.Stamp(r.ValidFrom), until)
		if extras {
			for n, v := range extra(r) {
				if has[n] {
					out.WriteString("," + v)
				}
			}
		}
		out.WriteByte('\n')
	}
	return out.Flush()
}
