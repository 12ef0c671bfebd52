// Command lateral is the node that a communications provider runs to trade
// with other providers and settle with them. This folder only reads the command
// line and prints; the work is in the packages.
//
// Exit codes: 0 the command completed, whatever it found; 1 it could not, for
// example because of unusable input; 2 wrong usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/lateral-network/lateral/fault"
)

// commands is the whole command line. Each command is a struct with a Run
// method in a file of its own.
type commands struct {
	Sandbox    sandboxCommand    `cmd:"" help:"Run a network on this machine: four validators and two carriers that settle voice."`
	Node       nodeCommand       `cmd:"" help:"Set up and run one carrier's node."`
	Verify     verifyCommand     `cmd:"" help:"Check a proof offline, trusting only a network file."`
	Replay     replayCommand     `cmd:"" help:"Execute a channel's log again and show who signed wrong."`
	Bench      benchCommand      `cmd:"" help:"Measure this machine; the figures of docs/benchmarks.md."`
	Completion completionCommand `cmd:"" help:"Print a shell completion script."`
	Version    versionCommand    `cmd:"" help:"Print version and build."`
}

// terminal is where a command reads and prints. Tests hand in their own.
type terminal struct {
	out io.Writer // results
	err io.Writer // progress and failures
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], terminal{os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// helpShown ends parsing after kong has printed a help text.
type helpShown struct{}

// run is main without the process around it.
func run(ctx context.Context, args []string, t terminal) (code int) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case helpShown:
			code = 0
		default:
			panic(p)
		}
	}()
	var c commands
	parser, err := kong.New(&c,
		kong.Name("lateral"),
		kong.Description("Trade with other providers and settle with them, with nobody in the middle.\n\nStart with: lateral sandbox"),
		kong.Writers(t.out, t.err),
		kong.Exit(func(int) { panic(helpShown{}) }),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(t),
	)
	if err != nil {
		panic(err) // a mistake in the structs above
	}
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(t.err, "error: %v\n%s", err, usageHint)
		return 2
	}
	if err := k.Run(parser.Model); err != nil {
		return report(t.err, err)
	}
	return 0
}

const usageHint = "hint: lateral --help shows the commands, lateral COMMAND --help its flags with examples\n"

// usageError is a mistake in the command line that only the command itself can
// see, such as two flags that exclude each other.
type usageError struct{ error }

// report prints a failure once and gives the exit code.
func report(w io.Writer, err error) int {
	if errors.Is(err, context.Canceled) {
		fmt.Fprint(w, "error: interrupted before it was done\nhint: run it again\n")
		return 1
	}
	if u, ok := errors.AsType[usageError](err); ok {
		hint := usageHint
		if f, ok := errors.AsType[*fault.Error](u.error); ok && f.Remedy != "" {
			hint = "hint: " + f.Remedy + "\n"
		}
		fmt.Fprintf(w, "error: %v\n%s", u.error, hint)
		return 2
	}
	f := fault.Of(err)
	fmt.Fprintf(w, "error: %v\n", f)
	if f.Code == fault.Internal && f.Cause != nil {
		fmt.Fprintf(w, "cause: %v\n", err)
	} else if text := err.Error(); text != f.Error() {
		fmt.Fprintf(w, "while: %s\n", text)
	}
	if f.Remedy != "" {
		fmt.Fprintf(w, "hint: %s\n", f.Remedy)
	}
	return 1
}

// versionCommand prints what this binary was built from.
type versionCommand struct{}

func (versionCommand) Help() string {
	return `Example:
  lateral version`
}

func (versionCommand) Run(t terminal) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		fmt.Fprintln(t.out, "lateral (unknown build)")
		return nil
	}
	revision, modified := "", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = " " + s.Value
		case "vcs.modified":
			if s.Value == "true" {
				modified = " with local changes"
			}
		}
	}
	fmt.Fprintf(t.out, "lateral %s%s%s, %s\n", info.Main.Version, revision, modified, info.GoVersion)
	return nil
}
