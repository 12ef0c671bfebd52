package client

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
)

// again is how long a reader waits before it connects again; it doubles up to
// lastAgain while the node does not answer.
const (
	again     = 200 * time.Millisecond
	lastAgain = 5 * time.Second
	maxEvent  = 1 << 20 // bytes of one line of the stream
)

func (c *Client) events(ctx context.Context, path, from, kind string) iter.Seq2[wire.Event, error] {
	return func(yield func(wire.Event, error) bool) {
		wait := again
		for {
			res, err := c.send(ctx, eventsFrom(path, from, kind))
			switch {
			case ctx.Err() != nil:
				return
			case err != nil && fault.CodeOf(err) != fault.Unavailable:
				yield(wire.Event{}, err)
				return
			case err == nil:
				wait = again
				if from == "" {
					// What happens between two connections is not to be lost, so the
					// place where the stream began is needed from the first.
					from = res.Header.Get("X-Cursor")
				}
				stop := false
				for e, err := range messages(res.Body) {
					if err != nil {
						break // connect again
					}
					from = e.ID
					if stop = !yield(e, nil); stop {
						break
					}
				}
				res.Body.Close()
				if stop {
					return
				}
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
				wait = min(2*wait, lastAgain)
			}
		}
	}
}

// eventsFrom asks for the stream of a kind behind an event's id, or at a cursor.
func eventsFrom(path, from, kind string) call {
	r := call{method: http.MethodGet, path: path, query: url.Values{}}
	if kind != "" {
		r.query.Set("kind", kind)
	}
	switch {
	case strings.Contains(from, "."):
		r.header = http.Header{"Last-Event-Id": {from}}
	case from != "":
		r.query.Set("after", from)
	}
	return r
}

// messages reads a stream of server-sent events whose data are Events.
func messages(r io.Reader) iter.Seq2[wire.Event, error] {
	return func(yield func(wire.Event, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 0, 4096), maxEvent)
		var data strings.Builder
		for lines.Scan() {
			line := lines.Text()
			switch {
			case strings.HasPrefix(line, "data:"):
				data.WriteString(strings.TrimPrefix(line[len("data:"):], " "))
			case line == "" && data.Len() > 0:
				var e wire.Event
				err := json.Unmarshal([]byte(data.String()), &e)
				data.Reset()
				if !yield(e, err) || err != nil {
					return
				}
			}
		}
		if err := lines.Err(); err != nil {
			yield(wire.Event{}, err)
		}
	}
}
