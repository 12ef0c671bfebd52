package native

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
)

// logs registers the channels' logs and the streams of their events.
func (s *server) logs() {
	type Filter struct {
		OnwardQuery
		Kind    trade.Kind `query:"kind" maxLength:"40" doc:"Only envelopes with a command of this kind."`
		Refused bool       `query:"refused" doc:"Only envelopes with a refused command."`
	}
	page := func(ctx context.Context, c Channel, f Filter) (*reply[api.Page[wire.Entry]], error) {
		return readLog(ctx, c, f.OnwardQuery, func(e channel.Entry) bool {
			kind, refused := f.Kind == "", !f.Refused || e.Code != ""
			for _, o := range e.Outcomes {
				kind = kind || o.Kind == f.Kind
				refused = refused || o.Receipt.Code != ""
			}
			return kind && refused
		})
	}
	get(s, "/v1/bilaterals/{partner}/log", "list-log", tagLog, "The channel's envelopes in order, with the receipts of their commands", func(ctx context.Context, in *struct {
		PartnerPath
		Filter
	}) (*reply[api.Page[wire.Entry]], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		return page(ctx, b, in.Filter)
	})
	get(s, "/v1/network/log", "list-network-log", tagLog, "The Omnilateral's envelopes in order", func(ctx context.Context, in *struct{ Filter }) (*reply[api.Page[wire.Entry]], error) {
		return page(ctx, s.Member.Omni(), in.Filter)
	})
	s.feed("/v1/bilaterals/{partner}/events", "stream-events", "Events of the channel as they happen (server-sent events)", func(r *http.Request) (Channel, error) {
		return s.with(party.Code(r.PathValue("partner")))
	})
	s.feed("/v1/network/events", "stream-network-events", "Events of the Omnilateral as they happen (server-sent events)", func(*http.Request) (Channel, error) {
		return s.Member.Omni(), nil
	})
	s.feedAll()
}

// maxLooked bounds how many entries one page looks at when a filter leaves most
// of them out; the page then ends early and says where to go on.
const maxLooked = 20_000

// readLog gives a page of a channel's log. The cursor is that of the channel.
func readLog(ctx context.Context, c Channel, q OnwardQuery, wanted func(channel.Entry) bool) (*reply[api.Page[wire.Entry]], error) {
	from, err := channel.ParseCursor(q.After)
	if err != nil {
		return nil, fault.Of(err).In("after")
	}
	end, err := tip(c)
	if err != nil {
		return nil, err
	}
	p := api.Page[wire.Entry]{Items: []wire.Entry{}}
	if q.Total {
		n := uint64(end)
		p.Total = &n
	}
	if from >= end {
		return answer(p), nil
	}
	looked := 0
	for e, err := range c.Events(ctx, from) {
		if err != nil {
			return nil, err
		}
		looked++
		if wanted(e) {
			p.Items = append(p.Items, shownEntry(e))
		}
		if e.Next >= end {
			break
		}
		if len(p.Items) == q.Limit || looked == maxLooked {
			p.Next = e.Next.String()
			break
		}
	}
	return answer(p), nil
}

// tip gives the cursor behind the last entry.
func tip(c Channel) (at channel.Cursor, err error) {
	err = c.View(func(v channel.View) error {
		at = v.Cursor
		return nil
	})
	return at, err
}

// place is a place in a stream of events: behind the event with a number, from
// 0, of the entry that begins at a cursor. Its text is the id of that event,
// "CURSOR.NUMBER".
type place struct {
	entry channel.Cursor
	event int
}

func (p place) String() string { return p.entry.String() + "." + strconv.Itoa(p.event) }

// parsePlace reads the id of an event.
func parsePlace(id string) (p place, err error) {
	entry, event, ok := strings.Cut(id, ".")
	bad := fault.Newf(fault.Invalid, "use the id of the last event that you dealt with", "%.40q is no id of an event", id)
	if !ok || entry == "" {
		return p, bad
	}
	if p.entry, err = channel.ParseCursor(entry); err != nil {
		return p, bad.Because(err)
	}
	if p.event, err = strconv.Atoi(event); err != nil || p.event < 0 {
		return p, bad
	}
	return p, nil
}

