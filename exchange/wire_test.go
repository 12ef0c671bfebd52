package exchange

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/usage"
)

func sampleTransfer() Transfer {
	return Transfer{
		From: sign.FromSeed([32]byte{1}).Public(), To: sign.FromSeed([32]byte{2}).Public(),
		Meta: Meta{Kind: "records", Channel: canon.Hash{1}, Subject: "2026-11", Hash: canon.Hash{2}, Size: 70_000},
	}
}

// A receipt for records can be shown on the ledger: the state machine checks the
// very bytes that a receiver signs here.
func TestAReceiptForRecordsIsEvidenceOnTheLedger(t *testing.T) {
	tr := sampleTransfer()
	u := trade.UsageDeliver{Period: trade.PeriodRef{Order: "V-1", Interval: usage.Interval{From: 1793577600000, To: 1793581200000}}, File: tr.Meta.Hash, Size: uint64(tr.Meta.Size)}
	tr.Meta.Kind, tr.Meta.Subject = trade.KindRecords, trade.PeriodKey(u.Period.Order, u.Period.Interval)
	r := signReceipt(sign.FromSeed([32]byte{2}), tr)
	shown := trade.DeliveryReceipt{From: tr.From, To: tr.To, Signature: r.Signature}
	if !shown.Signed(tr.Meta.Channel, u) {
		t.Error("the receipt is not taken")
	}
	u.Size++
	if shown.Signed(tr.Meta.Channel, u) {
		t.Error("the receipt is taken for a longer file")
	}
}

// What is signed, hashed or sent must not change under a version's name.
func TestEncodingsStayAsTheyWere(t *testing.T) {
	tr := sampleTransfer()
	h := head{Key: canon.Hash{3}, Offset: 65_536, Files: []Meta{tr.Meta}}
	receipt := signReceipt(sign.FromSeed([32]byte{2}), tr)
	sum := func(v any) string { s := canon.HashOf("golden", v); return hex.EncodeToString(s[:8]) }
	for name, c := range map[string]struct{ got, want string }{
		"transfer":    {sum(tr), "58eb1aebf6f990a6"},
		"transfer id": {tr.ID().String()[:16], "c0f3ee7185bee6d7"},
		"receipt":     {sum(receipt), "91b88ec351b0289c"},
		"head":        {sum(h), "930bd3de6534ded9"},
		"info":        {hex.EncodeToString(h.info(tr.From, tr.To)[:8]), "26903e4ac982b722"},
		"reply":       {sum(reply{Results: []result{{Signature: receipt.Signature[:]}, {Fault: problemOf(wrongHash())}}, Offset: 7}), "f34272420456d414"},
		"request":     {sum(request{From: tr.From, To: tr.To, Kind: "keys", Nonce: [16]byte{1}, Body: []byte("b")}), "6fa4ca682319b13f"},
		"answer":      {sum(answer{Request: canon.Hash{4}, Body: []byte("b"), Fault: problemOf(wrongHash())}), "09001e91268b2d85"},
		"outcome":     {sum(outcome{Transfer: tr, Signature: receipt.Signature, At: 5}), "980de9f6bc0fb732"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", name, c.got, c.want)
		}
	}
	if err := receipt.Check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Receipt){
		"hash":      func(r *Receipt) { r.Transfer.Meta.Hash[0]++ },
		"channel":   func(r *Receipt) { r.Transfer.Meta.Channel[0]++ },
		"subject":   func(r *Receipt) { r.Transfer.Meta.Subject = "2026-12" },
		"kind":      func(r *Receipt) { r.Transfer.Meta.Kind = "sheet" },
		"size":      func(r *Receipt) { r.Transfer.Meta.Size++ },
		"sender":    func(r *Receipt) { r.Transfer.From[0]++ },
		"receiver":  func(r *Receipt) { r.Transfer.To = r.Transfer.From },
		"signature": func(r *Receipt) { r.Signature[0]++ },
	} {
		bad := receipt
		change(&bad)
		if err := bad.Check(); fault.CodeOf(err) != CodeWrongNode {
			t.Errorf("another %s: %v, want code wrong-node", name, err)
		}
	}
}

