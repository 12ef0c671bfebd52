package comet

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/cometbft/cometbft/libs/log"
)

// engineLog hands the engine's log to slog. The engine reports each step of
// each block at level info; that is debug to everybody else.
type engineLog struct {
	to     *slog.Logger
	halted func(reason string) // is told when consensus ends by itself; nil tells nobody
}

var _ log.Logger = engineLog{}

// at renders the engine's arguments, some of them lazy formatters of whole
// blocks, only when the level is on.
func (l engineLog) at(level slog.Level, msg string, keyvals []any) {
	if !l.to.Enabled(context.Background(), level) {
		return
	}
	l.to.Log(context.Background(), level, msg, rendered(keyvals)...)
}

func (l engineLog) Debug(msg string, keyvals ...any) { l.at(slog.LevelDebug-4, msg, keyvals) }
func (l engineLog) Info(msg string, keyvals ...any)  { l.at(slog.LevelDebug, msg, keyvals) }
func (l engineLog) Warn(msg string, keyvals ...any)  { l.at(slog.LevelWarn, msg, keyvals) }
func (l engineLog) Error(msg string, keyvals ...any) {
	l.at(slog.LevelWarn, msg, keyvals)
	if l.halted != nil && slices.Contains(consensusEnds, msg) {
		var reason any = "no reason is given"
		for i := 1; i < len(keyvals); i += 2 {
			if keyvals[i-1] == "err" {
				reason = keyvals[i]
			}
		}
		l.halted(fmt.Sprint(reason))
	}
}

// consensusEnds is what the engine logs when it has recovered a panic in its
// consensus and ended that goroutine, and when it cannot write the log of votes
// and goes on all the same. It says so in no other way.
var consensusEnds = []string{"CONSENSUS FAILURE!!!", "failed writing to WAL", "Periodic WAL flush failed"}

// telling gives a log that also tells somebody when consensus ends.
func (l engineLog) telling(halted func(reason string)) engineLog { return engineLog{l.to, halted} }

func (l engineLog) With(keyvals ...any) log.Logger {
	for i := 1; i < len(keyvals); i += 2 {
		if name, ok := keyvals[i].(string); ok && keyvals[i-1] == "module" {
			return engineLog{l.to.With("engine", name), l.halted}
		}
	}
	return engineLog{l.to.With(lazily(keyvals)...), l.halted}
}

func rendered(keyvals []any) []any {
	out := make([]any, len(keyvals))
	for i, v := range keyvals {
		switch v := v.(type) {
		case error:
			out[i] = v.Error()
		case fmt.Stringer:
			out[i] = v.String()
		default:
			out[i] = v
		}
	}
	return out
}

// lazily defers rendering to the line that is written.
func lazily(keyvals []any) []any {
	out := make([]any, len(keyvals))
	for i, v := range keyvals {
		if s, ok := v.(fmt.Stringer); ok && i%2 == 1 {
			out[i] = lazy{s}
		} else {
			out[i] = v
		}
	}
	return out
}

type lazy struct{ fmt.Stringer }

func (l lazy) LogValue() slog.Value { return slog.StringValue(l.String()) }
