package local

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/ledgertest"
)

const alone = "there is one validator and no network"

func harness(path func(*testing.T) string) ledgertest.Harness {
	return ledgertest.Harness{
		New: func(t *testing.T, o ledgertest.Options) ledgertest.Network {
			key := ledgertest.Sender(1000)
			n := &network{t: t, machine: ledgertest.NewMachine(), config: Config{
				Network: Network("test", key.Public()), Key: key, Path: path(t), Retain: o.Retain,
			}}
			n.Start(0)
			t.Cleanup(func() { n.Stop(0) })
			return n
		},
		Excused: map[string]string{
			"AStrangerGetsNothing":                               alone,
			"ADeafValidatorCannotStopAnEnvelope":                 alone,
			"AValidatorThatIsAlwaysBusyCannotStopAnEnvelope":     alone,
			"AValidatorThatAlwaysSaysNotYetCannotStopAnEnvelope": alone,
			"AValidatorThatRefusesFalselyCannotStopAnEnvelope":   alone,
			"AProposerThatLeavesAnEnvelopeOutDoesNotStopIt":      alone,
			"ALyingValidatorIsReportedAndPassedOver":             alone,
			"OneDeadProposerDoesNotStopTheRest":                  alone,
			"ALostIndexIsRebuiltFromTheBlocks":                   "its index is in memory, and made from the file at each start",
		},
		VerifyCertificate: VerifyCertificate,
		VerifyInclusion:   VerifyInclusion,
	}
}

func TestOnAFile(t *testing.T) {
	t.Parallel() // the cases wait more than they work
	ledgertest.Run(t, harness(func(t *testing.T) string { return filepath.Join(t.TempDir(), "ledger") }))
}

func TestInMemory(t *testing.T) {
	t.Parallel()
	h := harness(func(*testing.T) string { return "" })
	for _, name := range []string{"ARestartLosesNothing", "ACrashAfterTheMachineWroteIsMended",
		"ACrashBeforeTheMachineWroteIsMended", "AMachineThatLostBlocksGetsThemAgain"} {
		h.Excused[name] = "memory does not outlive the process"
	}
	ledgertest.Run(t, h)
}

// network is the one ledger, which is its own follower.
type network struct {
	t       *testing.T
	config  Config
	machine *ledgertest.Machine
	ledger  *Ledger
}

func (n *network) File() ledger.Network                                  { return n.config.Network }
func (n *network) Validators() int                                       { return 1 }
func (n *network) Ledger(int) ledger.Ledger                              { return n.ledger }
func (n *network) Machine(int) *ledgertest.Machine                       { return n.machine }
func (n *network) Follow() ledger.Ledger                                 { return n.ledger }
func (n *network) FollowBad(ledgertest.Misbehaviour, bool) ledger.Ledger { panic(alone) }
func (n *network) LeaveOut(int, sign.PublicKey)                          { panic(alone) }
func (n *network) FollowLiar() (ledger.Ledger, func() int)               { panic(alone) }
func (n *network) LoseIndex(int)                                         {}
func (n *network) Stranger(context.Context) (int, int, int)              { panic(alone) }

func (n *network) Start(int) {
	var err error
	if n.ledger, err = Open(n.config, n.machine); err != nil {
		n.t.Fatal(err)
	}
}

func (n *network) Stop(int) {
	if err := n.ledger.Close(); err != nil {
		n.t.Fatal(err)
	}
}

func (n *network) Stopped(ctx context.Context, _ int) error {
	for _, err := range n.ledger.Blocks(ctx, 1<<40) {
		return err
	}
	return nil
}
