package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	duckdb "github.com/duckdb/duckdb-go/v2"
)

// job is what to do.
type job struct {
	ours, theirs      string
	rates, theirRates string
	pair              [2]string
	tolerance         time.Duration
	threads           int
	memory            string
	report            string
	trace             io.Writer
}

// stage is what a part of the job cost.
type stage struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"`
}

// total is what one side's calls of one direction come to by its own sheet.
type total struct {
	Calls    int64  `json:"calls"`
	Unrated  int64  `json:"unrated"`
	Seconds  int64  `json:"billed_seconds"`
	Weighted string `json:"rate_times_seconds"` // sum of rate, in 10^-9, times billed seconds: an exact integer
	Amount   string `json:"amount"`             // each line rounded half up to 6 places
}

// result is what the job cost and what it came to.
type result struct {
	Engine     string                      `json:"engine"`
	Threads    int                         `json:"threads"`
	Stages     []stage                     `json:"stages"`
	Seconds    float64                     `json:"seconds"`
	CPU        float64                     `json:"cpu_seconds"`
	Peak       int64                       `json:"peak_memory_bytes"`
	Matched    map[string]int64            `json:"matched"`
	OnlyOurs   int64                       `json:"only_ours"`
	OnlyTheirs int64                       `json:"only_theirs"`
	Totals     map[string]map[string]total `json:"totals"` // side, direction
	Report     int64                       `json:"report_rows"`
	Left       int                         `json:"their_rows_by_origin_left_out"` // rows of their sheet, which no query here can use
}

// engine is a database and a clock.
type engine struct {
	*sql.DB
	connector *duckdb.Connector
	result    result
	began     time.Time
	cpu       time.Duration
	trace     io.Writer
}

func open(j *job) (*engine, error) {
	c, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, err
	}
	e := &engine{DB: sql.OpenDB(c), connector: c, began: time.Now(), cpu: cpuTime(), trace: j.trace}
	settings := []string{"SET threads = " + strconv.Itoa(j.threads), "SET preserve_insertion_order = false", "SET TimeZone = 'UTC'"}
	if j.memory != "" {
		settings = append(settings, "SET memory_limit = "+quote(j.memory))
	}
	e.result.Threads = j.threads
	for _, s := range settings {
		if _, err := e.Exec(s); err != nil {
			return nil, err
		}
	}
	return e, e.QueryRow("SELECT 'DuckDB ' || version()").Scan(&e.result.Engine)
}

