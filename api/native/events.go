package native

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/party"
)

// The stream of everything: the events of all channels of the node, each channel's
// in its order.

// omni is the name of the Omnilateral among the channels of the stream.
const omni party.Code = ""

// spot is where a reader of one channel is: at an entry, of which it has dealt
// with the first few events.
type spot struct {
	entry channel.Cursor
	done  int
}

// spots is where a reader of all channels is. A channel that is not among them had not
// been opened then, so it is read from its beginning.
type spots map[party.Code]spot

// String writes them as the id of an event: CODE:CURSOR or CODE:CURSOR.DONE of each
// channel, with commas between; the Omnilateral has no code.
func (s spots) String() string {
	var b strings.Builder
	for i, code := range slices.Sorted(maps.Keys(s)) {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s:%s", code, s[code].entry)
		if s[code].done > 0 {
			fmt.Fprintf(&b, ".%d", s[code].done)
		}
	}
	return b.String()
}

// parseSpots reads the id of an event; "0" is the beginning of all channels.
func parseSpots(id string) (spots, error) {
	s := spots{}
	if id == "0" {
		return s, nil
	}
	bad := fault.Newf(fault.Invalid, "use the id of the last event that you dealt with, or 0", "%.40q is no id of an event of all channels", id)
	for part := range strings.SplitSeq(id, ",") {
		name, at, ok := strings.Cut(part, ":")
		code := party.Code(name)
		if _, twice := s[code]; !ok || twice || at == "" || code != omni && code.Validate() != nil {
			return nil, bad
		}
		var here spot
		var err error
		cursor, done, within := strings.Cut(at, ".")
		if here.entry, err = channel.ParseCursor(cursor); err != nil || cursor == "" {
			return nil, bad.Because(err)
		}
		if within {
			if _, err := fmt.Sscanf(done, "%d", &here.done); err != nil || here.done < 1 || fmt.Sprint(here.done) != done {
				return nil, bad
			}
		}
		s[code] = here
	}
	return s, nil
}

// channels gives what is read, by partner: of several with one partner the one in use.
func (s *server) channels() map[party.Code]Channel {
	all := map[party.Code]Channel{omni: s.Member.Omni()}
	for _, b := range s.Member.Bilaterals() {
		code := party.Code(b.Partner())
		if other, ok := all[code].(Bilateral); !ok || rank(b) > rank(other) {
			all[code] = b
		}
	}
	return all
}

// beginAll says where a stream of everything begins: behind Last-Event-ID, else at
// after, else now.
func (s *server) beginAll(r *http.Request) (spots, error) {
	ends := map[party.Code]channel.Cursor{}
	for code, c := range s.channels() {
		end, err := tip(c)
		if err != nil {
			return nil, err
		}
		ends[code] = end
	}
	id, name := r.Header.Get("Last-Event-ID"), "Last-Event-ID"
	if id == "" {
		id, name = r.URL.Query().Get("after"), "after"
	}
	if id != "" {
		at, err := parseSpots(id)
		if err != nil {
			return nil, fault.Of(err).In(name)
		}
		for code, end := range ends {
			if at[code].entry > end {
				return nil, fault.Newf(fault.NotFound, "begin at 0", "the log of %s has %d entries, and the event is from behind them", cmp.Or(string(code), "the Omnilateral"), end).In(name)
			}
		}
		return at, nil
	}
	at := spots{}
	for code, end := range ends {
		at[code] = spot{entry: end}
	}
	return at, nil
}

