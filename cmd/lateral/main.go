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
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/lateral-network/lateral/fault"
)

// commands is the whole command line. Each command is a struct with a Run
// method in a file of its own.
type commands struct {
	Sandbox sandboxCommand `cmd:"" help:"Run a network on this machine: four validators and carriers that trade and settle."`
	Node    nodeCommand    `cmd:"" help:"Set up and run one carrier's node."`

	Status   statusCommand   `cmd:"" op:"get-status" help:"Where a running node and its Bilaterals stand." eg:"" eg:"--node net/ALPHA --json"`
	Today    todayCommand    `cmd:"" op:"get-today" help:"Show what runs and what waits with all partners: billing cycles, disputes to decide, exposure." eg:"" eg:"--json"`
	Trend    trendCommand    `cmd:"" op:"get-trend" help:"Show calls and money with all partners over a time." eg:"--from 2026-11-01T00:00:00Z" eg:"--from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z --json"`
	Ready    readyCommand    `cmd:"" op:"get-ready,get-health" help:"Ask whether a node can do its work; exit code 1 when it cannot, with the reason." eg:"" eg:"--wait 1m" eg:"--alive"`
	Problems problemsCommand `cmd:"" op:"list-problems" help:"List steps of clearing that do not succeed by themselves, with what to do." eg:"" eg:"--partner BRAVO"`
	Me       meCommand       `cmd:"" op:"get-me" help:"Show who the token is and what it may do." eg:"" eg:"--node net/ALPHA --role clerk"`
	Metrics  metricsCommand  `cmd:"" op:"get-metrics" help:"Print the node's metrics in the text format of Prometheus." eg:""`
	OpenAPI  openapiCommand  `cmd:"" name:"openapi" op:"get-openapi-json" help:"Print the OpenAPI document of the node's API." eg:"--out openapi.json"`
	Access   accessCommand   `cmd:"" help:"Who may use the node's API."`
	User     userCommand     `cmd:"" help:"People who sign in to the node's portal."`

	Network   networkCommand   `cmd:"" help:"The network of all carriers, and its log: the Omnilateral."`
	Member    memberCommand    `cmd:"" help:"Carriers on the network: admit, suspend, restore."`
	Bilateral bilateralCommand `cmd:"" help:"Channels with partners."`
	Key       keyCommand       `cmd:"" help:"The carrier's keys, and commands for keys that are kept elsewhere."`
	Sign      signCommand      `cmd:"" help:"Sign a prepared command where the key is kept; needs no node." eg:"bind.json --keys member.age --passphrase-file passphrase --out signed.json" eg:"recover.json --keys recovery.age --passphrase-file passphrase --key recovery > signed.json"`
	Delegate  delegateCommand  `cmd:"" help:"Who may authorise: for either side of a Bilateral, and on the Omnilateral."`

	Agreement   agreementCommand   `cmd:"" help:"What the two sides have signed."`
	Sheet       sheetCommand       `cmd:"" help:"Rate sheets."`
	Rates       ratesCommand       `cmd:"" help:"Rate sheets in a folder: import from CSV and XLSX, compare, put in force, undo; needs no node."`
	Order       orderCommand       `cmd:"" help:"Orders under an agreement."`
	Product     productCommand     `cmd:"" help:"Products other than calls: order, change, end, suspend; what one side has of the other."`
	Measurement measurementCommand `cmd:"" help:"What both sides measure of products, and what counts of it."`

	Catalog catalogCommand `cmd:"" help:"The carrier's own catalogue: offerings, places, schemas, capacity. Nothing of it leaves the node."`
	Inquire inquireCommand `cmd:"" op:"inquire" role:"product-manager,engineer" help:"Say in words what is wanted; own legs and neighbours are asked for firm prices." eg:"'100 Mbit/s Hong Kong to Milan tonight 20-22h, under 180 ms' --zone Europe/Rome" eg:"'10 Gbit/s Singapore to Frankfurt for 12 months' --rule 'latency' --yes --json" eg:"--parse '100 Mbit/s Hong Kong to Milan tonight 20-22h, under 180 ms' --zone Europe/Rome" eg:"--parse 'internet access 1 Gbit/s in Milan now for 3 months' --json"`

	Inquiry inquiryCommand `cmd:"" help:"Inquiries that were made, with what they have found."`
	Service serviceCommand `cmd:"" help:"Services across neighbours: order by a quote, follow, withdraw, end."`

	Usage      usageCommand      `cmd:"" help:"This carrier's own call records."`
	Period     periodCommand     `cmd:"" help:"Billing periods and their statements."`
	Difference differenceCommand `cmd:"" help:"Lines on which the two sides differ."`
	Deadline   deadlineCommand   `cmd:"" help:"What happens when an agreed time has passed."`
	Bill       billCommand       `cmd:"" help:"Bills for products and their items."`
	Invoice    invoiceCommand    `cmd:"" help:"Invoices of both sides."`
	Dispute    disputeCommand    `cmd:"" help:"Disputed lines, their evidence and their decision."`

	Netting    nettingCommand    `cmd:"" help:"Offsetting of final invoices."`
	Obligation obligationCommand `cmd:"" help:"What one side owes the other, and its payment."`
	Credit     creditCommand     `cmd:"" help:"How far the two sides of a Bilateral trust each other."`
	Payment    paymentCommand    `cmd:"" help:"Payment runs over banks, and what banks tell."`
	Journal    journalCommand    `cmd:"" help:"Postings."`
	Statement  statementCommand  `cmd:"" op:"get-statement" help:"Print the statement of account with a partner: opening balance, invoices, notes, payments, closing balance." eg:"BRAVO" eg:"BRAVO --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z --csv"`
	Ageing     ageingCommand     `cmd:"" op:"get-ageing" help:"Tell how old debts are, by partner, payer and currency." eg:"" eg:"--csv"`
	Reputation reputationCommand `cmd:"" help:"How members pay, as others say it of their pseudonyms."`
	Credential credentialNoun    `cmd:"" help:"What one member has checked of another, shown to a third without asking anybody."`
	Compliance complianceCommand `cmd:"" help:"Which side has checked who the other is."`
	Balance    balanceCommand    `cmd:"" help:"What stands on each account."`
	Deposit    depositCommand    `cmd:"" help:"Tokens that are locked for payments between the two."`

	Round   roundCommand   `cmd:"" help:"Rounds of netting among many members."`
	Token   tokenNoun      `cmd:"" help:"Tokens: claims on an issuer that pay without a bank. Issue, hold, move, redeem, prove."`
	Account accountCommand `cmd:"" help:"What this carrier has on the Omnilateral."`

	Ticket   ticketCommand   `cmd:"" help:"Trouble tickets over LSO Sonata: of partners, and own ones with them."`
	Incident incidentCommand `cmd:"" help:"What partners are told of outages and maintenance over LSO Sonata."`

	Sonata sonataCommand `cmd:"" help:"LSO Sonata: who may call, and where notifications go; needs no running node."`

	File   fileCommand   `cmd:"" help:"Files that went between the two nodes: acknowledge, erase."`
	Log    logCommand    `cmd:"" op:"list-log" help:"Show a Bilateral's log: every envelope with what became of its commands." eg:"" eg:"--refused" eg:"--kind invoice.accept --all" eg:"--follow"`
	Events eventsCommand `cmd:"" op:"stream-events,stream-all-events" help:"Follow a Bilateral's events, or those of all channels, as they happen, until Ctrl-C." eg:"" eg:"--all" eg:"--from 0 --kind invoice" eg:"--count 1 --kind dispute --json"`

	Deal       dealCommand       `cmd:"" help:"Files that say what two carriers have agreed, for compare."`
	Compare    compareCommand    `cmd:"" help:"Find out why two carriers come to different amounts for the same calls."`
	Bank       bankCommand       `cmd:"" help:"Files from and for banks (ISO 20022): check, print; needs no node."`
	Records    recordsCommand    `cmd:"" help:"Call records of other systems: mapping profiles, and conversion to our own formats."`
	Verify     verifyCommand     `cmd:"" help:"Check a proof offline, trusting only a network file."`
	Replay     replayCommand     `cmd:"" help:"Execute a channel's log again and show who signed wrong."`
	Generate   generateCommand   `cmd:"" help:"Make data to try with and to measure with."`
	Bench      benchCommand      `cmd:"" help:"Measure this machine; the figures of docs/benchmarks.md."`
	Completion completionCommand `cmd:"" help:"Print a shell completion script."`
	Version    versionCommand    `cmd:"" help:"Print version and build."`
}

