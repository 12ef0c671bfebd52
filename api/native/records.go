package native

import (
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
)

// with gives this carrier's Bilateral with a partner: of several, the one that
// is in use or came furthest. Code: not-found.
func (s *server) with(partner party.Code) (Bilateral, error) {
	var found Bilateral
	for _, b := range s.Member.Bilaterals() {
		if b.Partner() != string(partner) {
			continue
		}
		if found == nil || rank(b) > rank(found) {
			found = b
		}
	}
	if found == nil {
		return nil, fault.Newf(fault.NotFound, "open one, or look the partners up in the list", "there is no Bilateral with %.40q", string(partner)).In("partner")
	}
	return found, nil
}

func rank(b Bilateral) int {
	switch b.State() {
	case channel.StateOpen, channel.StateDiverged:
		return 3
	case channel.StateHalted:
		return 2
	case channel.StateOpening:
		return 1
	}
	return 0
}

// record reads one record. Code: not-found, in words that name what.
func record[T any](c Channel, key, what string) (v T, err error) {
	err = c.View(func(view channel.View) error {
		v, err = stored[T](view, key, what)
		return err
	})
	return v, err
}

func stored[T any](r trade.Records, key, what string) (v T, err error) {
	raw, ok := r.Get(key)
	if !ok {
		return v, fault.Newf(fault.NotFound, "look it up in the list", "there is no %s", what)
	}
	return decoded[T](key, raw)
}

func decoded[T any](key string, raw []byte) (v T, err error) {
	if err := canon.Decode(raw, &v); err != nil {
		return v, fault.Newf(fault.Corrupt, "stop the node and rebuild its store from the ledger", "the record %s cannot be read", key).Because(err)
	}
	return v, nil
}

// clipped shortens what a caller wrote, for an error.
func clipped(s string) string {
	if len(s) > 60 {
		return s[:60] + "..."
	}
	return s
}

// list cuts a page out of all records whose key begins with prefix. keep turns
// a record into what is shown and says whether it is wanted.
func list[T, W any](c Channel, prefix string, q PageQuery, keep func(key string, v T) (W, bool)) (*reply[api.Page[W]], error) {
	return paged(c, prefix, q, false, keep)
}

// listWhere does what list does, for keep that wants all where a filter is zero: what
// only counts is then not read, and the total of a long list is there at once.
func listWhere[T, W any, F comparable](c Channel, prefix string, q PageQuery, filter F, keep func(key string, v T) (W, bool)) (*reply[api.Page[W]], error) {
	return paged(c, prefix, q, filter == *new(F), keep)
}

func paged[T, W any](c Channel, prefix string, q PageQuery, all bool, keep func(key string, v T) (W, bool)) (*reply[api.Page[W]], error) {
	w := q.wanted()
	if w.After != "" {
		w.After = prefix + w.After
	}
	from := w.After
	if w.Total {
		from = "" // all of them count
	}
	var failed error
	page, err := api.Cut(pieces(c, prefix, from, w.Descending, &failed), w, func(p piece, counts bool) (shown W, ok bool, err error) {
		if all && counts {
			return shown, true, nil
		}
		v, err := decoded[T](p.key, p.raw)
		if err != nil {
			return shown, false, err
		}
		shown, ok = keep(p.key, v)
		return shown, ok, nil
	})
	page.Next = strings.TrimPrefix(page.Next, prefix)
	return &reply[api.Page[W]]{page}, errors.Join(failed, err)
}

// chunk is how many records are read while a channel's state is held still.
const chunk = 500

// piece is one record as it is stored.
type piece struct {
	key string
	raw []byte
}

// pieces yields the records under a prefix behind a key, upwards or downwards, some at
// a time, so that a long list does not hold up the channel. What changes meanwhile may be seen
// or not. An error ends it and is left in failed.
func pieces(c Channel, prefix, after string, down bool, failed *error) iter.Seq2[string, piece] {
	return func(yield func(string, piece) bool) {
		for {
			batch := make([]piece, 0, chunk)
			err := c.View(func(v channel.View) error {
				records := v.ScanAfter(prefix, after)
				if down {
					records = v.ScanBefore(prefix, after)
				}
				for key, raw := range records {
					if batch = append(batch, piece{key, raw}); len(batch) == chunk {
						break
					}
				}
				return nil
			})
			if err != nil {
				*failed = err
				return
			}
			for _, p := range batch {
				if !yield(p.key, p) {
					return
				}
			}
			if len(batch) < chunk {
				return
			}
			after = batch[len(batch)-1].key
		}
	}
}