func TestHeadsBeyondTheRulesAreRefused(t *testing.T) {
	small, large := Meta{Size: 10}, Meta{Size: smallFile + 1}
	many := make([]Meta, batchFiles+1)
	full := make([]Meta, 5)
	for i := range full {
		full[i].Size = smallFile
	}
	for name, h := range map[string]head{
		"no file":                 {},
		"too many":                {Files: many},
		"too long together":       {Files: full},
		"large with another":      {Files: []Meta{large, small}},
		"negative size":           {Files: []Meta{{Size: -1}}},
		"huge sizes that wrap":    {Files: []Meta{{Size: 1 << 62}, {Size: 1 << 62}}},
		"offset in a small file":  {Offset: 5, Files: []Meta{small}},
		"offset beyond the file":  {Offset: smallFile + 2, Files: []Meta{large}},
		"offset before the file":  {Offset: -1, Files: []Meta{large}},
		"offset of several files": {Offset: 1, Files: []Meta{small, small}},
	} {
		if err := h.check(); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want code invalid", name, err)
		}
	}
	for _, h := range []head{{Files: []Meta{small}}, {Files: full[:4]}, {Files: []Meta{large}}, {Offset: smallFile + 1, Files: []Meta{large}}} {
		if err := h.check(); err != nil {
			t.Error(err)
		}
	}
}

func TestAPartnersFaultIsTakenWithCare(t *testing.T) {
	long := strings.Repeat("é", maxText)
	err := fault.Of((&problem{Code: "Not A Code\n", Detail: long, Remedy: long, Field: long}).err())
	if err.Code != fault.Internal || len(err.Detail) > maxText+40 || len(err.Remedy) > maxText {
		t.Errorf("got code %q, %d and %d bytes of text", err.Code, len(err.Detail), len(err.Remedy))
	}
	again := fault.Of(problemOf(fault.New(fault.Refused, "a", "b").In("c").Because(errors.New("secret path"))).err())
	if again.Code != fault.Refused || again.Field != "c" || again.Cause != nil {
		t.Errorf("got %+v", again)
	}
}

// post sends raw bytes to a node as another node would.
func post(t *testing.T, from, to *node, path string, body []byte) ([]byte, error) {
	t.Helper()
	client := from.ex.client(to.ex.self)
	defer client.CloseIdleConnections()
	var out []byte
	err := from.ex.roundTrip(t.Context(), client, to.peer(), path, io.NopCloser(bytes.NewReader(body)), int64(len(body)), func(r io.Reader) (err error) {
		out, err = readFrame(r, maxReply)
		return err
	})
	return out, err
}

// sealedBody gives the body of a request as a correct sender makes it.
func sealedBody(t *testing.T, from, to *node, h head, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	out.Write(appendFrame(nil, canon.Must(h)))
	w, err := seal.NewWriter(&out, to.sealing.Public(), h.info(from.ex.self, to.ex.self))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestTamperedBodiesAreRefusedAndNothingIsStored(t *testing.T) {
	a, b, c := newNode(t, 1).run(), newNode(t, 2).run(), newNode(t, 3).run()
	for _, size := range []int{500, 3*seal.ChunkSize + 9} {
		plain := content(size, 1)
		meta := a.file(b.peer(), plain).Meta
		h := head{Key: b.sealing.Public().ID(), Files: []Meta{meta}}
		good := sealedBody(t, a, b, h, plain)
		frame := len(appendFrame(nil, canon.Must(h)))
		flip := func(at int) []byte {
			bad := bytes.Clone(good)
			bad[at] ^= 4
			return bad
		}
		changed := func(change func(*head)) []byte {
			other := head{Key: h.Key, Offset: h.Offset, Files: []Meta{meta}}
			change(&other)
			return append(appendFrame(nil, canon.Must(other)), good[frame:]...)
		}
		other := content(size, 2)
		for name, x := range map[string]struct {
			from *node
			body []byte
			want fault.Code
		}{
			"bit in the encapsulated key": {a, flip(frame + 50), seal.CodeUnreadable},
			"bit in the content":          {a, flip(frame + 1200), seal.CodeUnreadable},
			"bit in the last tag":         {a, flip(len(good) - 1), seal.CodeUnreadable},
			"truncated":                   {a, good[:len(good)-1], seal.CodeUnreadable},
			"truncated to the head":       {a, good[:frame], seal.CodeUnreadable},
			"extended":                    {a, append(bytes.Clone(good), 1), seal.CodeUnreadable},
			"another channel":             {a, changed(func(h *head) { h.Files[0].Channel[0]++ }), seal.CodeUnreadable},
			"another kind":                {a, changed(func(h *head) { h.Files[0].Kind = "sheet" }), seal.CodeUnreadable},
			"another subject":             {a, changed(func(h *head) { h.Files[0].Subject = "x" }), seal.CodeUnreadable},
			"another hash":                {a, changed(func(h *head) { h.Files[0].Hash[0]++ }), seal.CodeUnreadable},
			"another size":                {a, changed(func(h *head) { h.Files[0].Size-- }), seal.CodeUnreadable},
			"another sealing key":         {a, changed(func(h *head) { h.Key[0]++ }), seal.CodeUnreadable},
			"sent on by another node":     {c, good, seal.CodeUnreadable},
			"content of another hash":     {a, sealedBody(t, a, b, h, other), CodeWrongHash},
			"content too short":           {a, sealedBody(t, a, b, h, plain[1:]), CodeWrongHash},
			"content too long":            {a, sealedBody(t, a, b, h, append(bytes.Clone(plain), 0)), CodeWrongHash},
			"no head":                     {a, []byte{0, 0, 0, 1, 0xff}, fault.Invalid},
			"head above the limit":        {a, []byte{0xff, 0xff, 0xff, 0xff}, CodeTooLarge},
		} {
			data, err := post(t, x.from, b, pathFiles, x.body)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var got reply
			if err := canon.Decode(data, &got); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			code := fault.Code("")
			if got.Fault != nil {
				code = fault.Code(got.Fault.Code)
			} else if got.Results[0].Fault != nil {
				code = fault.Code(got.Results[0].Fault.Code)
			}
			if code != x.want {
				t.Errorf("%d bytes, %s: code %q, want %s", size, name, code, x.want)
			}
			if b.blobs.has(meta.Hash) || b.blobs.has(HashContent(other)) {
				t.Fatalf("%s: something was stored", name)
			}
		}
		// A head cut off is answered with nothing at all.
		if _, err := post(t, a, b, pathFiles, good[:7]); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("cut head: %v", err)
		}
	}
}

