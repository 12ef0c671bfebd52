package bench

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Part is what one part of the work cost.
type Part struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"cpu_seconds"`
}

// part says which samples of a profile belong together: those whose stack holds
// a function named so, and, when it is set, one that is named so as well. The
// first rule that fits counts.
type part struct {
	name     string
	has, and string
}

// parts is read from the top down: what a sample was done for comes before how.
var parts = []part{
	{"load: making commands", "bench.(*load).command", ""},
	{"members: outbox", "channel.(*outbox)", ""},
	{"members: packing and sealing", "channel.(*stream).fill", "channel.sealing.close"},
	{"members: sending, the rest", "channel.(*stream).", "comet.(*Follower).Submit"},
	{"members: sending, the rest", "channel.(*stream).run", ""},
	{"members: opening and unpacking", "channel.(*bilateralDraft).open", ""},
	{"members: delegates' signatures", "trade.CheckSignatures", ""},
	{"members: executing commands", "channel.(*draft).execute", ""},
	{"members: state tree and block log", "channel.(*Member).execute", "internal/merkle."},
	{"members: store, in the foreground", "channel.(*Member).execute", "store.(*DB).Commit"},
	{"members: envelopes' signatures and hashes", "channel.(*Member).execute", "channel.(*checked)"},
	{"members: encoding the event log", "channel.(*Member).execute", "channel.(*draft).finish"},
	{"members: waking who waits", "channel.(*Member).execute", "channel.(*stream).landed"},
	{"members: execution, the rest", "channel.(*Member).execute", ""},
	{"following: both ends of the links", "comet.(*Follower)", ""},
	{"following: both ends of the links", "comet.(*server)", ""},
	{"following: both ends of the links", "net/http", ""},
	{"following: both ends of the links", "golang.org/x/net/http2", ""},
	{"validators: machine (admission, state, its store)", "comet.(*app).FinalizeBlock", ""},
	{"validators: checking envelopes", "comet.(*pool)", ""},
	{"validators: checking envelopes", "comet.(*Validator)", ""},
	{"validators: their links", "cometbft/p2p", ""},
	{"validators: consensus and its log", "cometbft/consensus", ""},
	{"validators: the engine's stores", "goleveldb", ""},
	{"validators: the engine, the rest", "cometbft/", ""},
	{"stores, in the background", "cockroachdb/pebble", ""},
	{"memory: garbage collection", "runtime.gcBgMarkWorker", ""},
	{"memory: garbage collection", "runtime.bgsweep", ""},
	{"memory: garbage collection", "runtime.bgscavenge", ""},
	{"load: waiting for outcomes", "bench.", ""},
	{"Go's scheduler", "runtime.", ""},
}

const elsewhere = "elsewhere"

func (p part) holds(stack []string) bool {
	in := func(what string) bool {
		return what == "" || slices.ContainsFunc(stack, func(f string) bool { return strings.Contains(f, what) })
	}
	return in(p.has) && in(p.and)
}

// profiled runs f and says where the processor time of the whole process went
// meanwhile. The profile samples every 10 ms; the parts are its shares of what
// the system counted. The profile itself is given too.
func profiled(f func() error) (split []Part, raw []byte, err error) {
	var profile bytes.Buffer
	before := cpuTime()
	if err := pprof.StartCPUProfile(&profile); err != nil {
		return nil, nil, err
	}
	err = f()
	pprof.StopCPUProfile()
	total := (cpuTime() - before).Seconds()
	if err != nil {
		return nil, nil, err
	}
	samples, err := readProfile(profile.Bytes())
	if err != nil {
		return nil, nil, fmt.Errorf("reading the processor profile: %w", err)
	}
	return divide(samples, total), profile.Bytes(), nil
}

// divide gives each part its share of total, largest first.
func divide(samples []sample, total float64) []Part {
	sums := map[string]int64{}
	all := int64(0)
	for _, s := range samples {
		name := elsewhere
		for _, p := range parts {
			if p.holds(s.stack) {
				name = p.name
				break
			}
		}
		sums[name] += s.nanos
		all += s.nanos
	}
	var out []Part
	for name, n := range sums {
		out = append(out, Part{name, total * float64(n) / float64(max(all, 1))})
	}
	slices.SortFunc(out, func(a, b Part) int {
		if a.Seconds != b.Seconds {
			return int(1e6 * (b.Seconds - a.Seconds))
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// meter tells how many processors this process and others have used since it
// was started.
type meter struct {
	at   time.Time
	own  time.Duration
	busy time.Duration // of the whole machine, since it was started
	ok   bool
}

func startMeter() meter {
	m := meter{at: time.Now(), own: cpuTime()}
	m.busy, m.ok = machineTime()
	return m
}

// read gives processors used by this process and, where the system tells it,
// by all others.
func (m meter) read() (elapsed, own time.Duration, others float64) {
	now := startMeter()
	elapsed, own = now.at.Sub(m.at), now.own-m.own
	if m.ok && now.ok {
		others = max(0, (now.busy-m.busy-own).Seconds()/elapsed.Seconds())
	}
	return elapsed, own, others
}

// machineTime gives the processor time that the whole machine has used, from
// the first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq,
// steal, in hundredths of a second (proc(5)).
func machineTime() (time.Duration, bool) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, false
	}
	line, _, _ := strings.Cut(string(data), "\n")
	f := strings.Fields(line)
	if len(f) < 9 || f[0] != "cpu" {
		return 0, false
	}
	var sum time.Duration
	for _, i := range []int{1, 2, 3, 6, 7} {
		n, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			return 0, false
		}
		sum += time.Duration(n) * 10 * time.Millisecond
	}
	return sum, true
}

// sample is one stack of a profile and the time spent in it.
type sample struct {
	stack []string // function names, innermost first
	nanos int64
}

var errProfile = errors.New("the profile cannot be read")

// readProfile reads what runtime/pprof writes: a gzipped protocol buffer, of
// which samples (field 2: locations, values), locations (4: id, lines of
// functions), functions (5: id, name) and the string table (6) matter here.
func readProfile(data []byte) ([]sample, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	type bare struct {
		locations, values []uint64
	}
	var found []bare
	var text []string
	names := map[uint64]uint64{}       // function → string
	functions := map[uint64][]uint64{} // location → functions, innermost first
	err = fields(raw, func(n int, v uint64, b []byte) error {
		switch n {
		case 2:
			var s bare
			found = append(found, s)
			last := &found[len(found)-1]
			return fields(b, func(n int, v uint64, b []byte) error {
				switch n {
				case 1:
					last.locations = append(last.locations, numbers(v, b)...)
				case 2:
					last.values = append(last.values, numbers(v, b)...)
				}
				return nil
			})
		case 4:
			var id uint64
			var in []uint64
			err := fields(b, func(n int, v uint64, b []byte) error {
				switch n {
				case 1:
					id = v
				case 4:
					return fields(b, func(n int, v uint64, _ []byte) error {
						if n == 1 {
							in = append(in, v)
						}
						return nil
					})
				}
				return nil
			})
			functions[id] = in
			return err
		case 5:
			var id, name uint64
			err := fields(b, func(n int, v uint64, _ []byte) error {
				switch n {
				case 1:
					id = v
				case 2:
					name = v
				}
				return nil
			})
			names[id] = name
			return err
		case 6:
			text = append(text, string(b))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]sample, 0, len(found))
	for _, s := range found {
		if len(s.values) != 2 {
			return nil, errProfile
		}
		one := sample{nanos: int64(s.values[1])}
		for _, l := range s.locations {
			for _, f := range functions[l] {
				if names[f] >= uint64(len(text)) {
					return nil, errProfile
				}
				one.stack = append(one.stack, text[names[f]])
			}
		}
		out = append(out, one)
	}
	return out, nil
}

// fields calls f for each field of a protocol buffer message: with v for a
// number, with b for bytes.
func fields(data []byte, f func(n int, v uint64, b []byte) error) error {
	for len(data) > 0 {
		tag, k := binary.Uvarint(data)
		if k <= 0 {
			return errProfile
		}
		v, m := binary.Uvarint(data[k:])
		if m <= 0 {
			return errProfile
		}
		data = data[k+m:]
		var b []byte
		switch tag & 7 {
		case 0:
		case 2:
			if v > uint64(len(data)) {
				return errProfile
			}
			b, data = data[:v], data[v:]
		default:
			return errProfile
		}
		if err := f(int(tag>>3), v, b); err != nil {
			return err
		}
	}
	return nil
}

// numbers gives a repeated number, which is packed into bytes or stands alone.
func numbers(v uint64, b []byte) []uint64 {
	if b == nil {
		return []uint64{v}
	}
	var out []uint64
	for len(b) > 0 {
		n, k := binary.Uvarint(b)
		if k <= 0 {
			break
		}
		out, b = append(out, n), b[k:]
	}
	return out
}
