// Command lateral-duckdb does with DuckDB, in SQL, what "lateral compare" does
// with two carriers' call records short of finding causes: it reads both files,
// drops duplicates, matches, classifies, rates and reports by destination. It
// prints what that cost and what it came to as one JSON document.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

func main() {
	var j job
	var carriers string
	flag.StringVar(&j.ours, "ours", "", "our call records, CSV or, by its name, Parquet")
	flag.StringVar(&j.theirs, "theirs", "", "their call records")
	flag.StringVar(&j.rates, "rates", "", "our rate sheet, CSV")
	flag.StringVar(&j.theirRates, "their-rates", "", "their rate sheet; default: ours")
	flag.StringVar(&carriers, "carriers", "ALPHA,BRAVO", "the two carriers")
	flag.DurationVar(&j.tolerance, "start-tolerance", 3*time.Second, "most that two starts of one call are apart")
	flag.IntVar(&j.threads, "threads", 2, "DuckDB's threads")
	flag.StringVar(&j.memory, "memory", "", "DuckDB's memory limit, such as 2GB; default: its own")
	flag.StringVar(&j.report, "report", "", "write the differences by destination to this CSV file")
	plan := flag.Bool("plan", false, "print the statements too, to the standard error")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "lateral-duckdb --ours A.csv --theirs B.csv --rates R.csv [flags]\nlateral-duckdb parquet IN.csv OUT.parquet\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := func() error {
		if args := flag.Args(); len(args) == 3 && args[0] == "parquet" {
			return toParquet(args[1], args[2])
		}
		if j.ours == "" || j.theirs == "" || j.rates == "" || flag.NArg() > 0 {
			flag.Usage()
			return fmt.Errorf("name two files of call records and a rate sheet")
		}
		pair := strings.Split(carriers, ",")
		if len(pair) != 2 {
			return fmt.Errorf("--carriers names two")
		}
		j.pair = [2]string(pair)
		if *plan {
			j.trace = os.Stderr
		}
		r, err := j.run()
		if err != nil {
			return err
		}
		e := json.NewEncoder(os.Stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
