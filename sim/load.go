package sim

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/usage"
)

// A sandbox may begin with a history: calls of periods before it. Its agreement then
// takes calls from files, whose periods close when they are told to; the sandbox
// tells them.

const (
	// mostLoad is how many calls a history may have.
	mostLoad = 1_000_000
	// loadPeriods is over how many periods they are spread, where that is not too long.
	loadPeriods = 200
	// longestLoad is before what no rate is in force.
	longestLoad = 25 * 24 * time.Hour
	// loadRows is how many are imported at once.
	loadRows = 50_000
)

// history is when the calls of a history are, before a moment; whole periods.
func history(calendar usage.Calendar, now int64) usage.Interval {
	end := calendar.At(now - warm.Milliseconds()).From
	begin := end
	for range loadPeriods {
		i := calendar.At(begin - 1)
		if now-i.From > longestLoad.Milliseconds() {
			break
		}
		begin = i.From
	}
	return usage.Interval{From: begin, To: end}
}

// load imports a history at both carriers, and closes its periods.
func (s *sandbox) load(ctx context.Context, pair [2]*desk, g *voice.Generator, calendar usage.Calendar, count int) error {
	span := history(calendar, time.Now().UnixMilli())
	if span.From == span.To {
		return fault.New(fault.Invalid, "there is no whole period that a history could be of", "choose a shorter --period").In("load")
	}
	var files [2]bytes.Buffer
	if err := g.Write(&files[0], &files[1], span, count); err != nil {
		return err
	}
	s.news.say("%d calls of %s are made, and go into both nodes", count, span)
	if err := together([]int{0, 1}, func(i int) error {
		part, rows, number := []byte(voice.UsageHeader+"\n"), 0, 0
		give := func() error {
			if rows == 0 {
				return nil
			}
			number++
			if _, err := pair[i].engineer.ImportUsage(ctx, fmt.Sprintf("history-%03d.csv", number), bytes.NewReader(part)); err != nil {
				return fmt.Errorf("importing a history at %s: %w", pair[i].me, err)
			}
			part, rows = part[:len(voice.UsageHeader)+1], 0
			return nil
		}
		for row := range bytes.Lines(files[i].Bytes()) {
			if bytes.HasPrefix(row, []byte("call_id,")) {
				continue
			}
			part = append(part, row...)
			if rows++; rows == loadRows {
				if err := give(); err != nil {
					return err
				}
			}
		}
		if err := give(); err != nil {
			return err
		}
		_, err := pair[i].engineer.Close(ctx, wire.Time(span.To))
		return err
	}); err != nil {
		return err
	}
	s.news.say("both have them, and clear them")
	return nil
}

// closing gives until when the periods of live calls can be closed now, where they
// do not close by themselves.
func closing(calendar usage.Calendar, now int64) int64 {
	const grace = 5 * time.Second // the partner's record of a call may come a little later
	return calendar.At(now - grace.Milliseconds()).From
}
