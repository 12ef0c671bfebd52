package sonata

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"net/http"
	"time"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store/resource"
)

// Notification is an event that a seller sent to us as a buyer.
type Notification struct {
	Sender   string // who sent it, by its key
	Release  wire.Release
	Function wire.Function
	Type     string // the last part of the path, by its name in the release
	Buyer    string // where the seller named them
	Seller   string
	Event    wire.Event
	Raw      []byte // as it came
}

// ListenerOptions are what a listener needs.
type ListenerOptions struct {
	// Keys gives the key of a seller that may notify, by the id that it signs
	// with. What is not signed by one is refused.
	Keys func(id string) (ed25519.PublicKey, bool)
	// Identify, where it is set, says who sent what is not signed: for sellers
	// that sign nothing, by a secret in the callback's path or a client
	// certificate. "": nobody that is known.
	Identify func(*http.Request) string
	// Take gets each notification once; only a crash between its return and the
	// mark on the shelf gives one again. When it fails the seller sends again.
	Take func(context.Context, Notification) error
	Skew time.Duration    // by which clocks may differ; 0: 15 minutes
	Body int64            // bytes of a notification at most; 0: 256 KiB
	Now  func() time.Time // nil: the clock
	Log  *slog.Logger     // nil discards
}

// Listener is the buyer's side: it takes notifications at the paths of both
// releases. Serve it under the callback's path (http.StripPrefix).
type Listener struct {
	o      ListenerOptions
	store  *resource.DB
	mux    *http.ServeMux
	taking keyed // events that are being taken
}

// NewListener makes a listener that remembers on the shelf what it has heard.
func NewListener(store *resource.DB, o ListenerOptions) *Listener {
	if o.Skew == 0 {
		o.Skew = 15 * time.Minute
	}
	if o.Body == 0 {
		o.Body = 256 << 10
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = discard
	}
	l := &Listener{o: o, store: store, mux: http.NewServeMux()}
	for _, release := range wire.Releases {
		for _, f := range wire.Functions {
			for _, event := range wire.EventTypes(release, f) {
				l.mux.HandleFunc("POST "+release.ListenerBase(f)+"/"+event, func(w http.ResponseWriter, r *http.Request) {
					l.answer(w, r, release, f, event)
				})
			}
		}
	}
	return l
}

// ServeHTTP takes a notification.
func (l *Listener) ServeHTTP(w http.ResponseWriter, r *http.Request) { l.mux.ServeHTTP(w, r) }

// listenerErrors are the statuses that the files list.
var listenerErrors = []int{400, 401, 403, 500}

func (l *Listener) answer(w http.ResponseWriter, r *http.Request, release wire.Release, f wire.Function, event string) {
	err := l.take(w, r, release, f, event)
	if err != nil {
		l.o.Log.Warn("sonata: a notification was refused", "event", event, "err", err)
		(&Server{log: l.o.Log}).refuse(r.Context(), w, err, listenerErrors)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// eventShape is what all events have.
var eventShape = object(req("eventId", text), req("eventTime", date), req("eventType", text), req("event", object(req("id", text))))

func (l *Listener) take(w http.ResponseWriter, r *http.Request, release wire.Release, f wire.Function, event string) error {
	body, err := (&Server{options: Options{Body: l.o.Body}}).readBody(w, r)
	if err != nil {
		return err
	}
	n := Notification{Release: release, Function: f, Type: event, Raw: body.Bytes()}
	if n.Sender, err = VerifySignature(r, n.Raw, l.o.Keys, l.o.Now(), l.o.Skew); err != nil {
		if l.o.Identify == nil || r.Header.Get("Signature") != "" {
			return err
		}
		if n.Sender = l.o.Identify(r); n.Sender == "" {
			return err
		}
	}
	q, err := readQuery(r.URL.RawQuery, []param{{name: "buyerId"}, {name: "sellerId"}})
	if err != nil {
		return err
	}
	n.Buyer, n.Seller = q.Get("buyerId"), q.Get("sellerId")
	if err := eventShape.check(body); err != nil {
		return err
	}
	if err := body.Decode(&n.Event); err != nil {
		return fault.New(CodeBadBody, "the event cannot be read", "send it as the published file says").Because(err)
	}
	if release == wire.Grace {
		n.Buyer, n.Seller = n.Event.Of.Raw.Get("buyerId").Text(), n.Event.Of.Raw.Get("sellerId").Text()
	}
	if n.Event.Type != wire.EventName(release, event) && n.Event.Type != event {
		return fault.New(CodeBadBody, "the event is of another type than the address", "send each to its own address").In("eventType")
	}
	return l.once(r.Context(), n)
}

// once gives a notification to Take unless it has been taken.
func (l *Listener) once(ctx context.Context, n Notification) error {
	defer l.taking.lock(n.Sender + "\x00" + n.Event.ID)()
	heard, err := l.store.Heard(ctx, n.Sender, n.Event.ID)
	if err != nil || heard {
		return err
	}
	if err := l.o.Take(ctx, n); err != nil {
		return err
	}
	return l.store.Update(context.WithoutCancel(ctx), func(tx *resource.Tx) error { return tx.Hear(n.Sender, n.Event.ID) })
}
