package native

import (
	"context"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/clearing"
	"github.com/lateral-network/lateral/fault"
)

// usage registers this carrier's own call records.
func (s *server) usage() {
	const at = "/v1/bilaterals/{partner}/usage"
	op := takesRecords(operation(http.MethodPost, at, "import-usage", tagUsage, "Import own call records; the same file again does nothing"),
		"Call records of any length, plain or gzip: our own CSV, JSON lines or Parquet, or what format says.")
	add(s, op, func(ctx context.Context, in *struct {
		CSVBody
		Name   string `query:"name" maxLength:"200" doc:"Of the file, for people."`
		Format string `query:"format" maxLength:"65536" doc:"How the file is written: asterisk, freeswitch, kamailio, jsonl, parquet or lateral, which may be followed by a zone of times that name none, like asterisk in Europe/Berlin; or a mapping profile in YAML. Absent: what the content says."`
	}) (*reply[wire.Import], error) {
		d, err := s.desk(in.Partner)
		if err != nil {
			return nil, err
		}
		i, err := d.ImportUsage(ctx, in.Name, in.Format, in.body)
		if err != nil {
			return nil, err
		}
		return answer(s.shownImport(i)), nil
	})
	get(s, at+"/imports", "list-imports", tagUsage, "What was imported, the oldest first", func(_ context.Context, in *partnerPage) (*reply[api.Page[wire.Import]], error) {
		return deskList(s, in, Desk.Imports, s.shownImport)
	})
	get(s, at+"/archive", "list-archive", tagUsage, "What the archive has of own records, by day and import", func(_ context.Context, in *partnerPage) (*reply[api.Page[wire.Archived]], error) {
		d, err := s.desk(in.Partner)
		if err != nil {
			return nil, err
		}
		all, err := d.Archive()
		if err != nil {
			return nil, err
		}
		return deskList(s, in, func(Desk) []clearing.Kept { return all }, shownKept)
	})
	op = operation(http.MethodDelete, at+"/archive/{day}", "erase-records", tagUsage, "Erase the own records of a day for good; refused until all imports with calls of it are sealed")
	op.DefaultStatus = http.StatusOK
	add(s, op, func(ctx context.Context, in *struct {
		PartnerPath
		Day string `path:"day" maxLength:"10" doc:"UTC, like 2026-11-02."`
	}) (*reply[wire.ErasedRecords], error) {
		d, err := s.desk(in.Partner)
		if err != nil {
			return nil, err
		}
		day, err := time.Parse(time.DateOnly, in.Day)
		if err != nil {
			return nil, fault.Newf(fault.Invalid, "write it like 2026-11-02", "%q is no day", in.Day).In("day")
		}
		rows, err := d.EraseRecords(day.UnixMilli())
		if err != nil {
			return nil, err
		}
		s.Log.Warn("records erased", "partner", in.Partner, "day", in.Day, "rows", rows, "who", api.ActorOf(ctx).Name, "trace", traceOf(ctx))
		return answer(wire.ErasedRecords{Rows: rows}), nil
	})
	get(s, at+"/exceptions", "list-exceptions", tagUsage, "Own calls that are billed nowhere: no row prices them, or their statement was missed", func(_ context.Context, in *partnerPage) (*reply[api.Page[wire.Exception]], error) {
		return deskList(s, in, Desk.Exceptions, shownException)
	})
	get(s, at+"/signals", "list-signals", tagUsage, "What looks like fraud in own records, the oldest first", func(_ context.Context, in *struct {
		PartnerPath
		PageQuery
		State string `query:"state" enum:"open,acknowledged,dismissed"`
	}) (*reply[api.Page[wire.Signal]], error) {
		all := func(d Desk) []clearing.Signal {
			return slices.DeleteFunc(d.Signals(), func(x clearing.Signal) bool { return in.State != "" && in.State != string(x.State) })
		}
		return deskList(s, &partnerPage{in.PartnerPath, in.PageQuery}, all, shownSignal)
	})
	for _, m := range []struct {
		path, id, summary string
		state             clearing.SignalState
	}{
		{"acknowledge", "acknowledge-signal", "Say that somebody sees to a signal", clearing.SignalAcknowledged},
		{"dismiss", "dismiss-signal", "Say that a signal means nothing", clearing.SignalDismissed},
	} {
		post(s, at+"/signals/{number}/"+m.path, m.id, tagUsage, m.summary, func(ctx context.Context, in *struct {
			PartnerPath
			Number uint32 `path:"number"`
			Body   wire.Answer
		}) (*reply[wire.Signal], error) {
			d, err := s.desk(in.Partner)
			if err != nil {
				return nil, err
			}
			x, err := d.JudgeSignal(in.Number, m.state, api.ActorOf(ctx).Name, in.Body.Why)
			if err != nil {
				return nil, err
			}
			return answer(shownSignal(x)), nil
		})
	}
	get(s, at+"/summary", "get-summary", tagUsage, "What the own records come to, rated alone", func(_ context.Context, in *PartnerPath) (*reply[wire.Summary], error) {
		d, err := s.desk(in.Partner)
		if err != nil {
			return nil, err
		}
		sum, err := d.Summary()
		return answer(shownSummary(sum)), err
	})
	post(s, at+"/close", "close-periods", tagUsage, "Say that all records of periods up to a moment are in", func(ctx context.Context, in *struct {
		PartnerPath
		Body wire.CloseThrough
	}) (*reply[wire.Closed], error) {
		d, err := s.desk(in.Partner)
		if err != nil {
			return nil, err
		}
		through := in.Body.Through
		if through == 0 {
			sum, err := d.Summary()
			if err != nil {
				return nil, err
			}
			if through = wire.Time(sum.Last); through == 0 {
				return nil, fault.New(fault.NotYet, "no record was imported, so no period can be closed", "import a file, or name a moment").In("through")
			}
		}
		return answer(wire.Closed{Through: through}), d.CloseThrough(ctx, int64(through))
	})
}

// partnerPage is a page of a list that belongs to a Bilateral.
type partnerPage struct {
	PartnerPath
	PageQuery
}

// deskList cuts a page out of a list that a desk has in memory.
func deskList[T, W any](s *server, in *partnerPage, all func(Desk) []T, show func(T) W) (*reply[api.Page[W]], error) {
	d, err := s.desk(in.Partner)
	if err != nil {
		return nil, err
	}
	return cut(all(d), in.wanted(), show)
}

// cut gives a page of a list.
func cut[T, W any](all []T, w api.Wanted, show func(T) W) (*reply[api.Page[W]], error) {
	p, err := api.CutSlice(all, w)
	if err != nil {
		return nil, err
	}
	out := api.Page[W]{Items: make([]W, len(p.Items)), Next: p.Next, Total: p.Total}
	for i, x := range p.Items {
		out.Items[i] = show(x)
	}
	return answer(out), nil
}

// stream copies a file into the answer.
func (s *server) stream(w http.ResponseWriter, r *http.Request, media string, f io.Reader) {
	// The first bytes are read before the status is sent, so that a damaged
	// file is an error and not an empty answer.
	head := make([]byte, 32<<10)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		s.problem(r.Context(), err).Write(w)
		return
	}
	w.Header().Set("Content-Type", media)
	if _, err := w.Write(head[:n]); err != nil {
		return // the reader has gone
	}
	if _, err := io.Copy(w, f); err != nil {
		s.Log.Warn("a file could not be sent whole", "trace", traceOf(r.Context()), "err", err)
		panic(http.ErrAbortHandler) // cut the answer, so that it is not taken for whole
	}
}
