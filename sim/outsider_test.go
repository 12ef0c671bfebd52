package sim

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	dbm "github.com/cometbft/cometbft-db"
	"github.com/cometbft/cometbft/proto/tendermint/consensus"
	"github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/klauspost/compress/zstd"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/store/resource"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/usage"
)

// patterns finds many byte strings at once. Each has at least five bytes: what
// is shorter would be found in anything sealed.
type patterns struct {
	byStart map[[5]byte][]pattern
	starts  [1 << 24 / 64]uint64 // a bit for each first three bytes
}

type pattern struct {
	bytes []byte
	what  string
}

func (p *patterns) add(what string, b []byte) {
	if len(b) < 5 {
		panic("the pattern for " + what + " is too short")
	}
	if p.byStart == nil {
		p.byStart = map[[5]byte][]pattern{}
	}
	start := [5]byte(b)
	p.byStart[start] = append(p.byStart[start], pattern{b, what})
	at := uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
	p.starts[at/64] |= 1 << (at % 64)
}

func (p *patterns) text(what, s string) { p.add(what+" "+s, []byte(s)) }

// in names the patterns that are found in data.
func (p *patterns) in(data []byte) []string {
	found := map[string]bool{}
	for i := 0; i+5 <= len(data); i++ {
		at := uint32(data[i])<<16 | uint32(data[i+1])<<8 | uint32(data[i+2])
		if p.starts[at/64]&(1<<(at%64)) == 0 {
			continue
		}
		for _, c := range p.byStart[[5]byte(data[i:i+5])] {
			if bytes.HasPrefix(data[i:], c.bytes) {
				found[c.what] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// secrets is what nobody but a pair may read.
type secrets struct {
	bytes patterns
	ints  map[uint64]string
}

func (s *secrets) number(n usage.Number) {
	if n < 1e6 { // withheld
		return
	}
	s.integer("number", uint64(n))
}

// integer adds an integer in all forms in which one may stand somewhere. One of
// few digits as text only where it stands alone, in the forms of JSON and logs,
// and not as little endian: stores number their writes so. CBOR of five bytes is
// left to the decoded integers: sealed bytes would hold it once in some thousand
// runs.
func (s *secrets) integer(what string, n uint64) {
	what = fmt.Sprintf("%s %d", what, n)
	if text := fmt.Sprint(n); n >= 1e6 {
		s.bytes.add(what, []byte(text))
		s.bytes.add(what+", little endian", binary.LittleEndian.AppendUint64(nil, n))
	} else {
		for _, form := range []string{`":%s,`, `":%s}`, `": %s`, `"%s"`, ` %s `, `=%s `} {
			s.bytes.add(what, fmt.Appendf(nil, form, text))
		}
	}
	s.bytes.add(what+", big endian", binary.BigEndian.AppendUint64(nil, n)) // CBOR and deliveries
	if v := binary.AppendUvarint(nil, n); len(v) >= 6 {
		s.bytes.add(what+", varint", v)
	}
	if v := canon.Must(n); len(v) >= 6 {
		s.bytes.add(what+", CBOR", v)
	}
	s.ints[n] = what
}

func (s *secrets) amount(a money.Micro) {
	if a < 1e6 { // others are as small as counts and sizes
		return
	}
	s.bytes.text("amount", a.String())
	s.ints[uint64(a)] = "amount " + a.String()
}

func (s *secrets) rate(r money.Rate) {
	s.bytes.text("rate", r.String())
	s.ints[uint64(r)] = "rate " + r.String()
	s.bytes.add("rate "+r.String()+", in a row", append([]byte{3}, canon.Must(r)...))
}

func (s *secrets) found(p piece) []string {
	out := s.bytes.in(p.data)
	for _, i := range p.ints {
		if what, ok := s.ints[i]; ok {
			out = append(out, what+" as an integer")
		}
	}
	return out
}

// unusual makes the numbers of an agreement such that each is found where it
// stands, and hardly elsewhere by chance: most are above 32 bits. None changes
// what the job comes to: the thresholds are of a currency in which nothing is
// paid.
func unusual(t *agreement.Terms) {
	t.StartTolerance = 2917
	t.LongestCall = 86_417_291
	t.RetentionDays = 35_917
	t.LineThreshold = []money.Amount{{Currency: "CHF", Micro: 7_654_319_876_541}}
	t.OpenThreshold = []money.Amount{{Currency: "CHF", Micro: 87_654_317_654_329}}
	t.Exposure = []money.Amount{{Currency: "USD", Micro: 98_765_432_123_457}}
	t.Unattested = []money.Amount{{Currency: "USD", Micro: 97_531_864_297_531}}
	for i := range t.Deadlines {
		if t.Deadlines[i].Millis > 0 {
			t.Deadlines[i].Millis += 5_000_010_007 * int64(i+1)
		}
	}
}

// terms adds the numbers of an agreement with unusual ones.
func (s *secrets) terms() {
	t := agreement.Defaults()
	unusual(&t)
	s.integer("start tolerance", uint64(t.StartTolerance))
	s.integer("longest call", uint64(t.LongestCall))
	s.integer("days of retention", uint64(t.RetentionDays))
	for what, limits := range map[string][]money.Amount{
		"line threshold": t.LineThreshold, "open threshold": t.OpenThreshold, "exposure": t.Exposure, "unattested": t.Unattested,
	} {
		for _, l := range limits {
			s.amount(l.Micro)
			s.integer(what, uint64(l.Micro))
		}
	}
	for _, d := range t.Deadlines {
		if d.Millis > 0 {
			s.integer("deadline of "+string(d.Stage), uint64(d.Millis))
		}
	}
	h := t.Hash()
	s.bytes.add("hash of the terms", h[:])
	s.bytes.text("hash of the terms", h.String())
}

// secretsOf gathers all that the pair of the reference run may not show.
func secretsOf(t *testing.T, r *reference) *secrets {
	s := &secrets{ints: map[uint64]string{}}
	numbers := map[usage.Number]bool{}
	for _, b := range []*usage.Batch{r.in.ours, r.in.theirs} {
		for i := range b.Records {
			numbers[b.Records[i].Origin], numbers[b.Records[i].Destination] = true, true
		}
	}
	for n := range numbers {
		s.number(n)
	}
	rates := map[money.Rate]bool{}
	for i := range r.in.terms.Sheets[0].Len() {
		rates[r.in.terms.Sheets[0].Row(uint32(i)).Rate] = true
	}
	for x := range rates {
		s.rate(x)
	}
	amounts := map[money.Micro]bool{}
	for _, i := range r.report.Invoices {
		amounts[i.Amount] = true
		s.bytes.text("invoice", i.ID)
		var doc any
		data := must(os.ReadFile(filepath.Join(r.dir, "invoices", i.ID+".json")))
		if err := json.Unmarshal(data, &doc); err != nil {
			t.Fatal(err)
		}
		var walk func(any)
		walk = func(v any) {
			switch v := v.(type) {
			case string:
				var a money.Micro
				if a.UnmarshalText([]byte(v)) == nil && strings.Contains(v, ".") {
					amounts[a] = true
				}
			case []any:
				for _, x := range v {
					walk(x)
				}
			case map[string]any:
				for _, x := range v {
					walk(x)
				}
			}
		}
		walk(doc)
	}
	for _, x := range r.report.Totals {
		for _, a := range []money.Micro{x.RatedOurs, x.RatedTheirs, x.Invoiced, x.Settled, x.Disputed} {
			amounts[a] = true
		}
	}
	for a := range amounts {
		s.amount(a)
	}
	s.terms()
	for _, limit := range worth([]money.Currency{"USD"}, usualValue) {
		s.ints[uint64(limit.Micro)] = "value of the order"
	}
	for _, text := range []string{"Destination ", "As in the signed document", "Switzerland", "Zurich", "Open, either side", "MSA-1", "V-ALPHA", "V-BRAVO", "robot for"} {
		s.bytes.text("text", text)
	}
	for _, path := range []string{r.in.files[0], r.in.files[1], filepath.Join(filepath.Dir(r.in.files[0]), "rates.csv")} {
		h := sha256.Sum256(must(os.ReadFile(path)))
		s.bytes.add("hash of "+path, h[:])
		s.bytes.text("hash", hex.EncodeToString(h[:]))
	}
	if len(numbers) < 5000 || len(rates) < 500 || len(amounts) < 100 {
		t.Fatalf("only %d numbers, %d rates, %d amounts to look for", len(numbers), len(rates), len(amounts))
	}
	return s
}

// identity finds what identifies one member.
type identity struct {
	code party.Code
	by   patterns
}

func identityOf(a party.Application) *identity {
	id := &identity{code: a.Code}
	id.by.text("name", string(a.Code))
	id.by.text("address", a.Exchange)
	for what, k := range map[string][]byte{"member key": a.Member[:], "node key": a.Node[:], "recovery key": a.Recovery[:], "sealing key": a.Sealing} {
		h := sha256.Sum256(k)
		for _, form := range forms(k) {
			id.by.add(what, form)
		}
		for _, form := range forms(h[:20]) { // the engine's id of a key
			id.by.add(what+"'s id", form)
		}
	}
	return id
}

// forms are those in which a key or hash may stand somewhere.
func forms(b []byte) [][]byte {
	text := hex.EncodeToString(b)
	return [][]byte{b, []byte(text), []byte(strings.ToUpper(text)), []byte(base64.StdEncoding.EncodeToString(b))}
}

// The exceptions from the search for links, by what docs/privacy.md calls them:
// all that may name both members of a pair. The first is the public member list.
// The others hold records of different members and channels side by side: in
// them each record is looked at by itself.
const (
	ofMembers = "The member list"   // one member with its keys, sponsor and votes, and nothing of a channel
	ofMinute  = "Bytes of a minute" // one count for each account that sent anything in the present minute
	ofStore   = "Files of a store"  // records lie in them as they were written
	ofJournal = "A journal"         // of envelopes of this node, which are of all its channels
	ofVotes   = "The log of votes"  // of the engine: what came from other validators, as it came
	ofLog     = "The log"           // lines of the program, as they came
)

var exceptions = []string{ofMembers, ofMinute, ofStore, ofJournal, ofVotes, ofLog}

// excepted gives the exception under which a piece falls; empty for none.
func excepted(p piece) string {
	if p.parts == "" && bytes.Contains(p.key, []byte(trade.MemberPrefix)) {
		return ofMembers
	}
	return p.parts
}

// links names the records that identify both members of a pair, alone or with
// all others that share the channel's id or one of its keys: those name one
// channel in public, so what has any of them counts as one group. The exceptions
// are left out; of those of the member list none may say anything of a channel.
func links(all []piece, pair [2]*identity, channel patterns) (bad []string, about int) {
	const both = 3
	group, how := 0, []string{}
	for _, p := range all {
		except := excepted(p)
		if except != "" && except != ofMembers {
			continue
		}
		shares := len(channel.in(p.data)) > 0
		if except == ofMembers {
			if shares {
				bad = append(bad, fmt.Sprintf("%s is of the member list and of the channel", p.where))
			}
			continue
		}
		who, by := 0, []string{}
		for i, m := range pair {
			if f := m.by.in(p.data); len(f) > 0 {
				who |= 1 << i
				by = append(by, fmt.Sprintf("%s: %s by %v", p.where, m.code, f))
			}
		}
		if who == both {
			bad = append(bad, fmt.Sprintf("one record names both: %v", by))
		}
		if shares {
			about++
			group |= who
			how = append(how, by...)
		}
	}
	if group == both {
		bad = append(bad, fmt.Sprintf("all records about the channel name both: %v", how))
	}
	return bad, about
}

// channelOf finds what stands for the channel that two carriers have: its id
// and the two channel keys.
func channelOf(id canon.Hash, keys ...sign.PublicKey) (p patterns) {
	for _, form := range forms(id[:]) {
		p.add("id", form)
	}
	for _, k := range keys {
		for _, form := range forms(k[:]) {
			p.add("channel key", form)
		}
	}
	return p
}

// What others keep while two carriers cleared: nothing that they said, and
// nothing that names both. CHARLIE's node is a carrier's and a validator in one,
// DELTA's a carrier's that follows the ledger; the others are validators alone.
// Each folder is searched as a whole, the log with all that can be logged too.
func TestNobodyElsesFolderHoldsAnythingOfThePair(t *testing.T) {
	r := theReference(t)
	s := secretsOf(t, r)
	pair := [2]*identity{}
	for i, c := range []party.Code{r.in.us, r.in.them} {
		pair[i] = identityOf(r.net.byName[string(c)].setup.Application.Application)
	}
	unused := map[string]bool{}
	privacy := string(must(os.ReadFile(filepath.Join("..", "docs", "privacy.md"))))
	for _, e := range exceptions {
		unused[e] = true
		if !strings.Contains(privacy, "- **"+e+".** ") {
			t.Errorf("docs/privacy.md does not explain the exception %q", e)
		}
	}
	for _, name := range r.net.Names() {
		if name == string(r.in.us) || name == string(r.in.them) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			all := decode(t, filepath.Dir(r.net.byName[name].config))
			records, files := 0, 0
			for _, p := range all {
				delete(unused, excepted(p))
				if p.raw {
					files++
				} else {
					records++
				}
				if f := s.found(p); len(f) > 0 {
					t.Errorf("%s holds %v", p.where, f)
				}
			}
			bad, about := links(all, pair, channelOf(r.channel, r.keys...))
			for _, b := range bad {
				t.Error(b)
			}
			t.Logf("%d records and %d files; %d records are about the pair's channel", records, files, about)
			if records < 100 || files < 10 || about < 5 {
				t.Error("that is too little: the test looks in the wrong place")
			}
		})
	}
	if len(unused) > 0 {
		t.Errorf("exceptions that nothing needs: %v", unused)
	}
}

// The terms of the job are where the search finds them: in the folder of a
// carrier of the pair each number of theirs is met.
func TestAMembersOwnFolderHoldsTheNumbersOfItsTerms(t *testing.T) {
	r := theReference(t)
	s := &secrets{ints: map[uint64]string{}}
	s.terms()
	want := map[string]bool{}
	for _, what := range s.ints {
		want[what+" as an integer"] = true
	}
	for _, p := range decode(t, filepath.Dir(r.net.byName[string(r.in.us)].config)) {
		for _, f := range s.found(p) {
			delete(want, f)
		}
	}
	if len(s.ints) < 15 || len(want) > 0 {
		t.Errorf("of %d numbers these are not found: %v", len(s.ints), slices.Sorted(maps.Keys(want)))
	}
}

// The search can fail: each kind of secret, put into a folder in each form and
// each place in which it could get there, is found; and so is each way in which
// records could link a pair.
func TestTheSearchForSecretsFindsWhatIsPlanted(t *testing.T) {
	s := &secrets{ints: map[uint64]string{}}
	s.number(41791234567)
	s.amount(13_204_909)
	s.rate(40_727_887)
	s.terms()
	s.bytes.text("text", "Destination ")
	key := func(b byte) (k [32]byte) { k[0], k[31] = b, 7; return k }
	var pair [2]*identity
	for i, code := range []party.Code{"ALPHA", "BRAVO"} {
		b := byte(16 * (i + 1))
		pair[i] = identityOf(party.Application{Code: code, Exchange: fmt.Sprintf("127.0.0.1:4000%d", i), Member: key(b), Node: key(b + 1), Recovery: key(b + 2), Sealing: bytes.Repeat([]byte{b}, 1216)})
	}
	id, left, right := canon.Sum("a channel"), key(64), key(65)
	channel := channelOf(id, left, right)
	packer := must(zstd.NewWriter(nil))
	nodeKey, memberKey := key(33), key(32)
	engineID := sha256.Sum256(nodeKey[:])
	values := map[string][]byte{
		"digits":                     []byte("called 41791234567 twice"),
		"number in CBOR":             canon.Must(map[uint64]uint64{1: 41791234567}),
		"number as varint":           binary.AppendUvarint([]byte{9, 9}, 41791234567),
		"number, delivered":          binary.BigEndian.AppendUint64([]byte{1}, 41791234567),
		"amount as text":             []byte(`{"amount":"13.204909"}`),
		"amount in CBOR":             canon.Must([]any{1, []byte("x"), money.Micro(13_204_909)}),
		"amount in CBOR in CBOR":     canon.Must(map[uint64][]byte{1: canon.Must([]money.Micro{13_204_909, 5})}),
		"rate as text":               []byte("0.040727887"),
		"rate in CBOR":               canon.Must([]money.Rate{40_727_887}),
		"tolerance in CBOR":          canon.Must(map[uint64]int64{6: 2917}),
		"tolerance in JSON":          []byte(`{"start_tolerance_millis":2917,"x":1}`),
		"tolerance in a message":     []byte("a start tolerance of 2917 ms"),
		"tolerance, big endian":      binary.BigEndian.AppendUint64(nil, 2917),
		"threshold in CBOR":          canon.Must([]money.Amount{{Currency: "CHF", Micro: 7_654_319_876_541}}),
		"threshold as text":          []byte("CHF 7654319.876541"),
		"limit as digits":            []byte("98765432123457"),
		"limit, big endian":          binary.BigEndian.AppendUint64(nil, 98_765_432_123_457),
		"deadline behind other CBOR": append([]byte{0xff}, canon.Must(5_604_810_007)...),
		"days of retention as text":  []byte("kept for 35917 days"),
		"packed":                     packer.EncodeAll([]byte("Destination 0000,1,..."), []byte("head")),
	}
	linked := map[string][][]byte{
		"both names":                     {[]byte("ALPHA and BRAVO")},
		"a name and a node key":          {append([]byte("ALPHA"), nodeKey[:]...)},
		"a name and a node id":           {fmt.Appendf(nil, "ALPHA %X", engineID[:20])},
		"a name and a member key":        {[]byte("ALPHA " + base64.StdEncoding.EncodeToString(memberKey[:]))},
		"an address, apart, one channel": {append(id[:], "ALPHA"...), append([]byte(id.String()), "127.0.0.1:40001"...)},
		"apart, by id and channel key":   {append(id[:], "ALPHA"...), append(left[:], "BRAVO"...)},
		"apart, by both channel keys":    {fmt.Appendf(nil, "%X ALPHA", left[:]), fmt.Appendf(nil, "%x BRAVO", right[:])},
		"":                               {append(id[:], "ALPHA"...), []byte("BRAVO")}, // of two channels: fine
	}
	for place, put := range places {
		for name, value := range values {
			dir := t.TempDir()
			put(t, dir, value)
			if !slices.ContainsFunc(decode(t, dir), func(p piece) bool { return p.parts == "" && len(s.found(p)) > 0 }) {
				t.Errorf("%s in %s is not found", name, place)
			}
		}
		for name, values := range linked {
			dir := t.TempDir()
			put(t, dir, values...)
			if bad, _ := links(decode(t, dir), pair, channel); (len(bad) > 0) != (name != "") {
				t.Errorf("%q in %s: %v", name, place, bad)
			}
		}
	}

	type mark struct {
		Account string `cbor:"1,keyasint"`
		Minute  int64  `cbor:"2,keyasint"`
		Bytes   uint64 `cbor:"3,keyasint"`
	}
	usage := func(accounts ...string) (list []byte) {
		var marks []mark
		for _, a := range accounts {
			marks = append(marks, mark{a, 29_000_000, 512})
		}
		return canon.Must(marks)
	}
	for name, records := range map[string]map[string][]byte{
		"one account names both":           {"usage": usage("member/ALPHA,BRAVO")},
		"accounts name member and channel": {"usage": usage("channel/"+id.String()+"/ALPHA", "member/BRAVO"), "x": append(right[:], "BRAVO"...)},
		"a member's record has a channel":  {trade.MemberPrefix + "ALPHA": left[:]},
		"":                                 {"usage": usage("channel/"+id.String(), "member/ALPHA", "member/BRAVO"), trade.MemberPrefix + "ALPHA": []byte("ALPHA, sponsor BRAVO")},
	} {
		dir := t.TempDir()
		for key, value := range records {
			plant(t, dir, key, value)
		}
		if bad, _ := links(decode(t, dir), pair, channel); (len(bad) > 0) != (name != "") {
			t.Errorf("%q: %v", name, bad)
		}
	}
}

// places puts values each into a record of its own, in each kind of file that a
// node has.
var places = map[string]func(t *testing.T, dir string, values ...[]byte){
	"a store": func(t *testing.T, dir string, values ...[]byte) {
		for i, v := range values {
			plant(t, dir, fmt.Sprint("r", i), v)
		}
	},
	"what a store has overwritten": func(t *testing.T, dir string, values ...[]byte) {
		db := must(pebble.Open(dir, &pebble.Options{Logger: silent{}}))
		for _, v := range append(values, []byte("nothing")) {
			if err := db.Set([]byte("key"), v, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	},
	"a Sonata shelf": func(t *testing.T, dir string, values ...[]byte) {
		shelve(t, dir, func(v []byte) []byte { return v }, values)
	},
	"a Sonata shelf, in base64": func(t *testing.T, dir string, values ...[]byte) {
		shelve(t, dir, func(v []byte) []byte {
			return fmt.Appendf(nil, `{"text":%q,"signed":%q}`, strings.Repeat("long ", 2000), base64.StdEncoding.EncodeToString(v))
		}, values)
	},
	"a journal": func(t *testing.T, dir string, values ...[]byte) {
		j, _, err := durable.OpenJournal(durable.OS, filepath.Join(dir, "outbox"))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(j.Append(values...), j.Close()); err != nil {
			t.Fatal(err)
		}
	},
	"a log": func(t *testing.T, dir string, values ...[]byte) {
		onDisk(t, filepath.Join(dir, "log"), bytes.Join(values, []byte("\n")))
	},
	"files": func(t *testing.T, dir string, values ...[]byte) {
		for i, v := range values {
			onDisk(t, filepath.Join(dir, fmt.Sprintf("file-%d.json", i)), v)
		}
	},
	"a store of the engine": func(t *testing.T, dir string, values ...[]byte) {
		db := must(dbm.NewGoLevelDB("state", dir))
		for i, v := range values {
			if err := db.Set(fmt.Append(nil, "key", i), v); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	},
	"a block, in parts": func(t *testing.T, dir string, values ...[]byte) {
		db := must(dbm.NewGoLevelDB("blockstore", dir))
		for i, p := range blockParts(values) {
			if err := db.Set(fmt.Appendf(nil, "P:7:%d", i), must(p.Marshal())); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	},
	"a block in the log of votes": func(t *testing.T, dir string, values ...[]byte) {
		var all []byte
		for _, p := range blockParts(values) {
			m := consensus.TimedWALMessage{Msg: &consensus.WALMessage{Sum: &consensus.WALMessage_MsgInfo{MsgInfo: &consensus.MsgInfo{
				Msg: consensus.Message{Sum: &consensus.Message_BlockPart{BlockPart: &consensus.BlockPart{Height: 7, Part: p}}},
			}}}}
			data := must(m.Marshal())
			all = append(binary.BigEndian.AppendUint32(append(all, 0, 0, 0, 0), uint32(len(data))), data...)
		}
		onDisk(t, filepath.Join(dir, "cs.wal", "wal"), all)
	},
	"messages in the log of votes": func(t *testing.T, dir string, values ...[]byte) {
		var all []byte
		for _, v := range values {
			m := consensus.TimedWALMessage{Msg: &consensus.WALMessage{Sum: &consensus.WALMessage_MsgInfo{MsgInfo: &consensus.MsgInfo{
				Msg: consensus.Message{Sum: &consensus.Message_Vote{Vote: &consensus.Vote{Vote: &types.Vote{Extension: v}}}},
			}}}}
			data := must(m.Marshal())
			all = append(binary.BigEndian.AppendUint32(append(all, 0, 0, 0, 0), uint32(len(data))), data...)
		}
		onDisk(t, filepath.Join(dir, "cs.wal", "wal"), all)
	},
}

// shelve puts values each into a resource of its own.
func shelve(t *testing.T, dir string, form func([]byte) []byte, values [][]byte) {
	t.Helper()
	db := must(resource.Open(dir, resource.Options{}))
	err := db.Update(t.Context(), func(tx *resource.Tx) error {
		var all error
		for i, v := range values {
			all = errors.Join(all, tx.Insert(&resource.Record{Scope: resource.Scope{Kind: "kylie/quote", Buyer: "X", Seller: "Y"}, ID: fmt.Sprint("r", i), Body: form(v)}))
		}
		return all
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// blockParts gives a block of envelopes in two parts.
func blockParts(envelopes [][]byte) []types.Part {
	block := types.Block{Data: types.Data{Txs: envelopes}}
	data := must(block.Marshal())
	half := len(data) / 2
	return []types.Part{{Index: 0, Bytes: data[:half]}, {Index: 1, Bytes: data[half:]}}
}

func onDisk(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// plant puts a record into a store as a node has it.
func plant(t *testing.T, dir, key string, value []byte) {
	t.Helper()
	db, err := store.Open(filepath.Join(dir, "store"), store.Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Channel(canon.Hash{}).Commit(store.Batch{Writes: []merkle.Write{{Key: key, Value: value}}}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
