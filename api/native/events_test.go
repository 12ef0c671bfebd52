package native

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/party"
)

// sent runs a stream of everything for so long and gives its events.
func sent(t *testing.T, channels func() map[party.Code]Channel, from spots, kind string, long time.Duration) (all []wire.Event, text string) {
	t.Helper()
	s := &server{Options: Options{Log: discard()}, heartbeat: heartbeat}
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	w := httptest.NewRecorder()
	s.sendAll(ctx, w, channels, from, kind, always)
	text = w.Body.String()
	for line := range strings.Lines(text) {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			var e wire.Event
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				t.Fatal(err)
			}
			all = append(all, e)
		}
	}
	return all, text
}

// what tells an event without its id, which depends on the order between channels.
func what(e wire.Event) string { return string(e.Partner) + " " + e.Kind }

func fixed(m map[party.Code]Channel) func() map[party.Code]Channel {
	return func() map[party.Code]Channel { return m }
}

func TestAStreamOfAllChannelsGoesOnBehindEachOfItsIds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		channels := fixed(map[party.Code]Channel{
			omni:    tape{entries: []channel.Entry{entry(1, []string{"o1", "o2"}), entry(2), entry(4, []string{"o3"})}},
			"BRAVO": tape{entries: []channel.Entry{entry(2, []string{"b1", "b2"}, []string{"b3"}), entry(3, []string{"b4"})}},
			"C-1.x": tape{entries: []channel.Entry{entry(3, []string{"c1"})}},
		})
		all, _ := sent(t, channels, spots{}, "", time.Second/2)
		if len(all) != 8 {
			t.Fatalf("%d events come: %+v", len(all), all)
		}
		var complete []string
		for _, e := range all {
			complete = append(complete, what(e))
		}
		slices.Sort(complete)
		for i, e := range all {
			at, err := parseSpots(e.ID)
			if err != nil || at.String() != e.ID {
				t.Fatalf("%s reads as %s: %v", e.ID, at, err)
			}
			rest, _ := sent(t, channels, at, "", time.Second/2)
			var both []string
			for _, e := range append(slices.Clone(all[:i+1]), rest...) {
				both = append(both, what(e))
			}
			if slices.Sort(both); !slices.Equal(both, complete) {
				t.Errorf("up to %s and behind it come %v", e.ID, both)
			}
		}
		of, _ := sent(t, channels, spots{}, "b", time.Second/2)
		if len(of) != 4 || of[3].Partner != "BRAVO" || of[3].Kind != "b4" {
			t.Errorf("of kind b come %+v", of)
		}
	})
}

func TestABilateralThatOpensJoinsTheStreamOfAllChannelsFromItsBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		open := map[party.Code]Channel{omni: tape{}}
		time.AfterFunc(5*time.Second, func() {
			mu.Lock()
			defer mu.Unlock()
			open["BRAVO"] = tape{entries: []channel.Entry{entry(7, []string{"a", "b"})}}
		})
		all, text := sent(t, func() map[party.Code]Channel {
			mu.Lock()
			defer mu.Unlock()
			m := map[party.Code]Channel{}
			for k, v := range open {
				m[k] = v
			}
			return m
		}, spots{omni: {}}, "", 3*heartbeat+time.Second)
		if len(all) != 2 || all[0].Partner != "BRAVO" || all[1].ID != ":0,BRAVO:0.2" {
			t.Errorf("came %+v", all)
		}
		if got := strings.Count(text, ": still here\nid: :0,BRAVO:1\n"); got != 3 {
			t.Errorf("%d signs of life with what was read in %s", got, text)
		}
	})
}

// One log that can not be read does not end the stream of the others.
func TestAStreamOfAllChannelsOutlivesOneOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, _ := sent(t, fixed(map[party.Code]Channel{
			omni:    tape{err: fault.New(fault.Corrupt, "gone", "none")},
			"BRAVO": tape{entries: []channel.Entry{entry(7, []string{"a"})}},
		}), spots{}, "", heartbeat)
		if len(all) != 1 || all[0].Kind != "a" {
			t.Errorf("came %+v", all)
		}
	})
}

func FuzzSpots(f *testing.F) {
	for _, id := range []string{"0", ":0", ":12.3,BRAVO:4", "BRAVO:4.0", "BRAVO:-1", ":1,:2", "a b:1", ":", ":1.+2", ":18446744073709551616"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		at, err := parseSpots(id)
		if err != nil || len(at) == 0 {
			return
		}
		again, err := parseSpots(at.String())
		if err != nil || again.String() != at.String() || len(again) != len(at) {
			t.Errorf("%q reads as %s and that as %s: %v", id, at, again, err)
		}
	})
}