// feedAll registers the stream of all channels.
func (s *server) feedAll() {
	const id = "stream-all-events"
	op := operation(http.MethodGet, "/v1/events", id, tagLog, "Events of all channels of the node as they happen, in one stream (server-sent events)")
	op.Description += " Each message is called event and has an id that says how far each channel was read; send the last one as Last-Event-ID to go on behind it. " +
		"A Bilateral that opens joins. A comment comes when nothing happens for a while. The stream ends when the token is removed or expires."
	text := &huma.Schema{Type: huma.TypeString}
	op.Parameters = append(op.Parameters,
		&huma.Param{Name: "Last-Event-ID", In: "header", Schema: text, Description: "Id of the last event that you dealt with."},
		&huma.Param{Name: "after", In: "query", Schema: text, Description: "Id to begin behind, where a header can not be sent; 0 is the beginning. Absent: now."},
		&huma.Param{Name: "kind", In: "query", Schema: text, Description: "Only events whose kind begins so, like invoice."})
	event := s.api.OpenAPI().Components.Schemas.Schema(typeOf[wire.Event](), true, "Event")
	s.raw(op, "text/event-stream", "Messages with id, event and data, an Event as JSON: "+event.Ref, func(w http.ResponseWriter, r *http.Request) {
		at, err := s.beginAll(r)
		if err != nil {
			s.problem(r.Context(), err).Write(w)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Accel-Buffering", "no")
		w.Header().Set("X-Cursor", at.String())
		w.WriteHeader(http.StatusOK)
		may := func() bool { return s.still(r, id) }
		s.sendAll(r.Context(), w, s.channels, at, r.URL.Query().Get("kind"), may)
	})
}

// arrivals is how often a stream of everything looks for Bilaterals that have opened.
const arrivals = time.Second

// arrived is an entry of one of the channels.
type arrived struct {
	code    party.Code
	channel canon.Hash
	entry   channel.Entry
}

// sendAll writes the events of all channels until the reader goes or may read no more. A
// channel whose log can not be read is left out; the others go on.
func (s *server) sendAll(ctx context.Context, w http.ResponseWriter, channels func() map[party.Code]Channel, at spots, kind string, may func() bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	write := writer(w)
	// A reader that is cut off before the first event goes on from here.
	if write(fmt.Appendf(nil, ": events\nid: %s\n\n", at)) != nil {
		return
	}
	entries := make(chan arrived)
	read := func(ctx context.Context, code party.Code, c Channel, from channel.Cursor) {
		for e, err := range c.Events(ctx, from) {
			if err != nil {
				if ctx.Err() == nil {
					s.Log.Error("a channel is left out of a stream of events", "trace", traceOf(ctx), "partner", code, "err", err)
				}
				return
			}
			select {
			case entries <- arrived{code, c.ID(), e}:
			case <-ctx.Done():
				return
			}
		}
	}
	type reader struct {
		channel canon.Hash
		stop    context.CancelFunc
	}
	running := map[party.Code]reader{}
	join := func() {
		for code, c := range channels() {
			old, known := running[code]
			switch {
			case known && old.channel == c.ID():
				continue
			case known: // one that never opened gives way to one that did
				old.stop()
				at[code] = spot{}
			}
			here := at[code]
			at[code] = here // also one that is new
			its, stop := context.WithCancel(ctx)
			running[code] = reader{c.ID(), stop}
			go read(its, code, c, here.entry)
		}
	}
	join()
	beat, look := time.NewTicker(s.heartbeat), time.NewTicker(arrivals)
	defer beat.Stop()
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			// The id comes with it: what was read and left out by its kind is not read again.
			if !may() || write(fmt.Appendf(nil, ": still here\nid: %s\n\n", at)) != nil {
				return
			}
		case <-look.C:
			join()
		case a := <-entries:
			if running[a.code].channel != a.channel {
				continue
			}
			if data := allMessages(a, at, kind); len(data) > 0 && (!may() || write(data) != nil) {
				return
			}
		}
	}
}

// allMessages renders the events of an entry that were not dealt with, and moves the
// reader's spot in its channel behind them.
func allMessages(a arrived, at spots, kind string) []byte {
	var b bytes.Buffer
	here, n := at[a.code], 0
	for _, o := range a.entry.Outcomes {
		for i := range o.Events {
			if n++; n <= here.done || !strings.HasPrefix(o.Events[i].Kind, kind) {
				continue
			}
			at[a.code] = spot{here.entry, n}
			e := shownEvent(a.entry, o, i, at.String())
			e.Partner = a.code
			data, err := json.Marshal(e)
			if err != nil {
				panic(err) // a struct of texts and numbers
			}
			fmt.Fprintf(&b, "id: %s\nevent: event\ndata: %s\n\n", e.ID, data)
		}
	}
	at[a.code] = spot{entry: a.entry.Next}
	return b.Bytes()
}
