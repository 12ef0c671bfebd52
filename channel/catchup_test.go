package channel

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
)

// A channel that stopped on one node while the other went on. Once repaired it
// executes what it has missed and comes to the partner's state, not to one of
// its own.
func TestARepairedChannelCatchesUp(t *testing.T) {
	// Each begins the trouble at ALPHA and gives its repair, for while ALPHA is
	// down.
	for name, trouble := range map[string]func(*pair) (repair func()){
		"a missing key": func(p *pair) func() {
			p.a.stop()
			kept := p.a.keys.sealing
			p.a.keys.sealing = []seal.Key{must(seal.GenerateKey(nil))}
			p.a.start()
			return func() { p.a.keys.sealing = kept }
		},
		"rules of an unknown version": func(p *pair) func() {
			p.a.stop()
			p.a.tune = func(o *Options) { o.Law = versioned{} }
			p.a.start()
			submit(t, p.right, put("new-rules", "2"))
			return func() { p.a.tune = nil }
		},
		"a key store without the channel": func(p *pair) func() {
			p.a.stop()
			if err := os.RemoveAll(filepath.Join(p.a.dir, "store")); err != nil {
				t.Fatal(err)
			}
			kept := p.a.keys.channels
			p.a.keys.channels = map[sign.PublicKey]sign.PrivateKey{}
			p.a.start()
			return func() { p.a.keys.channels = kept }
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, networkOptions{})
			submit(t, p.left, put("a", "1"))
			p.attest(t)
			repair := trouble(p)
			for i := range 5 {
				submit(t, p.right, put(label(i), "x"), toyCommand("count", 0), toyCommand("public", 0))
				submit(t, p.a.Omni(), put("seen", label(i)))
			}
			if err := p.a.WaitFor(timeout(t), p.a.tip()); err != nil {
				t.Fatal(err)
			}
			if b, ok := p.a.Bilateral(p.right.ID()); ok && b.State() != StateHalted {
				t.Fatalf("the channel is %s", b.State())
			}
			p.a.stop()
			repair()
			p.a.start()
			<-p.a.Ready()
			p.left = find(t, p.a, p.right.ID())
			p.level(t)
			submit(t, p.left, toyCommand("count", 0))
			submit(t, p.right, toyCommand("count", 0))
			p.attest(t)
			if _, ok := p.left.Divergence(); ok || p.left.State() != StateOpen {
				t.Errorf("the repaired channel is %s", p.left.State())
			}
		})
	}
}
