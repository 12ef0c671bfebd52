// Package line is the row of product lines. Each is a folder of its own that
// says what can be ordered and how a carrier's own records of usage are read;
// lines do not know each other, and the commercial core knows none of their
// words.
package line

import (
	"io"

	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/usage"
)

// Line adds to what every node must agree on how one carrier reads its own
// records.
type Line interface {
	trade.Line
	// Units are what is measured, the billed one first.
	Units() []usage.Unit
	// ReadUsage reads a file as the carrier's switches wrote it. Rows of other
	// carriers than the pair are refused; the zero pair stands for the carriers
	// of the first good row. A bad row is in the batch's Rejects; the error is
	// of the file as a whole, and what was read before it is in the batch.
	ReadUsage(r io.Reader, pair usage.Pair) (*usage.Batch, error)
}

// All lists the product lines in the order of their names.
func All() []Line { return []Line{connectivity.Line{}, voice.Line{}} }