// begin says where a stream begins: behind Last-Event-ID, else at the cursor
// after, else now.
func begin(c Channel, r *http.Request) (from channel.Cursor, skip int, err error) {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		p, err := parsePlace(id)
		if err != nil {
			return 0, 0, fault.Of(err).In("Last-Event-ID")
		}
		return p.entry, p.event + 1, nil
	}
	if after := r.URL.Query().Get("after"); after != "" {
		from, err = channel.ParseCursor(after)
		if err != nil {
			err = fault.Of(err).In("after")
		}
		return from, 0, err
	}
	from, err = tip(c)
	return from, 0, err
}

// feed registers a stream of events.
func (s *server) feed(path, id, summary string, find func(*http.Request) (Channel, error)) {
	op := operation(http.MethodGet, path, id, tagLog, summary)
	op.Description += " Each message has an id; send the last one as Last-Event-ID to go on behind it. A comment comes when nothing happens for a while. The stream ends when the token is removed or expires."
	if strings.Contains(path, "{partner}") {
		op = withPath(op, "partner")
	}
	text := &huma.Schema{Type: huma.TypeString}
	op.Parameters = append(op.Parameters,
		&huma.Param{Name: "Last-Event-ID", In: "header", Schema: text, Description: "Id of the last event that you dealt with."},
		&huma.Param{Name: "after", In: "query", Schema: text, Description: "Cursor of the log to begin at; 0 is the beginning. Absent: now."},
		&huma.Param{Name: "kind", In: "query", Schema: text, Description: "Only events whose kind begins so, like invoice."})
	event := s.api.OpenAPI().Components.Schemas.Schema(typeOf[wire.Event](), true, "Event")
	s.raw(op, "text/event-stream", "Messages with id, event (the kind) and data, an Event as JSON: "+event.Ref, func(w http.ResponseWriter, r *http.Request) {
		c, err := find(r)
		if err != nil {
			s.problem(r.Context(), err).Write(w)
			return
		}
		from, skip, err := begin(c, r)
		if err != nil {
			s.problem(r.Context(), err).Write(w)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Accel-Buffering", "no")
		w.Header().Set("X-Cursor", from.String()) // where the stream begins, for who must connect again before its first event
		w.WriteHeader(http.StatusOK)
		may := func() bool { return s.still(r, id) }
		s.send(r.Context(), w, c, from, skip, r.URL.Query().Get("kind"), may)
	})
}

// writeWithin is how long a reader of events may take for one message.
const writeWithin = 30 * time.Second

// writer writes messages to a reader, each within its time.
func writer(w http.ResponseWriter) func([]byte) error {
	control := http.NewResponseController(w)
	return func(b []byte) error {
		if err := control.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		return control.Flush()
	}
}

// send writes events until the reader goes, may read no more, or the channel
// ends.
func (s *server) send(ctx context.Context, w http.ResponseWriter, c Channel, from channel.Cursor, skip int, kind string, may func() bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	write := writer(w)
	if write([]byte(": events\n\n")) != nil {
		return
	}
	entries := make(chan channel.Entry)
	failed := make(chan error, 1)
	go func() {
		defer close(entries)
		for e, err := range c.Events(ctx, from) {
			if err != nil {
				failed <- err
				return
			}
			select {
			case entries <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	beat := time.NewTicker(s.heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			if !may() || write([]byte(": still here\n\n")) != nil {
				return
			}
		case e, ok := <-entries:
			if !ok {
				select {
				case err := <-failed:
					if ctx.Err() == nil {
						s.Log.Error("a stream of events ended", "trace", traceOf(ctx), "err", err)
					}
				default:
				}
				return
			}
			if data := messages(e, from, skip, kind); len(data) > 0 && (!may() || write(data) != nil) {
				return
			}
			from, skip = e.Next, 0
		}
	}
}

// messages renders the events of one entry that begins at a cursor, without the
// first skip.
func messages(e channel.Entry, at channel.Cursor, skip int, kind string) []byte {
	var b bytes.Buffer
	n := 0
	for _, o := range e.Outcomes {
		for i := range o.Events {
			if n >= skip && strings.HasPrefix(o.Events[i].Kind, kind) {
				id := place{at, n}.String()
				data, err := json.Marshal(shownEvent(e, o, i, id))
				if err != nil {
					panic(err) // a struct of texts and numbers
				}
				fmt.Fprintf(&b, "id: %s\nevent: %s\ndata: %s\n\n", id, o.Events[i].Kind, data)
			}
			n++
		}
	}
	return b.Bytes()
}
