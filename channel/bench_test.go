package channel

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/trade"
)

// documents makes commands of 250 bytes each, as they travel, from a seeded
// source.
func documents(rng *rand.ChaCha8, n int) []trade.Command {
	out := make([]trade.Command, n)
	for i := range out {
		var id canon.Hash
		rng.Read(id[:])
		reference := make([]byte, 178)
		rng.Read(reference)
		out[i] = trade.NewCommand(trade.KindDocumentRecord, trade.DocumentRecord{Kind: "records", Hash: id, Size: rng.Uint64() >> 40, Reference: reference})
	}
	return out
}

// BenchmarkExecute measures what one member spends on a sealed envelope of
// 250-byte commands, each of which writes a record: check, open, unpack,
// execute, tree, log and one synced commit.
func BenchmarkExecute(b *testing.B) {
	const perEnvelope = 900
	p := tradePair(b, nil)
	submit(b, p.left, record(1))
	p.attest(b)
	p.a.stop()
	eventually(b, "BRAVO has all blocks", func() bool { h, _ := p.b.Height(); return h == p.b.tip() })
	p.b.cancel()
	<-p.b.ended
	p.b.ended <- nil
	key := p.left.s.Load().key
	height, now := p.b.Height()
	number := p.b.omni.last(lane{p.left.ID(), key.Public()})
	rng := rand.NewChaCha8([32]byte{1})
	b.Logf("one command is %d bytes", len(canon.Must(documents(rng, 1)[0])))
	next := func() ledger.Block {
		number++
		height++
		now += 20
		e := ledger.Envelope{Header: ledger.Header{Version: 1, Chain: p.n.net.ChainID, Channel: p.left.ID(), Epoch: 1, Sender: key.Public(), Sequence: number}}
		e.Payload = sealed(p.right.epochs[1], e.Header, batch{Commands: documents(rng, perEnvelope)})
		e.Sign(key)
		return ledger.Block{Height: height, Time: now, Envelopes: []ledger.Envelope{e}}
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		block := next()
		b.StartTimer()
		if err := p.b.execute(context.Background(), block); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(perEnvelope*b.N)/b.Elapsed().Seconds(), "commands/s")
	if p.right.snapshot().Size == 0 {
		b.Fatal("nothing was executed")
	}
}

// BenchmarkSend measures what the sender spends on an envelope before it
// leaves, the outbox's sync left out.
func BenchmarkSend(b *testing.B) {
	cmds := documents(rand.NewChaCha8([32]byte{1}), 900)
	s := sealing{sealed: true, epoch: 1, key: epochKey{1}}
	h := header
	b.ReportAllocs()
	for b.Loop() {
		e := ledger.Envelope{Header: h}
		if err := s.close(&e, batch{Commands: cmds}, randomFrom(nil)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(cmds)*b.N)/b.Elapsed().Seconds(), "commands/s")
}