// terminal is where a command reads and prints. Tests hand in their own.
type terminal struct {
	in  io.Reader // what a command reads for the file name -
	out io.Writer // results
	err io.Writer // progress and failures
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], terminal{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// helpShown ends parsing after kong has printed a help text.
type helpShown struct{}

// run is main without the process around it.
func run(ctx context.Context, args []string, t terminal) (code int) {
	return perform(ctx, commandLine(), args, t)
}

// commandLine gives what reads a command line.
func commandLine() *kong.Kong {
	parser := kong.Must(&commands{}, // it fails by a mistake in the structs above
		kong.Name("lateral"),
		kong.Description("Trade with other providers and settle with them, with nobody in the middle.\n\nStart with: lateral sandbox"),
		kong.Exit(func(int) { panic(helpShown{}) }),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 110}),
	)
	describe(parser.Model.Node)
	return parser
}

// perform reads one command line and runs its command.
func perform(ctx context.Context, parser *kong.Kong, args []string, t terminal) (code int) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case helpShown:
			code = 0
		default:
			panic(p)
		}
	}()
	parser.Stdout, parser.Stderr = t.out, t.err // for help
	k, err := parser.Parse(args)
	if err != nil {
		return report(t.err, usageError{err})
	}
	k.BindTo(ctx, (*context.Context)(nil))
	k.Bind(t)
	if q, ok := k.Selected().Target.Addr().Interface().(asks); ok {
		n, err := q.dial(t, rolesOf(k.Selected()))
		if err != nil {
			return report(t.err, err)
		}
		defer n.api.Close()
		k.Bind(n)
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
		fmt.Fprintf(w, "cause: %v\n", f.Cause)
	} else if text := err.Error(); text != f.Error() {
		fmt.Fprintf(w, "while: %s\n", text)
	}
	if f.Remedy != "" {
		fmt.Fprintf(w, "hint: %s\n", f.Remedy)
	}
	return 1
}

// versionCommand prints what this binary was built from.
type versionCommand struct {
	JSON bool `name:"json" help:"Print one JSON document."`
}

func (versionCommand) Help() string {
	return `Examples:
  lateral version
  lateral version --json`
}

// build is what a binary was built from.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified"` // there were changes that the revision has not
	Go       string `json:"go"`
}

// thisBuild tells what this binary was built from.
func thisBuild() build {
	b := build{Version: "(unknown build)", Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.Version, b.Go = info.Main.Version, info.GoVersion
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Revision = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
	}
	return b
}

func (c versionCommand) Run(t terminal) error {
	b := thisBuild()
	if c.JSON {
		return t.document(b)
	}
	text := strings.TrimSpace("lateral " + b.Version + " " + b.Revision)
	if b.Modified {
		text += " with local changes"
	}
	fmt.Fprintf(t.out, "%s, %s\n", text, b.Go)
	return nil
}
