package clearing

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
)

// failure is something that did not succeed, and when to try again.
type failure struct {
	subject string     // what it is about
	state   canon.Hash // of the subject's record, as the step went by it; zero without one
	fault   *fault.Error
	count   int
	after   time.Time
	trying  bool // its subject is looked at again: what is not tried anew then is solved
}

// act sends the commands of one action and looks at the subject again when they
// are executed. While they are on their way, and while a refusal of them is
// young, the same action is not sent again: sent says whether it was. What is
// waited with is the desk's own life, not that of the request which led to the
// action. Only the desk's own work calls it.
func (d *Desk) act(ctx context.Context, action, subject string, cmds ...trade.Command) (sent bool) {
	return d.attempt(ctx, action, subject, func() func(context.Context) error {
		ticket := d.o.Channel.Enqueue(cmds...)
		return func(ctx context.Context) error { return executed(ticket.Wait(ctx)) }
	})
}

// executed gives why commands were not done.
func executed(out []channel.Outcome, err error) error {
	if err == nil {
		err = channel.FirstErr(out)
	}
	return err
}

// attempt is act for steps other than commands on the channel: begin starts one, and
// gives what waits for its end.
func (d *Desk) attempt(ctx context.Context, action, subject string, begin func() func(context.Context) error) (sent bool) {
	d.mu.Lock()
	f, failed := d.failed[action]
	if d.waiting[action] {
		d.overtaken[action] = subject
	}
	if d.waiting[action] || failed && time.Now().Before(f.after) {
		d.mu.Unlock()
		return false
	}
	f.trying = false
	if failed {
		d.failed[action] = f
	}
	d.waiting[action] = true
	d.mu.Unlock()
	state := d.stateOf(subject)
	wait := begin()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(d.life, cancel)
	d.acting.Go(func() {
		defer stop()
		defer cancel()
		err := wait(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			d.o.Log.Warn("command refused", "action", action, "err", err)
			d.lost(action, subject, state, err)
		default:
			d.solved(action)
			d.done(action)
		}
		d.mu.Lock()
		d.over = append(d.over, action)
		d.mu.Unlock()
		d.rouse()
	})
	return true
}

// underWay reports whether an action need not be prepared: its commands are on
// their way, or were refused just now.
func (d *Desk) underWay(action string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, failed := d.failed[action]
	return d.waiting[action] || failed && time.Now().Before(f.after)
}

// done notes what the channel will not tell again after an action.
func (d *Desk) done(action string) {
	if action == actSettle {
		d.mu.Lock()
		d.most, d.settling = min(2*d.most, maxNetted), nil
		d.mu.Unlock()
	}
	name, ok := strings.CutPrefix(action, actAdvise)
	if !ok {
		return
	}
	d.mu.Lock()
	d.advised[name] = true
	d.mu.Unlock()
	if err := d.keep("advised/"+name, []byte{1}); err != nil {
		d.fail("keep", "advised/"+name, err)
	}
}

// lost notes a refusal. Rows of rates that came with refused commands are not
// proven by them, and a statement with rows that are not in force any more is
// to be priced again. Invoices of a refused settlement wait again.
func (d *Desk) lost(action, subject string, state canon.Hash, err error) {
	if action == actSettle {
		d.refusedSettlement()
	}
	if strings.HasPrefix(action, actState) {
		d.mu.Lock()
		clear(d.rows)
		if fault.CodeOf(err) == trade.CodeRowNotInForce {
			d.refused[subject] = true
		}
		d.mu.Unlock()
	}
	d.failAt(action, subject, state, err)
}

// Prefixes of actions on which more hangs than their commands.
const (
	actState  = "state/"  // and the period's key
	actAdvise = "advise/" // and what is paid, as nextPayment names it
)

// fail keeps why an action did not succeed, and has its subject looked at
// again, later each time: what failed for a reason that passes goes on by
// itself.
func (d *Desk) fail(action, subject string, err error) {
	d.failAt(action, subject, d.stateOf(subject), err)
}

// failAt is fail for a step that went by a state of its subject which may be
// over by now.
func (d *Desk) failAt(action, subject string, state canon.Hash, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.failed[action]
	f.subject, f.state, f.fault, f.trying = subject, state, fault.Of(err), false
	f.after = time.Now().Add(min(time.Minute, 100*time.Millisecond<<min(f.count, 12)))
	f.count++
	d.failed[action] = f
}

// stateOf gives what a subject's record is now, zero when it has none.
func (d *Desk) stateOf(subject string) (state canon.Hash) {
	err := d.o.Channel.View(func(v view) error {
		state = stateIn(v, subject)
		return nil
	})
	if err != nil {
		d.o.Log.Warn("the channel's state cannot be read", "err", err)
	}
	return state
}

func stateIn(v view, subject string) canon.Hash {
	raw, ok := v.Get(subject)
	if !ok {
		return canon.Hash{}
	}
	return canon.Sum("lateral/problem-state/1", raw)
}