// each calls f with all records under a prefix.
func each[T any](c Channel, prefix string, f func(T) error) error {
	var failed error
	for key, p := range pieces(c, prefix, "", false, &failed) {
		v, err := decoded[T](key, p.raw)
		if err != nil {
			return err
		}
		if err := f(v); err != nil {
			return err
		}
	}
	return failed
}

// submit sends one command with the authority that it needs and waits until it
// is executed. A refusal is an error.
func (s *server) submit(ctx context.Context, c Channel, kind trade.Kind, body any) (channel.Outcome, error) {
	cmd := trade.NewCommand(kind, body)
	role, member := trade.Needs(kind)
	if member {
		role = MemberKey
	}
	if role != "" {
		var err error
		if cmd, err = s.Authorize(api.ActorOf(ctx), role, cmd, c.ID()); err != nil {
			return channel.Outcome{}, err
		}
	}
	return s.put(ctx, c, cmd)
}

// put submits a command that has its authority. A refusal is an error.
func (s *server) put(ctx context.Context, c Channel, cmd trade.Command) (channel.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Wait)
	defer cancel()
	out, err := c.Submit(ctx, cmd)
	if err != nil {
		return channel.Outcome{}, err
	}
	if len(out) != 1 {
		return channel.Outcome{}, fault.Newf(fault.Internal, "report this", "one command came back with %d outcomes", len(out))
	}
	s.Log.Info("command", "trace", traceOf(ctx), "kind", cmd.Kind, "who", api.ActorOf(ctx).Name, "height", out[0].Position.Height, "code", out[0].Receipt.Code)
	return out[0], out[0].Err()
}

// change submits a command and answers with the record as it is then.
func change[T, W any](ctx context.Context, s *server, c Channel, kind trade.Kind, body any, key, what string, show func(T) W) (*reply[wire.Done[W]], error) {
	o, err := s.submit(ctx, c, kind, body)
	if err != nil {
		return nil, err
	}
	v, err := record[T](c, key, what)
	if err != nil {
		return nil, err
	}
	return answer(wire.Done[W]{Record: show(v), Receipt: receipt(o)}), nil
}

// create does what change does for a record whose id the caller chose, once for
// each Idempotency-Key: a request that was done before is answered with its
// record. made gives the act that made a record.
func create[T, W any](ctx context.Context, s *server, c Channel, retry string, kind trade.Kind, body any, key, what string, show func(T) W, made func(T) party.Act) (*reply[wire.Done[W]], error) {
	digest := commandDigest(kind, body)
	before := func() (*reply[wire.Done[W]], bool, error) {
		v, err := record[T](c, key, what)
		switch {
		case fault.CodeOf(err) == fault.NotFound:
			return nil, false, nil
		case err != nil:
			return nil, false, err
		case made(v).Command == digest && made(v).By == party.Code(s.Member.Code()):
			return answer(wire.Done[W]{Record: show(v), Repeated: true}), true, nil
		}
		return nil, true, fault.Newf(fault.Conflict, "choose another key or id for another request", "the %s was made by another request", what).In("id")
	}
	if retry != "" {
		if done, there, err := before(); there || err != nil {
			return done, err
		}
	}
	done, err := change(ctx, s, c, kind, body, key, what, show)
	if err != nil && retry != "" && fault.CodeOf(err) == fault.Conflict {
		// Another request with the same key may have been faster.
		if done, there, again := before(); there && again == nil {
			return done, nil
		}
	}
	return done, err
}

// commandDigest names a command's content as package trade does in an act.
func commandDigest(kind trade.Kind, body any) canon.Hash {
	return canon.Sum("lateral/command/1", []byte(kind), canon.Must(body))
}

// chosen gives the id of what is to be made: the caller's, or one made from its
// Idempotency-Key. Code: invalid when there is neither.
func chosen(id, retry, prefix string, most int) (string, error) {
	if id != "" {
		return id, nil
	}
	if retry == "" {
		return "", fault.New(fault.Invalid, "there is no id", "choose one, or send the header Idempotency-Key and have one made").In("id")
	}
	made := prefix + canon.Sum("lateral/api/idempotency/1", []byte(retry)).String()
	return made[:min(len(made), most)], nil
}
