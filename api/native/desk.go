package native

import (
	"context"
	"io"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/clearing"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/repute"
	"github.com/lateral-network/lateral/trade/token"
	"github.com/lateral-network/lateral/trade/usage"
)

// Desk is what the interface needs of the clearing desk for a partner:
// *clearing.Desk has it.
type Desk interface {
	ProposeSheet(ctx context.Context, direction usage.Direction, from int64, r io.Reader) (trade.SheetPropose, error)
	AcknowledgeSheet(ctx context.Context, id string) error
	AcceptSheet(ctx context.Context, id string) error
	RejectSheet(ctx context.Context, id, why string) error
	WithdrawSheet(ctx context.Context, id, why string) error
	OpenSheet(id string) (io.ReadCloser, error)
	ImportUsage(ctx context.Context, name, format string, r io.Reader) (clearing.Import, error)
	Imports() []clearing.Import
	Rejected() (rows uint64)
	ImportReadings(r io.Reader) (clearing.MeterImport, error)
	CloseThrough(ctx context.Context, through int64) error
	Summary() (clearing.Summary, error)
	Exceptions() []clearing.Exception
	Signals() []clearing.Signal
	JudgeSignal(number uint32, state clearing.SignalState, by, why string) (clearing.Signal, error)
	Suggestions() ([]clearing.Suggestion, error)
	Suggested(id string) (clearing.Suggestion, error)
	Evidence(dispute string) (clearing.Evidence, error)
	Try(dispute string, rule agreement.Source) (clearing.Trial, error)
	Assign(dispute, to, by, why string) (clearing.Assignment, error)
	Assigned(dispute string) (clearing.Assignment, error)
	Waterfall(invoice string) (clearing.Waterfall, error)
	Calls(order string, period usage.Interval, row uint32, adjusts int64) ([]clearing.LineCall, error)
	Replay(ctx context.Context, rule agreement.Source, within func(ms int64) bool) (clearing.Replay, error)
	Correct(ctx context.Context, order string, from int64, why string) (clearing.Correction, error)
	Problems() []clearing.Problem
	Busy() bool
	Needed(file canon.Hash) error
	Archive() ([]clearing.Kept, error)
	EraseRecords(day int64) (rows uint64, err error)
	Deposits() ([]clearing.Deposited, error)
	OpenDeposit(ctx context.Context, amount token.Amount) (canon.Hash, error)
	TopUpDeposit(ctx context.Context, id canon.Hash, more token.Amount) (canon.Hash, error)
	ReleaseDeposits(ctx context.Context, r clearing.Release) ([]token.Change, error)
	StateReputation(ctx context.Context) (repute.Said, error)
	TakePart(round canon.Hash, most money.Micro) error
	ExitDeposits(ctx context.Context, id canon.Hash, seen bool) ([]canon.Hash, error)
}

var _ Desk = (*clearing.Desk)(nil)

// deskWait is how long the node may take to open the desk of a Bilateral that is
// open.
const deskWait = 2 * time.Second

// desk gives the desk for a partner. Whoever has just opened the Bilateral need not
// know that its desk comes a moment later. Codes: not-found, not-yet while the
// Bilateral is not open.
func (s *server) desk(partner party.Code) (Desk, error) {
	b, err := s.with(partner)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(deskWait); ; time.Sleep(20 * time.Millisecond) {
		if d, ok := s.Desk(partner); ok {
			return d, nil
		}
		if state := b.State(); state != channel.StateOpen && state != channel.StateDiverged || time.Now().After(end) {
			return nil, fault.Newf(fault.NotYet, "wait until both nodes have opened it", "the Bilateral with %s is not open yet", partner)
		}
	}
}