func TestOneBadFileOfABatchDoesNotSpoilTheOthers(t *testing.T) {
	a, b := newNode(t, 1).run(), newNode(t, 2).run()
	one, two := content(100, 1), content(200, 2)
	h := head{Key: b.sealing.Public().ID(), Files: []Meta{a.file(b.peer(), one).Meta, a.file(b.peer(), two).Meta}}
	h.Files[0].Hash[0]++
	data, err := post(t, a, b, pathFiles, sealedBody(t, a, b, h, append(bytes.Clone(one), two...)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := readReply(bytes.NewReader(appendFrame(nil, data)), 2)
	if err != nil {
		t.Fatal(err)
	}
	if got.Results[0].Fault == nil || got.Results[0].Fault.Code != string(CodeWrongHash) || len(got.Results[1].Signature) == 0 {
		t.Fatalf("got %+v", got)
	}
	until(t, "the good one is handled", func() bool { return b.times(HashContent(two)) == 1 })
}

func TestOthersDoNotLearnWhatANodeHasReceived(t *testing.T) {
	a, b, c := newNode(t, 1).run(), newNode(t, 2).run(), newNode(t, 3).run()
	f := a.file(b.peer(), content(100_000, 1))
	a.mustArrive(a.send(f))
	h := head{Key: b.sealing.Public().ID(), Files: []Meta{f.Meta}}
	ask := func(from *node) reply {
		data, err := post(t, from, b, pathOffset, appendFrame(nil, canon.Must(h)))
		if err != nil {
			t.Fatal(err)
		}
		var r reply
		if err := canon.Decode(data, &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := ask(a); len(r.Results[0].Signature) == 0 {
		t.Error("the sender does not get its receipt again")
	}
	if r := ask(c); !r.Results[0].waiting() || r.Offset != 0 {
		t.Errorf("another node learns of the file: %+v", r)
	}
}

// A partner may answer anything: only its signature for that very file counts.
func TestAReplayedAcknowledgementIsNotTaken(t *testing.T) {
	a := newNode(t, 1).run()
	bKey, bSealing := sign.FromSeed([32]byte{2}), seal.KeyFromSeed([32]byte{2})
	cert, err := certificate(bKey)
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan []byte, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		TLSConfig: serverTLS(cert, func(sign.PublicKey) bool { return true }),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			select {
			case data := <-answers:
				w.Write(appendFrame(nil, data))
				answers <- data
			case <-r.Context().Done():
			}
		}),
	}
	go server.ServeTLS(l, "", "")
	t.Cleanup(func() { server.Close() })
	to := Peer{bKey.Public(), l.Addr().String(), bSealing.Public()}

	f := a.file(to, content(100, 1))
	this := Transfer{From: a.ex.self, To: to.Key, Meta: f.Meta}
	earlier := this
	earlier.Meta.Subject = "an earlier file"
	elsewhere := this
	elsewhere.From = sign.FromSeed([32]byte{3}).Public()
	sig := func(key sign.PrivateKey, t Transfer) []byte { s := signReceipt(key, t).Signature; return s[:] }
	id := a.send(f)
	for name, bad := range map[string]reply{
		"receipt of an earlier file":     {Results: []result{{Signature: sig(bKey, earlier)}}},
		"receipt for another sender":     {Results: []result{{Signature: sig(bKey, elsewhere)}}},
		"receipt signed by another node": {Results: []result{{Signature: sig(sign.FromSeed([32]byte{3}), this)}}},
		"neither receipt nor fault":      {Results: []result{{}}},
		"no result":                      {},
		"two results":                    {Results: make([]result, 2)},
		"receipt and fault":              {Results: []result{{Signature: sig(bKey, this), Fault: problemOf(wrongHash())}}},
		"half a signature":               {Results: []result{{Signature: make([]byte, 32)}}},
	} {
		a.set(func() {}) // orders the test's steps for the race detector
		answers <- canon.Must(bad)
		until(t, name, func() bool { left := a.ex.Backlogs(); return len(left) == 1 && left[0].Err != nil })
		<-answers
		a.ex.mu.Lock()
		_, open := a.ex.entries[id]
		a.ex.peers[to.Key].err = nil
		a.ex.mu.Unlock()
		if !open {
			t.Fatalf("%s: the file counts as acknowledged", name)
		}
	}
	answers <- canon.Must(reply{Results: []result{{Signature: sig(bKey, this)}}})
	a.mustArrive(id)
}

func TestCallsReachTheirHandler(t *testing.T) {
	a, b := newNode(t, 1).run(), newNode(t, 2).run()
	b.ex.Handle("echo", func(_ context.Context, from sign.PublicKey, q []byte) ([]byte, error) {
		if from != a.ex.self {
			return nil, errors.New("asked by another")
		}
		return append([]byte("echo "), q...), nil
	})
	b.ex.Handle("refuse", func(context.Context, sign.PublicKey, []byte) ([]byte, error) {
		return nil, fault.New(fault.Refused, "not with you", "ask somebody else").In("partner")
	})
	b.ex.Handle("break", func(context.Context, sign.PublicKey, []byte) ([]byte, error) {
		return nil, errors.New("open /var/lib/secret: no such file")
	})
	b.ex.Handle("much", func(context.Context, sign.PublicKey, []byte) ([]byte, error) { return make([]byte, MaxMessage+1), nil })
	b.ex.Handle("full", func(_ context.Context, _ sign.PublicKey, q []byte) ([]byte, error) { return q, nil })
	to := b.peer()
	got, err := a.ex.Call(t.Context(), to, "echo", []byte("hello"))
	if err != nil || string(got) != "echo hello" {
		t.Fatalf("got %q, %v", got, err)
	}
	if got, err := a.ex.Call(t.Context(), to, "full", make([]byte, MaxMessage)); err != nil || len(got) != MaxMessage {
		t.Errorf("a MiB: %d bytes, %v", len(got), err)
	}
	for kind, want := range map[string]fault.Code{
		"refuse": fault.Refused, "break": fault.Internal, "much": CodeTooLarge, "missing": CodeUnknownKind, "Bad Kind": fault.Invalid,
	} {
		got, err := a.ex.Call(t.Context(), to, kind, nil)
		if fault.CodeOf(err) != want || got != nil {
			t.Errorf("%s: %q, %v, want code %s", kind, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the partner's inside shows: %v", kind, err)
		}
	}
	if _, err := a.ex.Call(t.Context(), to, "echo", make([]byte, MaxMessage+1)); fault.CodeOf(err) != CodeTooLarge {
		t.Errorf("request above the limit: %v", err)
	}
	dead := to
	dead.Address = "127.0.0.1:1"
	if _, err := a.ex.Call(t.Context(), dead, "echo", nil); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("nobody there: %v", err)
	}
}

func TestCallMessagesAreBoundToTheirNodesAndToEachOther(t *testing.T) {
	a, b, c := sign.FromSeed([32]byte{1}), sign.FromSeed([32]byte{2}), sign.FromSeed([32]byte{3})
	message := canon.Must(request{From: a.Public(), To: b.Public(), Kind: "keys", Body: []byte("x")})
	data := encodeSigned(a, requestTag, message)
	q, id, err := decodeRequest(data, a.Public(), b.Public())
	if err != nil || string(q.Body) != "x" {
		t.Fatal(err)
	}
	if _, _, err := decodeRequest(data, c.Public(), b.Public()); fault.CodeOf(err) != CodeWrongNode {
		t.Errorf("sent on by another: %v", err)
	}
	if _, _, err := decodeRequest(data, a.Public(), c.Public()); fault.CodeOf(err) != CodeWrongNode {
		t.Errorf("sent on to another: %v", err)
	}
	if _, _, err := decodeRequest(encodeSigned(c, requestTag, message), c.Public(), b.Public()); fault.CodeOf(err) != CodeWrongNode {
		t.Errorf("signed by another: %v", err)
	}
	reply := encodeSigned(b, answerTag, canon.Must(answer{Request: id, Body: []byte("y")}))
	if got, err := decodeAnswer(reply, b.Public(), id); err != nil || string(got.Body) != "y" {
		t.Fatal(err)
	}
	if _, err := decodeAnswer(reply, c.Public(), id); fault.CodeOf(err) != CodeWrongNode {
		t.Errorf("answer of another: %v", err)
	}
	if _, err := decodeAnswer(reply, b.Public(), canon.Hash{1}); fault.CodeOf(err) != CodeWrongNode {
		t.Errorf("answer to another request: %v", err)
	}
	if _, err := decodeAnswer(encodeSigned(b, requestTag, canon.Must(answer{Request: id})), b.Public(), id); fault.CodeOf(err) != CodeWrongNode {
		t.Errorf("signed for another use: %v", err)
	}
}

func TestAQueueKeepsOrderAndTime(t *testing.T) {
	var q queue[int]
	start := time.Unix(1000, 0)
	all := func(int) bool { return true }
	for i := range 5 {
		q.push(i)
	}
	first := q.take(start, func(i int) bool { return i < 2 })
	if len(first) != 2 || first[0] != 0 || q.len() != 3 {
		t.Fatalf("took %v, %d left", first, q.len())
	}
	q.putBack(first)
	q.postpone(9, start.Add(time.Second))
	q.postpone(8, start.Add(time.Minute))
	if got := q.take(start, all); len(got) != 5 || got[0] != 0 || got[4] != 4 {
		t.Fatalf("took %v", got)
	}
	if next := q.next(); !next.Equal(start.Add(time.Second)) {
		t.Fatalf("next at %v", next)
	}
	if got := q.take(start.Add(time.Second), all); len(got) != 1 || got[0] != 9 {
		t.Fatalf("took %v", got)
	}
	q.hurry()
	q.push(7)
	q.remove(func(i int) bool { return i == 7 })
	if got := q.take(start, all); len(got) != 1 || got[0] != 8 || !q.next().IsZero() {
		t.Fatalf("took %v", got)
	}
}

func TestWaitsGrowToTheirLimit(t *testing.T) {
	p := pace{100 * time.Millisecond, 10 * time.Second}
	for failures, top := range map[int]time.Duration{
		1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 5: 1600 * time.Millisecond, 8: 10 * time.Second, 100: 10 * time.Second, 1 << 30: 10 * time.Second,
	} {
		for range 100 {
			if d := p.after(failures); d < top/2 || d > top {
				t.Fatalf("after %d failures %v, want %v to %v", failures, d, top/2, top)
			}
		}
	}
}

func FuzzHead(f *testing.F) {
	h := head{Key: canon.Hash{3}, Files: []Meta{sampleTransfer().Meta}}
	f.Add(appendFrame(nil, canon.Must(h)))
	f.Add([]byte{0, 0, 0, 2, 0xa0})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := readHead(bytes.NewReader(data))
		if err != nil {
			return
		}
		if h.size() < 0 || len(h.Files) > 1 && h.size() > batchBytes {
			t.Fatalf("a head of %d bytes of content was taken", h.size())
		}
		again := appendFrame(nil, canon.Must(h))
		if !bytes.HasPrefix(data, again) {
			t.Fatal("decode, encode changed the bytes")
		}
	})
}

