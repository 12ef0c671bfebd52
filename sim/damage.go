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
}

// damages are all kinds, the usual one first. A store that is read must notice each:
// a byte in the end of its log would pass for what a crash had torn off.
var damages = []Damage{{"manifest", "the store's list of its own tables"}}

// flipAt is which byte is overwritten: one inside the first record of the file,
// without which all others mean nothing.
const flipAt = 12

// storeOf is where a node keeps its state.
func (r *running) storeOf() string {
	if r.conf.Carrier == "" {
		return filepath.Join(r.conf.Data, "validator", "store")
	}
	return filepath.Join(r.conf.Data, "store")
}

// damage flips the bits of one byte in a store's newest list of tables. Code:
// not-found.
func damage(store string) (file string, err error) {
	files, err := os.ReadDir(store)
	if err != nil {
		return "", durable.Explain("read "+store, err)
	}
	for _, f := range files { // in order of their names, which are numbers
		info, err := f.Info()
		if err == nil && strings.HasPrefix(f.Name(), "MANIFEST-") && info.Size() > flipAt {
			file = f.Name()
		}
	}
	if file == "" {
		return "", fault.New(fault.NotFound, "the store has no list of tables", "let the node run for a while first, or rebuild it")
	}
	f, err := os.OpenFile(filepath.Join(store, file), os.O_RDWR, 0)
	if err != nil {
		return "", durable.Explain("open "+file, err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], flipAt); err != nil {
		return "", durable.Explain("read "+file, err)
	}
	b[0] ^= 0xff
	if _, err := f.WriteAt(b[:], flipAt); err != nil {
		return "", durable.Explain("write "+file, err)
	}
	return file, durable.Explain("write "+file, f.Sync())
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
	if !slices.ContainsFunc(damages, func(d Damage) bool { return d.Kind == kind }) {
		return fault.Newf(fault.Invalid, "name one of /sandbox/nodes/{name}/corrupt", "there is no kind of damage %.40q", kind).In("kind")
	}
	if s.stateOf(p) != stateStopped {
		return fault.Newf(fault.NotYet, "kill it first", "%s is running", p.Name)
	}
	file, err := damage(p.node.storeOf())
	if err != nil {
		return err
	}
	s.mu.Lock()
	p.Damaged = true
	s.mu.Unlock()
	s.note("corrupt", by, "byte %d of %s in the store of %s is another one", flipAt, file, p.Name)
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
