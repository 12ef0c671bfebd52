package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// asJob lets this test program be the process that does one run.
const asJob = "BENCH_TEST_JOB"

func TestMain(m *testing.M) {
	if os.Getenv(asJob) == "" {
		os.Exit(m.Run())
	}
	if err := RunJob(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child(ctx context.Context) *exec.Cmd {
	c := exec.CommandContext(ctx, os.Args[0])
	c.Env = append(os.Environ(), asJob+"=1")
	return c
}