func FuzzReply(f *testing.F) {
	s := signReceipt(sign.FromSeed([32]byte{2}), sampleTransfer()).Signature
	f.Add(appendFrame(nil, canon.Must(reply{Results: []result{{Signature: s[:]}}, Offset: 3})))
	f.Add(appendFrame(nil, canon.Must(reply{Results: []result{{Fault: problemOf(wrongHash())}}})))
	f.Add(appendFrame(nil, canon.Must(reply{Fault: problemOf(wrongHash())})))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := readReply(bytes.NewReader(data), 1)
		if err != nil {
			return
		}
		if !bytes.HasPrefix(data, appendFrame(nil, canon.Must(r))) {
			t.Fatal("decode, encode changed the bytes")
		}
		if r.Fault != nil {
			if fault.CodeOf(r.Fault.err()) == "" {
				t.Fatal("a fault without a code")
			}
			return
		}
		results := []settled{r.Results[0].settled()}
		checkReceipts([]*entry{newEntry(1, sampleTransfer())}, results)
		if results[0].err == nil && !bytes.Equal(results[0].signature, s[:]) {
			t.Fatal("a signature was taken that the receiver never made")
		}
	})
}

func FuzzRequest(f *testing.F) {
	a, b := sign.FromSeed([32]byte{1}), sign.FromSeed([32]byte{2})
	good := encodeSigned(a, requestTag, canon.Must(request{From: a.Public(), To: b.Public(), Kind: "keys", Body: []byte("x")}))
	f.Add(good)
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, _, err := decodeRequest(data, a.Public(), b.Public()); err == nil && !bytes.Equal(data, good) {
			t.Fatal("a request was taken that its sender never signed")
		}
	})
}

