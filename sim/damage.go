package sim

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/trade/party"
)

// Damage is something of a node's store in which a byte can be overwritten.
type Damage struct {
	Kind string `json:"kind"`
	Note string `json:"note"`

	prefix, suffix string // of the files' names; the newest is damaged
	at             func(size int64) int64
}

// damages are all kinds, the usual one first.
var damages = []Damage{
	{Kind: "manifest", Note: "the store's list of its own tables: it does not open", prefix: "MANIFEST-", at: early},
	{Kind: "log", Note: "the beginning of the store's newest log: what was committed since is missing, and that is noticed", suffix: ".log", at: early},
	{Kind: "mark", Note: "the mark of how far the store has committed: nothing is lost, and it is written again", prefix: "committed", at: early},
	{Kind: "table", Note: "the middle of the newest table: it is noticed when that is read", suffix: ".sst", at: func(size int64) int64 { return size / 2 }},
}

// early is inside the first record of a file, without which all others mean nothing.
func early(int64) int64 { return 12 }

// storeOf is where a node keeps its state.
func (r *running) storeOf() string {
	if r.conf.Carrier == "" {
		return filepath.Join(r.conf.Data, "validator", "store")
	}
	return filepath.Join(r.conf.Data, "store")
}

// damage flips the bits of one byte of a store. Code: not-found.
func damage(store string, d Damage) (file string, at int64, err error) {
	files, err := os.ReadDir(store)
	if err != nil {
		return "", 0, durable.Explain("read "+store, err)
	}
	for _, f := range files { // in order of their names, which are numbers
		info, err := f.Info()
		if err == nil && strings.HasPrefix(f.Name(), d.prefix) && strings.HasSuffix(f.Name(), d.suffix) && info.Size() > 0 && d.at(info.Size()) < info.Size() {
			file, at = f.Name(), d.at(info.Size())
		}
	}
	if file == "" {
		return "", 0, fault.Newf(fault.NotFound, "let the node run for a while first, or damage something else", "the store has no file of the kind %s", d.Kind)
	}
	f, err := os.OpenFile(filepath.Join(store, file), os.O_RDWR, 0)
	if err != nil {
		return "", 0, durable.Explain("open "+file, err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		return "", 0, durable.Explain("read "+file, err)
	}
	b[0] ^= 0xff
	if _, err := f.WriteAt(b[:], at); err != nil {
		return "", 0, durable.Explain("write "+file, err)
	}
	return file, at, durable.Explain("write "+file, f.Sync())
}

// corrupt overwrites a byte in the store of a node that is stopped. Codes: not-found,
// invalid, not-yet.
func (s *sandbox) corrupt(name, kind string, by party.Code) error {
	p, err := s.post(name)
	if err != nil {
		return err
	}
	if kind == "" {
		kind = damages[0].Kind
	}
	k := slices.IndexFunc(damages, func(d Damage) bool { return d.Kind == kind })
	if k < 0 {
		return fault.Newf(fault.Invalid, "name one of /sandbox/nodes/{name}/corrupt", "there is no kind of damage %.40q", kind).In("kind")
	}
	if s.stateOf(p) != stateStopped {
		return fault.Newf(fault.NotYet, "kill it first", "%s is running", p.Name)
	}
	file, at, err := damage(p.node.storeOf(), damages[k])
	if err != nil {
		return err
	}
	s.mu.Lock()
	p.Damaged = true
	s.mu.Unlock()
	s.note("corrupt", by, "byte %d of %s in the store of %s is another one", at, file, p.Name)
	return nil
}

// rebuild moves the store of a node that is stopped away and starts the node: its
// state comes again from the ledger, with its keys and its outbox. What only the
// node knew is given to it again: a catalogue by who wrote it, calls that were not
// stated yet by the switch. Codes: not-found, not-yet.
func (s *sandbox) rebuild(ctx context.Context, name string, by party.Code) error {
	p, err := s.post(name)
	if err != nil {
		return err
	}
	if s.stateOf(p) != stateStopped {
		return fault.Newf(fault.NotYet, "kill it first", "%s is running", p.Name)
	}
	if err := setAside(p.node); err != nil {
		return err
	}
	s.mu.Lock()
	p.State, p.Since, p.Problem, p.Damaged, p.rose = stateStarting, time.Now().UTC(), "", false, time.Time{}
	s.mu.Unlock()
	s.note("rebuild", by, "%s starts without its store", p.Name)
	s.launch(p)
	if p.Kind == "carrier" {
		s.after.Go(func() {
			if err := s.giveAgain(ctx, p.Carrier); err != nil && ctx.Err() == nil {
				s.news.tell("alarm", p.Carrier, "%-18s %s: %s", "not given again", p.Name, fault.Of(err).Error())
			}
		})
	}
	return nil
}

// setAside moves what a node can get again out of its way.
func setAside(r *running) error {
	aside := filepath.Join(filepath.Dir(r.config), "aside-"+time.Now().UTC().Format("150405.000"))
	if err := os.MkdirAll(aside, 0o700); err != nil {
		return durable.Explain("make "+aside, err)
	}
	if err := os.Rename(r.storeOf(), filepath.Join(aside, "store")); err != nil {
		return durable.Explain("move the store away", err)
	}
	if r.conf.Carrier != "" {
		return nil
	}
	// A validator fetches its blocks again as well. What it has signed last it must
	// never forget.
	const signed = "last-signed.json"
	data := filepath.Join(r.conf.Data, "validator", "comet", "data")
	if err := os.Rename(data, filepath.Join(aside, "data")); err != nil {
		return durable.Explain("move the blocks away", err)
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return durable.Explain("make "+data, err)
	}
	last, err := os.ReadFile(filepath.Join(aside, "data", signed))
	if err != nil {
		return durable.Explain("read "+signed, err)
	}
	return durable.WriteFile(durable.OS, filepath.Join(data, signed), last, 0o600)
}

// giveAgain hands a rebuilt node what is in no ledger.
func (s *sandbox) giveAgain(ctx context.Context, code party.Code) error {
	if err := s.net.WaitReady(ctx, code); err != nil {
		return err
	}
	if s.mesh != nil {
		i := slices.IndexFunc(meshCarriers, func(c meshCarrier) bool { return c.code == code })
		if err := s.mesh.stock(ctx, &meshCarriers[i]); err != nil {
			return err
		}
		if err := s.banking.know(ctx, code); err != nil {
			return err
		}
	}
	if !slices.Contains(voicePair[:], code) {
		return nil
	}
	pair, err := s.net.desks(code, between(voicePair[0], voicePair[1]).other(code))
	if err != nil {
		return err
	}
	me := pair[0]
	var stated int64 // until when calls are stated already
	for p, err := range me.auditor.Periods(ctx, client.Filter{}) {
		if err != nil {
			return err
		}
		mine := p.Buyer
		if p.Direction.To == code {
			mine = p.Seller
		}
		if strings.HasPrefix(p.Order, "V-") && !mine.Statement.IsZero() { // of calls
			stated = max(stated, p.Interval.To)
		}
	}
	s.mu.Lock()
	files := slices.Clone(s.handed[code])
	s.mu.Unlock()
	again := 0
	for _, f := range files {
		if f.until <= stated {
			continue
		}
		if _, err := me.engineer.ImportUsage(ctx, f.name, bytes.NewReader(f.rows)); err != nil {
			return fmt.Errorf("importing calls again: %w", err)
		}
		again++
	}
	s.news.tell("node", code, "%-18s %s has its catalogue and %d files of calls again", "given again", code, again)
	return nil
}

// other gives the carrier at the other end of a way.
func (w way2) other(c party.Code) party.Code {
	if w[0] == c {
		return w[1]
	}
	return w[0]
}

// remember keeps what a node has taken from its switch, for when it is rebuilt: the
// newest files, up to a size.
func (s *sandbox) remember(code party.Code, f callFile) {
	const most = 16 << 20
	s.mu.Lock()
	defer s.mu.Unlock()
	all, size := append(s.handed[code], f), 0
	for i, x := range slices.Backward(all) {
		if size += len(x.rows); size > most {
			all = slices.Clone(all[i+1:])
			break
		}
	}
	s.handed[code] = all
}
