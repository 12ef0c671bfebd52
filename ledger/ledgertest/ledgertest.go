// Package ledgertest is the one suite that every ledger driver passes: order,
// finality, idempotence, restarts, crashes between the driver's writes and the
// machine's, and validators or peers that misbehave.
//
// A driver describes itself with a [Harness] and calls [Run]. A driver without
// a committee is excused, by name and with a reason, from the cases that need
// one.
package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
)

// Harness is a driver as the suite sees it.
type Harness struct {
	// New starts a fresh network for a test and ends it with the test.
	New func(t *testing.T, o Options) Network
	// Excused names cases that the driver need not pass, with the reason.
	Excused map[string]string

	VerifyCertificate func(ledger.Network, []byte) (ledger.Height, ledger.Root, int64, error)
	VerifyInclusion   func(ledger.Network, []byte) (ledger.Envelope, ledger.Position, error)
}

// Options say what is special about a network.
type Options struct {
	Retain uint64 // blocks kept; 0 keeps all
}

// Network is a running ledger: validators, and followers of it. Its methods
// fail the test when they cannot do what they say.
type Network interface {
	File() ledger.Network
	// Validators is the size of the committee.
	Validators() int
	// Ledger is the ledger of a running validator, and Machine its machine.
	Ledger(validator int) ledger.Ledger
	Machine(validator int) *Machine
	// Stop ends a validator, Start starts it again on the same disk.
	Stop(validator int)
	Start(validator int)
	// LoseIndex takes from a stopped validator what the driver keeps beside its
	// blocks and can make from them again.
	LoseIndex(validator int)
	// Stopped waits until a validator has stopped by itself, and says why.
	Stopped(ctx context.Context, validator int) error
	// Follow makes a follower with a registered key.
	Follow() ledger.Ledger
	// FollowBad makes a follower for which one validator answers every Submit
	// in a bad way. It is asked first, or together with all others.
	FollowBad(how Misbehaviour, first bool) ledger.Ledger
	// LeaveOut makes a validator leave a sender's envelopes out of what it
	// proposes, until it is started again.
	LeaveOut(validator int, sender sign.PublicKey)
	// FollowLiar makes a follower that asks first a validator whose answers
	// are false. Alarms counts what the follower reported to the log.
	FollowLiar() (l ledger.Ledger, alarms func() int)
	// Stranger tries to take part with keys that nobody registered, as a
	// follower and as a validator's node, and gives what it came to hold:
	// blocks as follower, blocks as peer, links that validators keep to it.
	Stranger(ctx context.Context) (followed, peered, links int)
}

// Misbehaviour is what a bad validator does with envelopes.
type Misbehaviour int

// A bad validator takes every envelope and lets it disappear, puts it off for
// ever, or refuses it without reason.
const (
	Deaf Misbehaviour = iota
	AlwaysBusy
	AlwaysNotYet
	Refusing
)

// Run runs the suite. Cases share one network where they cannot harm it.
func Run(t *testing.T, h Harness) {
	t.Run("shared", func(t *testing.T) {
		n := h.New(t, Options{})
		for i, c := range shared {
			t.Run(c.name, func(t *testing.T) {
				if why := h.Excused[c.name]; why != "" {
					t.Skip("excused: " + why)
				}
				c.run(t, &world{Network: n, Harness: h, sender: i * 4})
			})
		}
	})
	for _, c := range alone {
		t.Run(c.name, func(t *testing.T) {
			if why := h.Excused[c.name]; why != "" {
				t.Skip("excused: " + why)
			}
			c.run(t, &world{Network: h.New(t, c.options), Harness: h})
		})
	}
	for name := range h.Excused {
		if !slices.ContainsFunc(append(shared, alone...), func(c testcase) bool { return c.name == name }) {
			t.Errorf("the driver is excused from %q, which is no case", name)
		}
	}
}

type testcase struct {
	name    string
	options Options
	run     func(*testing.T, *world)
}

// shared are the cases that leave a network as good as they found it.
var shared = []testcase{
	{name: "AnEnvelopeBecomesFinalAtOnePositionOnAllNodes", run: finalEverywhere},
	{name: "TheSameEnvelopeAgainGivesTheFirstPosition", run: idempotent},
	{name: "ASecondSignatureOverTheSameContentIsTheSameEnvelope", run: sameContent},
	{name: "ACancelledSubmitIsUnknownAndTheSameBytesBecomeFinalOnce", run: cancelled},
	{name: "OneNumberWithTwoContentsHasOneWinner", run: twoContents},
	{name: "AGapIsNotYet", run: gap},
	{name: "ManyInFlightFromOneSenderKeepTheirOrder", run: manyInFlight},
	{name: "EnvelopesArrivingOutOfOrderAreSorted", run: outOfOrder},
	{name: "WhatMustNotStandIsRefused", run: invalid},
	{name: "AReaderThatStopsReadingHoldsNobodyUp", run: slowReader},
	{name: "CertificatesAgreeAndVerify", run: certificates},
	{name: "ACertificateWithAnyByteChangedIsRefused", run: certificateBytes},
	{name: "AnInclusionProofVerifiesAndAnyByteChangedIsRefused", run: proofs},
	{name: "WaitingCallsEndWithTheirContext", run: contexts},
	{name: "StatusTellsWhereTheLedgerStands", run: status},
	{name: "AKeyThatABlockBringsMaySendAtOnce", run: newKey},
	{name: "AStrangerGetsNothing", run: stranger},
	{name: "ADeafValidatorCannotStopAnEnvelope", run: func(t *testing.T, w *world) { bad(t, w, Deaf) }},
	{name: "AValidatorThatIsAlwaysBusyCannotStopAnEnvelope", run: func(t *testing.T, w *world) { bad(t, w, AlwaysBusy) }},
	{name: "AValidatorThatAlwaysSaysNotYetCannotStopAnEnvelope", run: func(t *testing.T, w *world) { bad(t, w, AlwaysNotYet) }},
	{name: "AValidatorThatRefusesFalselyCannotStopAnEnvelope", run: func(t *testing.T, w *world) { bad(t, w, Refusing) }},
	{name: "ALyingValidatorIsReportedAndPassedOver", run: liar},
	{name: "BlockTimeIsRightAfterAnIdleTime", run: idle},
}

