package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/lateral-network/lateral/trade/party"
)

// News is something that happened in a sandbox, in words.
type News struct {
	id      uint64
	Kind    string     `json:"kind"`              // node, link, fault, alarm, or the kind of an event on a Bilateral
	Carrier party.Code `json:"carrier,omitempty"` // who saw it
	At      time.Time  `json:"at"`
	Text    string     `json:"text"`
}

// newsroom keeps the latest news and hands them to whoever reads along.
type newsroom struct {
	say func(string, ...any)

	mu     sync.Mutex // guards all below
	next   uint64
	latest []News
	change chan struct{} // closed when there is more
}

// kept is how many news are kept for who comes later.
const kept = 1000

func newNewsroom(say func(string, ...any)) *newsroom {
	return &newsroom{say: say, next: 1, change: make(chan struct{})}
}

// tell publishes news, and writes a line of the timeline.
func (n *newsroom) tell(kind string, carrier party.Code, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	n.say("%s", text)
	n.publish(kind, carrier, text)
}

func (n *newsroom) publish(kind string, carrier party.Code, text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.latest = append(n.latest, News{id: n.next, Kind: kind, Carrier: carrier, At: time.Now().UTC(), Text: text})
	n.next++
	if len(n.latest) > 2*kept {
		n.latest = append([]News(nil), n.latest[kept:]...)
	}
	close(n.change)
	n.change = make(chan struct{})
}

// after gives what came after a piece of news, and a channel that closes when there
// is more.
func (n *newsroom) after(id uint64) ([]News, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	from := len(n.latest)
	for from > 0 && n.latest[from-1].id > id {
		from--
	}
	return append([]News(nil), n.latest[from:]...), n.change
}

// ServeHTTP implements http.Handler: a stream of server-sent events. It begins
// behind Last-Event-ID, or with what is kept.
func (n *newsroom) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	seen, _ := strconv.ParseUint(r.Header.Get("Last-Event-ID"), 10, 64)
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	beat := time.NewTicker(15 * time.Second)
	defer beat.Stop()
	for {
		list, more := n.after(seen)
		for _, x := range list {
			data, err := json.Marshal(x)
			if err != nil {
				return
			}
			if _, err := fmt.Fprintf(w, "id: %d\ndata: %s\n\n", x.id, data); err != nil {
				return
			}
			seen = x.id
		}
		if out.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-more:
		case <-beat.C:
			if _, err := fmt.Fprint(w, ": still here\n\n"); err != nil {
				return
			}
		}
	}
}