// stage times a part of the job.
func (e *engine) stage(name string, f func() error) error {
	began, cpu := time.Now(), cpuTime()
	if err := f(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	e.result.Stages = append(e.result.Stages, stage{name, time.Since(began).Seconds(), (cpuTime() - cpu).Seconds()})
	return nil
}

// do times statements.
func (e *engine) do(name string, statements ...string) error {
	return e.stage(name, func() error {
		for _, s := range statements {
			if e.trace != nil {
				fmt.Fprintf(e.trace, "-- %s\n%s;\n\n", name, s)
			}
			if _, err := e.Exec(s); err != nil {
				return err
			}
		}
		return nil
	})
}

// appendRows fills a table.
func (e *engine) appendRows(table string, rows func(yield func([]driver.Value) bool)) error {
	c, err := e.connector.Connect(context.Background())
	if err != nil {
		return err
	}
	defer c.Close()
	a, err := duckdb.NewAppenderFromConn(c, "", table)
	if err != nil {
		return err
	}
	for r := range rows {
		if err := a.AppendRow(r...); err != nil {
			a.Close()
			return err
		}
	}
	return a.Close()
}

// columns are those of a file of call records. Numbers are read as integers:
// that takes a plus sign and zeros in front away, and a row whose number has
// other signs in it is left out.
const columns = `{'call_id': 'VARCHAR', 'originating_number': 'BIGINT', 'destination_number': 'BIGINT', 'start_time': 'TIMESTAMP',
	'duration_ms': 'UINTEGER', 'result': 'VARCHAR', 'carrier_from': 'VARCHAR', 'carrier_to': 'VARCHAR', 'trunk': 'VARCHAR'}`

// records reads the successful calls of the pair.
func (j *job) records(path string) string {
	pair := "(" + quote(j.pair[0]) + ", " + quote(j.pair[1]) + ")"
	o, d := "originating_number", "destination_number"
	also := ""
	from := fmt.Sprintf("read_csv(%s, header = true, auto_detect = false, delim = ',', quote = '', escape = '', ignore_errors = true, columns = %s)", quote(path), columns)
	if strings.HasSuffix(path, ".parquet") {
		o, d = "TRY_CAST(originating_number AS BIGINT)", "TRY_CAST(destination_number AS BIGINT)"
		from, also = "read_parquet("+quote(path)+")", " AND d IS NOT NULL"
	}
	return fmt.Sprintf(`SELECT %s AS o, %s AS d, start_time AS s, duration_ms AS u, carrier_from = %s AS w FROM %s
	WHERE result = 'success' AND carrier_from IN %s AND carrier_to IN %[5]s AND carrier_from <> carrier_to%s`, o, d, quote(j.pair[0]), from, pair, also)
}

// book is a sheet in the database: its rows, and its ranges of numbers.
type book struct {
	name  string
	spans int // of the range that has most
}

func (e *engine) book(name, path string) (b book, left int, err error) {
	s, err := readSheet(path)
	if err != nil {
		return b, 0, err
	}
	flat := s.flatten()
	b = book{name: name}
	for i := range flat {
		b.spans = max(b.spans, len(flat[i].spans))
	}
	later := ""
	for i := 1; i < b.spans; i++ {
		later += fmt.Sprintf(", t%d TIMESTAMP, r%[1]d INTEGER", i)
	}
	for _, q := range []string{
		"CREATE TABLE " + name + "_ranges (low BIGINT, r0 INTEGER" + later + ")",
		"CREATE TABLE " + name + "_rows (r INTEGER, destination VARCHAR, currency VARCHAR, rate BIGINT, unit BIGINT, least UINTEGER, step UINTEGER)",
	} {
		if _, err := e.Exec(q); err != nil {
			return b, 0, err
		}
	}
	never := time.UnixMilli(1 << 43).UTC()
	err = e.appendRows(name+"_ranges", func(yield func([]driver.Value) bool) {
		for i := range flat {
			v := []driver.Value{flat[i].low, flat[i].spans[0].row}
			for k := 1; k < b.spans; k++ {
				if k < len(flat[i].spans) {
					v = append(v, time.UnixMilli(flat[i].spans[k].from).UTC(), flat[i].spans[k].row)
				} else {
					v = append(v, never, int32(-1))
				}
			}
			if !yield(v) {
				return
			}
		}
	})
	if err != nil {
		return b, 0, err
	}
	return b, s.dependent, e.appendRows(name+"_rows", func(yield func([]driver.Value) bool) {
		if !yield([]driver.Value{int32(-1), "", "", int64(0), int64(1), uint32(0), uint32(1)}) {
			return
		}
		for i := range s.rows {
			r := &s.rows[i]
			if !yield([]driver.Value{int32(i), r.destination, r.currency, r.rate, r.unit, uint32(r.minimum), uint32(r.increment)}) {
				return
			}
		}
	})
}

// rated adds to the calls of a query the row of the book that prices each (r,
// -1: none) and its billed seconds (t).
func (b book) rated(calls, keep string) string {
	which := "r0"
	if b.spans > 1 {
		which = "CASE"
		for i := 1; i < b.spans; i++ {
			which += fmt.Sprintf(" WHEN s < t%d THEN r%d", i, i-1)
		}
		which += fmt.Sprintf(" ELSE r%d END", b.spans-1)
	}
	return fmt.Sprintf(`SELECT %s, r, CASE WHEN k = 0 OR r < 0 THEN 0 WHEN k <= least THEN least ELSE least + (k - least + step - 1) // step * step END AS t
	FROM (SELECT %[1]s, (u + 999::UINTEGER) // 1000 AS k, %s AS r FROM (SELECT *, places(d) AS n FROM %s) ASOF JOIN %s_ranges ON n >= low) JOIN %[4]s_rows USING (r)`,
		keep, which, calls, b.name)
}

// places moves a number to 15 digits.
func places() string {
	s := "CREATE MACRO places(d) AS CASE"
	for zeros, least := 0, int64(100_000_000_000_000); least > 0; zeros, least = zeros+1, least/10 {
		s += fmt.Sprintf(" WHEN d >= %d THEN d * 1%s", least, strings.Repeat("0", zeros))
	}
	return s + " ELSE 0 END"
}

func (j *job) run() (*result, error) {
	e, err := open(j)
	if err != nil {
		return nil, err
	}
	mine := book{}
	yours := book{}
	err = e.stage("sheets", func() error {
		if _, err := e.Exec(places()); err != nil {
			return err
		}
		if mine, _, err = e.book("mine", j.rates); err != nil || j.theirRates == "" {
			yours = mine
			return err
		}
		yours, e.result.Left, err = e.book("yours", j.theirRates)
		return err
	})
	if err != nil {
		return nil, err
	}
	// One grouping drops each side's duplicates and finds the calls that both
	// have alike.
	if err := e.do("load, drop duplicates, match equal calls", fmt.Sprintf(
		"CREATE TABLE calls AS SELECT o, d, s, u, w, bool_or(x) AS a, bool_or(NOT x) AS b FROM (\nSELECT true AS x, * FROM (%s)\nUNION ALL SELECT false AS x, * FROM (%s)) GROUP BY ALL",
		j.records(j.ours), j.records(j.theirs))); err != nil {
		return nil, err
	}
	sum := func(b book) string {
		return "SELECT w, r, count(*) AS n, sum(t)::BIGINT AS t FROM (" + b.rated("(FROM calls WHERE a AND b)", "w, u") + ") GROUP BY ALL"
	}
	rated := []string{
		"CREATE TABLE alike_mine AS " + sum(mine),
		"CREATE TABLE rest_mine AS " + mine.rated("(FROM calls WHERE NOT (a AND b))", "o, d, s, u, w, a"),
	}
	alike, rest := "alike_mine", "(SELECT w, r, t FROM rest_mine WHERE NOT a)"
	if yours != mine {
		rated = append(rated, "CREATE TABLE alike_yours AS "+sum(yours))
		alike, rest = "alike_yours", "("+yours.rated("(FROM calls WHERE b AND NOT a)", "w, u")+")"
	}
	rated = append(rated,
		`CREATE TABLE lines AS SELECT true AS x, w, r, sum(n)::BIGINT AS n, sum(t)::BIGINT AS t FROM (FROM alike_mine UNION ALL SELECT w, r, 1, t FROM rest_mine WHERE a) GROUP BY ALL`,
		`INSERT INTO lines SELECT false, w, r, sum(n)::BIGINT, sum(t)::BIGINT FROM (FROM `+alike+` UNION ALL SELECT w, r, 1, t FROM `+rest+`) GROUP BY ALL`)
	if err := e.do("rate and sum", rated...); err != nil {
		return nil, err
	}
	if err := e.do("match the rest, mutually nearest, and classify", fmt.Sprintf(`CREATE TABLE near AS SELECT * FROM (
	SELECT *, row_number() OVER (PARTITION BY x ORDER BY gap, longer, y) AS i, row_number() OVER (PARTITION BY y ORDER BY gap, longer, x) AS j FROM (
		SELECT p.rowid AS x, q.rowid AS y, abs(epoch_ms(p.s) - epoch_ms(q.s)) AS gap, abs(p.u::BIGINT - q.u::BIGINT) AS longer, p.t <> q.t AS billed
		FROM rest_mine p JOIN rest_mine q ON p.d = q.d AND p.w = q.w
		WHERE p.a AND NOT q.a AND (p.o = q.o OR p.o IS NULL OR q.o IS NULL) AND abs(epoch_ms(p.s) - epoch_ms(q.s)) <= %d)) WHERE i = 1 AND j = 1`, j.tolerance.Milliseconds())); err != nil {
		return nil, err
	}
	if err := e.do("report by destination", fmt.Sprintf(`CREATE TABLE report AS
	WITH money AS (
		SELECT l.w, destination, currency, sum(n) FILTER (x) AS ours_calls, sum(n) FILTER (NOT x) AS theirs_calls, sum(t) FILTER (x) AS ours_seconds, sum(t) FILTER (NOT x) AS theirs_seconds,
			coalesce(sum(micro) FILTER (x), 0) AS ours, coalesce(sum(micro) FILTER (NOT x), 0) AS theirs
		FROM (SELECT l.*, destination, currency, `+micro+` AS micro FROM lines l JOIN mine_rows USING (r) WHERE x
			UNION ALL SELECT l.*, destination, currency, `+micro+` AS micro FROM lines l JOIN %s_rows USING (r) WHERE NOT x) l GROUP BY ALL),
	differences AS (
		SELECT w, destination, count(*) FILTER (a AND gap > 0 AND NOT billed) AS skewed, count(*) FILTER (a AND billed) AS duration,
			count(*) FILTER (a AND gap IS NULL) AS only_ours, count(*) FILTER (NOT a AND other IS NULL) AS only_theirs
		FROM (SELECT c.w, c.r, c.a, p.gap, p.billed, q.y AS other FROM rest_mine c LEFT JOIN near p ON c.rowid = p.x LEFT JOIN near q ON c.rowid = q.y) JOIN mine_rows USING (r) GROUP BY ALL)
	SELECT if(w, %s, %s) AS direction, * EXCLUDE (w), theirs - ours AS difference FROM money FULL JOIN differences USING (w, destination) ORDER BY abs(difference) DESC, destination`,
		yours.name, quote(j.pair[0]+">"+j.pair[1]), quote(j.pair[1]+">"+j.pair[0]))); err != nil {
		return nil, err
	}
	if err := e.read(j, [2]book{mine, yours}); err != nil {
		return nil, err
	}
	if j.report != "" {
		if _, err := e.Exec("COPY report TO " + quote(j.report) + " (HEADER)"); err != nil {
			return nil, err
		}
	}
	return &e.result, nil
}

// micro is what a line comes to, in 10^-6, rounded half up.
const micro = "(2::HUGEINT * rate * t + unit * 1000) // (2::HUGEINT * unit * 1000)"

// read takes the figures from the tables.
func (e *engine) read(j *job, books [2]book) error {
	r := &e.result
	var alike, near, skewed, duration, rawOnly int64
	if err := e.QueryRow(`SELECT (SELECT sum(n)::BIGINT FROM alike_mine), count(*), count(*) FILTER (gap > 0 AND NOT billed), count(*) FILTER (billed), count(*) FILTER (longer > 0 AND NOT billed),
		(SELECT count(*) FROM rest_mine WHERE a), (SELECT count(*) FROM rest_mine WHERE NOT a), (SELECT count(*) FROM report) FROM near`).
		Scan(&alike, &near, &skewed, &duration, &rawOnly, &r.OnlyOurs, &r.OnlyTheirs, &r.Report); err != nil {
		return err
	}
	r.OnlyOurs, r.OnlyTheirs = r.OnlyOurs-near, r.OnlyTheirs-near
	r.Matched = map[string]int64{"exact": alike + near - skewed - duration, "skewed": skewed, "duration": duration, "raw_only": rawOnly}
	r.Totals = map[string]map[string]total{}
	for s, b := range books {
		side := []string{"ours", "theirs"}[s]
		r.Totals[side] = map[string]total{}
		rows, err := e.Query(`SELECT w, sum(n)::BIGINT, coalesce(sum(n) FILTER (r < 0), 0)::BIGINT, sum(t)::BIGINT, sum(rate::HUGEINT * t)::VARCHAR, (sum(` + micro + `)::DECIMAL(38, 0))::VARCHAR
			FROM lines JOIN ` + b.name + `_rows USING (r) WHERE x = ` + strconv.FormatBool(s == 0) + ` GROUP BY ALL`)
		if err != nil {
			return err
		}
		for rows.Next() {
			var w bool
			var t total
			if err := rows.Scan(&w, &t.Calls, &t.Unrated, &t.Seconds, &t.Weighted, &t.Amount); err != nil {
				return err
			}
			if n := len(t.Amount); n <= 6 {
				t.Amount = strings.Repeat("0", 7-n) + t.Amount
			}
			t.Amount = t.Amount[:len(t.Amount)-6] + "." + t.Amount[len(t.Amount)-6:]
			from, to := j.pair[1], j.pair[0]
			if w {
				from, to = to, from
			}
			r.Totals[side][from+">"+to] = t
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	r.Seconds, r.CPU, r.Peak = time.Since(e.began).Seconds(), (cpuTime() - e.cpu).Seconds(), peak()
	return nil
}

// toParquet writes a file of call records as Parquet, with numbers as texts.
func toParquet(from, to string) error {
	e, err := open(&job{threads: 2})
	if err != nil {
		return err
	}
	texts := strings.ReplaceAll(columns, "BIGINT", "VARCHAR")
	_, err = e.Exec(fmt.Sprintf("COPY (FROM read_csv(%s, header = true, auto_detect = false, delim = ',', quote = '', escape = '', columns = %s)) TO %s (FORMAT parquet, COMPRESSION zstd)",
		quote(from), texts, quote(to)))
	return err
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peak is the most memory that this process has held. What getrusage(2) tells
// begins with that of the process which started it.
func peak() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(text))
	if i := slices.Index(f, "VmHWM:"); i >= 0 && i+1 < len(f) {
		n, _ := strconv.ParseInt(f[i+1], 10, 64)
		return n << 10
	}
	return 0
}