// alone are the cases that break something.
var alone = []testcase{
	{name: "ARestartLosesNothing", run: restart},
	{name: "ACrashAfterTheMachineWroteIsMended", run: func(t *testing.T, w *world) { crash(t, w, After) }},
	{name: "ACrashBeforeTheMachineWroteIsMended", run: func(t *testing.T, w *world) { crash(t, w, Before) }},
	{name: "AMachineThatLostBlocksGetsThemAgain", run: forgetful},
	{name: "ALostIndexIsRebuiltFromTheBlocks", run: lostIndex},
	{name: "PrunedBlocksAreNotFound", options: Options{Retain: 5}, run: pruned},
	{name: "OneDeadProposerDoesNotStopTheRest", run: deadProposer},
	{name: "AProposerThatLeavesAnEnvelopeOutDoesNotStopIt", run: leftOut},
	{name: "CloseEndsCallsUnderWay", run: closing},
}

// limit is how long any single step may take: generous, for busy machines.
const limit = 60 * time.Second

// world is what a case works with.
type world struct {
	Network
	Harness
	sender int // the first of four keys that are the case's own
}

func (w *world) ctx(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// envelope makes and signs one. Sender is 0 to 3.
func (w *world) envelope(sender int, sequence uint64, content string) ledger.Envelope {
	e := ledger.Envelope{
		Header:  ledger.Header{Chain: w.File().ChainID, Channel: canon.Sum("channel"), Sequence: sequence},
		Payload: []byte(content),
	}
	e.Sign(Sender(w.sender + sender))
	return e
}

// introduce makes the envelope of sender 0 that brings another sender's key.
func (w *world) introduce(sequence uint64, key sign.PublicKey) ledger.Envelope {
	e := Introduce(w.envelope(0, sequence, "").Header, key)
	e.Sign(Sender(w.sender))
	return e
}

// submit wants e to become final.
func submit(t *testing.T, ctx context.Context, l ledger.Ledger, e ledger.Envelope) ledger.Position {
	t.Helper()
	p, err := l.Submit(ctx, e)
	if err != nil {
		t.Fatalf("submit %d: %v", e.Header.Sequence, err)
	}
	return p
}

// all gives every running validator's ledger and a follower's.
func (w *world) all() []ledger.Ledger {
	var out []ledger.Ledger
	for i := range w.Validators() {
		out = append(out, w.Ledger(i))
	}
	return append(out, w.Follow())
}

// at reads what stands at a position.
func at(ctx context.Context, l ledger.Ledger, p ledger.Position) (ledger.Envelope, error) {
	b, err := block(ctx, l, p.Height)
	if err != nil {
		return ledger.Envelope{}, err
	}
	if int(p.Index) >= len(b.Envelopes) {
		return ledger.Envelope{}, fmt.Errorf("block %d has %d envelopes", p.Height, len(b.Envelopes))
	}
	return b.Envelopes[p.Index], nil
}

func block(ctx context.Context, l ledger.Ledger, h ledger.Height) (ledger.Block, error) {
	for b, err := range l.Blocks(ctx, h) {
		if err == nil && b.Height != h {
			err = fmt.Errorf("asked for block %d, got %d", h, b.Height)
		}
		return b, err
	}
	return ledger.Block{}, errors.New("no block was yielded")
}

// everywhere wants e at p on all nodes.
func (w *world) everywhere(t *testing.T, ctx context.Context, nodes []ledger.Ledger, p ledger.Position, e ledger.Envelope) {
	t.Helper()
	for i, l := range nodes {
		got, err := at(ctx, l, p)
		if err != nil {
			t.Fatalf("node %d: %v", i, err)
		}
		if got.ID() != e.ID() {
			t.Fatalf("node %d has another envelope at %s", i, p)
		}
	}
}

// upTo reads the blocks up to a height and counts each envelope.
func upTo(ctx context.Context, l ledger.Ledger, last ledger.Height) (map[canon.Hash]int, error) {
	count := map[canon.Hash]int{}
	for b, err := range l.Blocks(ctx, 1) {
		if err != nil {
			return nil, err
		}
		for _, e := range b.Envelopes {
			count[e.ID()]++
		}
		if b.Height >= last {
			break
		}
	}
	return count, nil
}

func wantCode(t *testing.T, err error, want fault.Code) {
	t.Helper()
	if got := fault.CodeOf(err); got != want {
		t.Fatalf("got code %q (%v), want %q", got, err, want)
	}
}
