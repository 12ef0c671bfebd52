package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/bench"
	"github.com/lateral-network/lateral/trade/usage"
)

func TestOneRunOfAComparisonIsReadFromStandardInput(t *testing.T) {
	from := trafficDay.UnixMilli()
	job, err := json.Marshal(bench.CompareJob{Traffic: bench.Traffic{Seed: 1, Calls: 300, Prefixes: 50, Plant: "duplicate=2%",
		Span: usage.Interval{From: from, To: from + 3_600_000}}})
	if err != nil {
		t.Fatal(err)
	}
	code, out, errs := commandWith(t, job, "bench", "compare", "--job")
	var found struct {
		Records uint64
		Peak    int64 `json:"peak_memory_bytes"`
	}
	if err := json.Unmarshal([]byte(out), &found); code != 0 || err != nil || found.Records < 600 || found.Peak < 1<<20 {
		t.Errorf("exits with %d and prints %s%s (%v)", code, out, errs, err)
	}
	help, _ := exits(t, 0, "bench", "compare", "--help")
	if strings.Contains(help, "--job") {
		t.Error("the help shows a flag for the program itself")
	}
}

func TestWhatCannotBeMeasuredIsAMistakeOfUsage(t *testing.T) {
	for _, args := range []string{
		"--cycle --stream", "--cycle --duckdb x", "--stream --duckdb x", "--calls -1", "--memory 3", "--memory 0GiB", "--memory many", "--plant nothing --calls 10",
	} {
		if _, errs := exits(t, 2, append([]string{"bench", "compare"}, strings.Fields(args)...)...); !strings.Contains(errs, "hint: ") {
			t.Errorf("%s: %s", args, errs)
		}
	}
}

func TestCyclesAreMeasuredByTheCommand(t *testing.T) {
	out, errs := exits(t, 0, "bench", "compare", "--cycle", "--calls", "200", "--cycles", "3", "--prefixes", "300")
	if !strings.Contains(out, "in each of 3 cycles of 15s") || strings.Count("\n"+errs, "\ncycle ") != 3 {
		t.Errorf("prints %s%s", out, errs)
	}
}

func TestSizesHaveAUnit(t *testing.T) {
	for text, want := range map[string]memorySize{"512KiB": 512 << 10, "1.5GiB": 3 << 29, "6GiB": 6 << 30, "64MiB": 64 << 20} {
		var m memorySize
		if err := m.UnmarshalText([]byte(text)); err != nil || m != want {
			t.Errorf("%s is %d (%v), want %d", text, m, err, want)
		}
	}
}

func TestAMeshIsMeasuredByTheCommand(t *testing.T) {
	out, _ := exits(t, 0, "bench", "mesh", "--carriers", "200", "--pairs", "10", "--resale", "valley-free", "--json")
	var r bench.MeshResult
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Pairs != 10 || r.Hops != 4 {
		t.Errorf("prints %s (%v)", out, err)
	}
	for _, args := range []string{"--carriers 3", "--pairs 0", "--hops 99", "--resale buyer"} {
		exits(t, 2, append([]string{"bench", "mesh"}, strings.Fields(args)...)...)
	}
}

func TestCompressionIsMeasuredByTheCommand(t *testing.T) {
	args := []string{"bench", "compression", "--carriers", "50", "--obligations", "2000", "--runs", "1"}
	out, _ := exits(t, 0, args...)
	if !strings.Contains(out, "2000 obligations of 50 carriers") || !strings.Contains(out, "no compression takes off more") {
		t.Errorf("prints %s", out)
	}
	out, _ = exits(t, 0, append(args, "--json")...)
	var r bench.CompressionResult
	if err := json.Unmarshal([]byte(out), &r); err != nil || len(r.Methods) != 4 || r.Gross <= 0 {
		t.Errorf("prints %s (%v)", out, err)
	}
	for _, args := range []string{"--carriers 2", "--obligations -1", "--runs -1", "--carriers 20 --partners 20"} {
		if _, errs := exits(t, 2, append([]string{"bench", "compression"}, strings.Fields(args)...)...); !strings.Contains(errs, "hint: ") {
			t.Errorf("%s: %s", args, errs)
		}
	}
}

func TestMoneyIsMeasuredByTheCommand(t *testing.T) {
	args := strings.Fields("bench money --seconds 4 --transfers 5 --in-flight 2 --obligations 4 --each 2 --samples 1 --carriers 20 --debts 100 --runs 1 --json")
	out, _ := exits(t, 0, args...)
	var r bench.MoneyResult
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Private.Postings != 12 || r.Public.Each != 5 || !r.Checks.Replay {
		t.Errorf("prints %s (%v)", out, err)
	}
	for _, args := range []string{"--transfers 1001", "--each 2001", "--in-flight 1", "--carriers 2"} {
		if _, errs := exits(t, 2, append([]string{"bench", "money"}, strings.Fields(args)...)...); !strings.Contains(errs, "hint: ") {
			t.Errorf("%s: %s", args, errs)
		}
	}
}
