package channel

import (
	"log/slog"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
)

// Alarm tells an operator what needs a person: it is logged, and handed to the
// node's alarm hook.
type Alarm struct {
	Channel canon.Hash // zero: the Omnilateral, or the member as a whole
	Code    fault.Code
	Height  ledger.Height
	Detail  string
	Remedy  string
	Stack   string // of a panic
}

// alarms makes the function that raises alarms.
func alarms(log *slog.Logger, hook func(Alarm)) func(Alarm) {
	return func(a Alarm) {
		log.Error("alarm", "channel", a.Channel, "code", a.Code, "height", a.Height, "detail", a.Detail, "stack", a.Stack)
		if hook != nil {
			hook(a)
		}
	}
}