func FuzzAnswer(f *testing.F) {
	b, id := sign.FromSeed([32]byte{2}), canon.Hash{7}
	good := encodeSigned(b, answerTag, canon.Must(answer{Request: id, Body: []byte("x")}))
	f.Add(good)
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := decodeAnswer(data, b.Public(), id); err == nil && !bytes.Equal(data, good) {
			t.Fatal("an answer was taken that its sender never signed")
		}
	})
}

// What the outbox's store holds is read when a node starts: it is taken, or said
// to be damaged or another node's.
func FuzzBox(f *testing.F) {
	b, err := openBox("box", vfs.NewMem(), slog.New(slog.DiscardHandler))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { b.close() })
	self := sign.FromSeed([32]byte{1})
	tr, id := sampleTransfer(), sampleTransfer().ID()
	other := tr
	other.From = tr.To
	f.Add(byte(atPartner), tr.To[:], canon.Must(partner{Address: "bravo.example:9000"}))
	f.Add(byte(atOutbox), numberKey(1), canon.Must(tr))
	f.Add(byte(atOutbox), numberKey(1), canon.Must(other))
	f.Add(byte(atInbox), numberKey(2), canon.Must(tr))
	f.Add(byte(atReport), id[:], []byte{})
	f.Add(byte(atOutcome), id[:], canon.Must(outcome{Transfer: tr, Signature: signReceipt(sign.FromSeed([32]byte{2}), tr).Signature, At: 5}))
	f.Add(byte(atOutcome), id[:], canon.Must(outcome{Transfer: tr, Fault: problemOf(wrongHash()), At: 5}))
	f.Add(byte(atReceived), id[:], canon.Must(arrival{At: 5}))
	f.Fuzz(func(t *testing.T, kind byte, key, value []byte) {
		key = append([]byte{kind}, key...)
		if err := b.db.Set(key, value, pebble.NoSync); err != nil {
			t.Fatal(err)
		}
		e := &Exchange{opts: Options{Key: self}, self: self.Public(), box: b, entries: map[canon.Hash]*entry{}, peers: map[sign.PublicKey]*peer{}}
		e.inbox, e.reports = newWorklist(e.pace(), e.deliver), newWorklist(e.pace(), e.report)
		errs := []error{e.load(), b.prune(t.Context(), time.Unix(6, 0))}
		var o outcome
		found, err := b.get(kind, key[1:], &o)
		if errs = append(errs, err); found && err == nil && o.Fault != nil {
			_ = o.err()
		}
		for _, err := range errs {
			if code := fault.CodeOf(err); code != "" && code != fault.Corrupt && code != fault.Conflict {
				t.Fatalf("code of %v", err)
			}
		}
		for id, en := range e.entries {
			if id != en.transfer.ID() || en.transfer.From != e.self {
				t.Fatalf("another transfer waits: %+v", en.transfer)
			}
		}
		if err := b.db.Delete(key, pebble.NoSync); err != nil {
			t.Fatal(err)
		}
	})
}