// solved forgets a failure.
func (d *Desk) solved(action string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.failed, action)
}

// retry marks the subjects of failures whose time has come. The lock is held.
func (d *Desk) retry() {
	now := time.Now()
	for action, f := range d.failed {
		if !f.trying && now.After(f.after) {
			f.trying = true
			d.failed[action] = f
			d.dirty[f.subject] = true
		}
	}
}

// retryNow has all that failed tried again at once: what it lacked may have
// come.
func (d *Desk) retryNow() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for action, f := range d.failed {
		f.after = time.Time{}
		d.failed[action] = f
	}
}

// looked forgets the failures of a subject that was looked at and had nothing
// tried again for them. Requests, ticks and what has no record are tried
// elsewhere.
func (d *Desk) looked(subject string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.failed, "look/"+subject)
	maps.DeleteFunc(d.failed, func(action string, f failure) bool {
		return f.trying && f.subject == subject && !elsewhere(action)
	})
}

func elsewhere(action string) bool {
	kind, _, _ := strings.Cut(action, "/")
	return slices.Contains([]string{"request", "tick", "order", "book", "rates", "keep", "settle", "bills", "measures", "meter", "deposit", "round"}, kind)
}

// Problem is a step that does not succeed, and why.
type Problem struct {
	Subject string     `json:"subject"`
	Code    fault.Code `json:"code"`
	Detail  string     `json:"detail"`
	Remedy  string     `json:"remedy,omitempty"`
	Tries   int        `json:"tries"`
	Needs   Needs      `json:"needs,omitempty"`
}

// Needs says what a problem waits for.
type Needs string

// What a problem waits for; empty when its code does not tell.
const (
	NeedsPerson Needs = "person" // somebody must act, here or at the partner
	NeedsWait   Needs = "wait"   // it is tried again and passes by itself
)

// needs says what the problems with a code wait for.
var needs = map[fault.Code]Needs{
	fault.NotYet: NeedsWait, fault.Busy: NeedsWait, fault.Unknown: NeedsWait, fault.Unavailable: NeedsWait,
	trade.CodeAuthorizationExpired: NeedsWait, // it is signed anew
	trade.CodeBound:                NeedsWait,

	fault.Forbidden: NeedsPerson, fault.Corrupt: NeedsPerson, fault.Internal: NeedsPerson,
	CodeNoAgreement: NeedsPerson, CodeNoSheet: NeedsPerson, CodeNoOrder: NeedsPerson, trade.CodeOrderState: NeedsPerson,
	trade.CodeNoAgreement: NeedsPerson, trade.CodeNoSheet: NeedsPerson, trade.CodeExposure: NeedsPerson,
	trade.CodeAuthorizationMissing: NeedsPerson, trade.CodeDelegateUnknown: NeedsPerson, trade.CodeDelegateExpired: NeedsPerson,
	trade.CodeDelegateRole: NeedsPerson, trade.CodeMemberKey: NeedsPerson, trade.CodeBeyondLimit: NeedsPerson,
	trade.CodeDiverged: NeedsPerson,
	trade.CodeFunds:    NeedsPerson,
	CodeDeclined:       NeedsPerson, CodeNotStated: NeedsPerson, CodeLost: NeedsPerson, CodeNoReading: NeedsPerson, trade.CodeVersionUnknown: NeedsPerson,
	store.CodeDiskFull: NeedsPerson, store.CodeStoreFailed: NeedsPerson,
}

// Problems lists what does not go on by itself, in order of subject. What a
// subject's record has left behind is no problem any more; if a step is still
// wanted, it is tried anew.
func (d *Desk) Problems() []Problem {
	err := d.o.Channel.View(func(v view) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		for action, f := range d.failed {
			if !d.waiting[action] && f.state != stateIn(v, f.subject) {
				delete(d.failed, action)
				d.dirty[f.subject] = true
				d.rouse()
			}
		}
		return nil
	})
	if err != nil {
		d.o.Log.Warn("the channel's state cannot be read", "err", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Problem
	for _, f := range d.failed {
		out = append(out, Problem{f.subject, f.fault.Code, f.fault.Detail, f.fault.Remedy, f.count, needs[f.fault.Code]})
	}
	slices.SortFunc(out, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.Subject, b.Subject), strings.Compare(string(a.Code), string(b.Code)))
	})
	return out
}

// Busy reports whether the desk has something to do: commands on their way,
// records to look at, the partner's edges to wait for, or events that it has
// not heard yet.
func (d *Desk) Busy() bool {
	behind := false
	err := d.o.Channel.View(func(v view) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		behind = d.heard < v.Cursor
		return nil
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	return err != nil || behind || d.looking || d.meeting || d.shown < d.through || len(d.closings) > 0 || len(d.waiting) > 0 || len(d.dirty) > 0
}

// toMeet reports whether periods may have become ready to be stated.
func (d *Desk) toMeet() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.meeting
}
