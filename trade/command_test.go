package trade

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// bodies is the body of every kind of command, as its documentation names it.
var bodies = map[Kind]any{
	KindBind: Bind{}, KindDelegateAdd: DelegateAdd{}, KindDelegateRevoke: DelegateRevoke{}, KindKeyChange: KeyChange{},
	KindAgreementPropose: AgreementPropose{}, KindAgreementAmend: AgreementAmend{}, KindAgreementAccept: AgreementAnswer{}, KindAgreementReject: AgreementAnswer{},
	KindAgreementEnd: AgreementEnd{}, KindBilateralEnd: BilateralEnd{}, KindSheetPropose: SheetPropose{}, KindSheetAcknowledge: SheetAnswer{}, KindSheetAccept: SheetAnswer{}, KindSheetReject: SheetAnswer{}, KindSheetWithdraw: SheetAnswer{}, KindRowProve: RowProve{},
	KindOrderPlace: OrderPlace{}, KindOrderAccept: OrderAnswer{}, KindOrderReject: OrderAnswer{}, KindOrderSuspend: OrderAnswer{}, KindOrderResume: OrderAnswer{},
	KindOrderTerminate: OrderAnswer{}, KindOrderCancel: OrderAnswer{}, KindOrderCharge: OrderCharge{}, KindOrderReschedule: OrderReschedule{}, KindOrderDeliver: OrderDeliver{}, KindOrderFail: OrderAnswer{},
	KindMeasure: MeasurementState{}, KindMeasurePropose: MeasurementPropose{}, KindMeasureAccept: MeasurementPropose{}, KindMeasureReject: MeasurementReject{},
	KindBillRequest: BillRequest{}, KindBillSubmit: BillSubmit{}, KindBillDispute: BillDispute{},
	KindProductSuspend: ProductAnswer{}, KindProductResume: ProductAnswer{}, KindRatingRequest: RatingRequest{}, KindUsageState: UsageState{}, KindUsageDeliver: UsageDeliver{}, KindUsageReceived: UsageReceived{},
	KindCompareState: CompareState{}, KindDisputePropose: DisputePropose{}, KindDisputeAccept: DisputeAccept{}, KindDisputeReject: DisputeReject{},
	KindInvoiceAccept: InvoiceAccept{}, KindInvoiceDispute: InvoiceDispute{}, KindInvoiceCorrect: InvoiceCorrect{}, KindInvoiceReject: InvoiceReject{}, KindNettingPropose: NettingPropose{}, KindNettingAccept: NettingAnswer{}, KindNettingReject: NettingAnswer{},
	KindObligationOpen: ObligationOpen{}, KindPaymentAdvise: PaymentAdvise{}, KindPaymentReceipt: PaymentAnswer{}, KindPaymentDecline: PaymentAnswer{}, KindPaymentHold: PaymentHold{}, KindPaymentRelease: PaymentHold{}, KindVerify: Verify{}, KindTick: Tick{},
	KindDocumentRecord: DocumentRecord{}, KindDivergence: Divergence{}, KindDivergenceEnd: DivergenceClose{}, KindVersionPropose: VersionPropose{}, KindVersionAccept: VersionPropose{},
	KindMemberPropose: MemberPropose{}, KindMemberVouch: MemberVote{}, KindMemberSuspend: MemberVote{}, KindMemberRestore: MemberVote{}, KindMemberLeave: MemberLeave{}, KindNetworkPropose: ParameterBallot{}, KindNetworkVote: ParameterBallot{},
	KindKeyRotate: KeyRotate{}, KindChannelOpen: ChannelOpen{}, KindChannelConfirm: ChannelConfirm{}, KindChannelRotate: ChannelRotate{}, KindAnchorPost: AnchorPost{}, KindAnchorContest: AnchorContest{}, KindEquivocation: Equivocation{},
	KindTokenDefine: TokenDefine{}, KindTokenApprove: TokenApprove{}, KindIssuePropose: IssuePropose{}, KindIssueApprove: IssueAnswer{}, KindIssueReject: IssueAnswer{},
	KindTokenTransfer: TokenTransfer{}, KindHoldPlace: HoldPlace{}, KindHoldPost: HoldPost{}, KindHoldVoid: HoldAnswer{},
	KindSwapOffer: SwapOffer{}, KindSwapTake: SwapAnswer{}, KindSwapCancel: SwapAnswer{}, KindRedeem: RedeemRequest{}, KindLockOpen: LockOpen{}, KindLockTopUp: LockTopUp{}, KindLockChange: LockChange{}, KindLockExit: LockExit{},
	KindRoundCall: RoundCall{}, KindRoundOffer: RoundOffer{}, KindRoundSign: RoundSign{}, KindRoundPay: RoundPay{}, KindRoundJoin: RoundJoin{}, KindRoundBind: RoundBind{}, KindRoundApply: RoundApply{},
	KindReputeCommit: ReputeCommit{}, KindReputeState: ReputeState{}, KindReputeShow: ReputeShow{},
	KindLockContest: LockContest{}, KindLockClaim: LockClaim{}, KindDepositKey: DepositKey{}, KindDepositDeclare: DepositDeclare{}, KindDepositPay: DepositPay{}, KindDepositChange: DepositChange{}, KindFeedState: FeedState{}, KindCredentialStatus: CredentialStatus{},
}

// before is how many fields types had when their bytes were fixed. What came
// later is left out where it is zero, and has vectors of its own.
var before = map[reflect.Type]int{reflect.TypeFor[rating.Row](): 9, reflect.TypeFor[SheetPropose](): 9, reflect.TypeFor[OrderPlace](): 8, reflect.TypeFor[Verdict](): 3, reflect.TypeFor[PaymentAdvise](): 5, reflect.TypeFor[DisputePropose](): 3, reflect.TypeFor[agreement.Terms](): 24}

// fill gives a value with something in each field, the same each time.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		fields := v.NumField()
		if most, ok := before[v.Type()]; ok {
			fields = most
		}
		for i := range fields {
			fill(v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte{byte(*n), 2, 3})
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Array:
		for i := range v.Len() {
			if v.Type().Elem().Kind() == reflect.Uint8 {
				v.Index(i).SetUint(uint64((*n + i) % 251))
			} else {
				fill(v.Index(i), n)
			}
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("text-%d", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64, reflect.Int:
		v.SetInt(int64(*n) * 1_000_003)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n) % 200)
	default:
		panic("no filling for " + v.Kind().String())
	}
}

// The encoding of every command is fixed: whoever changes a byte changes every
// ledger. Run with -update after adding one.
func TestGoldenCommands(t *testing.T) {
	known := rules()
	for k := range known {
		if _, ok := bodies[k]; !ok {
			t.Errorf("%s has no body in this test", k)
		}
	}
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(bodies)) {
		if _, ok := known[k]; !ok {
			t.Errorf("%s is no command", k)
		}
		n := 0
		v := reflect.New(reflect.TypeOf(bodies[k]))
		fill(v.Elem(), &n)
		raw := canon.Must(v.Elem().Interface())
		again := reflect.New(reflect.TypeOf(bodies[k]))
		if err := canon.Decode(raw, again.Interface()); err != nil {
			t.Errorf("%s does not decode: %v", k, err)
		}
		if !bytes.Equal(canon.Must(again.Elem().Interface()), raw) {
			t.Errorf("%s: encode, decode, encode changes the bytes", k)
		}
		sum := canon.Sum("golden", raw)
		head := raw
		if len(head) > 48 {
			head = head[:48]
		}
		fmt.Fprintf(&b, "%s %d %s %s\n", k, len(raw), sum, hex.EncodeToString(head))
	}
	const path = "testdata/commands.golden"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != b.String() {
		t.Errorf("an encoding has changed; this breaks every ledger\n%s", firstDifference(string(want), b.String()))
	}
}

// One authorization's bytes, signed with a known key: a second implementation
// starts here.
func TestGoldenAuthorization(t *testing.T) {
	c := Authorize(NewCommand(KindTick, Tick{"period/x"}), key("golden"), testChain, testChannel, 1234567, canon.Sum("nonce"))
	raw := hex.EncodeToString(canon.Must(c))
	const begins = "a301647469636b024ba101" // kind tick, then the body
	if !strings.HasPrefix(raw, begins) {
		t.Errorf("the command begins %s, want %s", raw[:len(begins)], begins)
	}
	const want = "bc385d64812dec277d8ac2b02914342dcb766ad0eab156b0e98b6e5d26a0bf3b"
	if got := canon.Sum("golden", canon.Must(c)).String(); got != want {
		t.Errorf("the authorised command is %s, want %s", got, want)
	}
}

// TestThePermissionMatrix tries every command without a delegate, with a
// delegate of each role, with the partner's delegate and with the member key.
// What it finds is compared with testdata/permissions.golden.
func TestThePermissionMatrix(t *testing.T) {
	w := trading(t, "files netting")
	for _, r := range []party.Role{party.Contracts, party.Orders, party.Disputes, party.Finance} {
		w.run(fmt.Sprintf("ALPHA delegate.add key=%s roles=%s limit=USD:1000000", r, r))
	}
	authorities := []string{"node", "contracts", "orders", "disputes", "finance", "bob", "ALPHA.member"}
	var b strings.Builder
	fmt.Fprintf(&b, "%-20s %s\n", "", strings.Join(authorities, " "))
	for _, k := range slices.Sorted(maps.Keys(bodies)) {
		rule := rules()[k]
		if rule.public {
			continue
		}
		fmt.Fprintf(&b, "%-20s", k)
		for _, who := range authorities {
			tx := &tx{m: w.m, state: w.state, rule: rule, own: "ALPHA", partner: "BRAVO", cmd: NewCommand(k, bodies[k]),
				ctx: Context{Block: Block{Chain: testChain, Channel: testChannel, Height: w.height, Time: w.time}, Public: w.public}}
			if who != "node" {
				tx.cmd = Authorize(tx.cmd, key(who), testChain, testChannel, w.time+1000, canon.Sum("matrix", []byte(k), []byte(who)))
			}
			_, err := tx.authorize(nil, money.Amount{Currency: "USD", Micro: 1})
			word := "yes"
			if err != nil {
				word = string(fault.CodeOf(err))
			}
			fmt.Fprintf(&b, " %s", word)
		}
		b.WriteString("\n")
	}
	const path = "testdata/permissions.golden"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != b.String() {
		t.Errorf("what is allowed has changed\n%s", firstDifference(string(want), b.String()))
	}
}

// A node may do alone what the agreement lets it do, up to the limit.
func TestTheAgreementLetsANodeActAlone(t *testing.T) {
	terms := agreement.Defaults()
	terms.Alone = []agreement.Allowance{{Command: string(KindPaymentAdvise), Limits: []money.Amount{{Currency: "USD", Micro: 100}}}}
	for _, c := range []struct {
		name   string
		kind   Kind
		amount money.Amount
		want   fault.Code
	}{
		{"at the limit", KindPaymentAdvise, money.Amount{Currency: "USD", Micro: 100}, ""},
		{"above the limit", KindPaymentAdvise, money.Amount{Currency: "USD", Micro: 101}, CodeBeyondLimit},
		{"another currency", KindPaymentAdvise, money.Amount{Currency: "EUR", Micro: 1}, CodeBeyondLimit},
		{"another command", KindPaymentReceipt, money.Amount{Currency: "USD", Micro: 1}, CodeAuthorizationMissing},
	} {
		x := &tx{rule: rules()[c.kind], cmd: Command{Kind: c.kind}, own: "ALPHA"}
		if _, err := x.authorize(&terms, c.amount); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// The agreement's default rule in CEL answers as package reconcile's own.
func TestTheDefaultRuleIsReconcilesOwn(t *testing.T) {
	rules, err := DecisionRules(agreement.DefaultRule(), usage.Direction{})
	if err != nil {
		t.Fatal(err)
	}
	r := random(t)
	for range 2000 {
		c := reconcile.Case{Kind: []reconcile.Kind{reconcile.OnlyBuyer, reconcile.OnlySeller, reconcile.Longer, reconcile.Shifted}[r.IntN(4)],
			BuyerSeconds: r.Uint64N(100), SellerSeconds: r.Uint64N(100), Gap: r.Uint64N(12), StartGap: r.Uint64N(4000),
			OnlySellerSeconds: r.Uint64N(12), DestinationSeconds: r.Uint64N(500), Undelivered: r.IntN(5) == 0}
		if got, want := rules.Answer(c), (reconcile.Default{}).Answer(c); got != want {
			t.Fatalf("%+v: %s, want %s", c, got, want)
		}
	}
}

// What a product line or a client sends never stops the machine.
func TestWrongChannelsAndUnknownCommands(t *testing.T) {
	w := ready(t)
	ctx := Context{Block: Block{Chain: testChain, Channel: testChannel, Height: w.height, Time: w.time}, Sender: key("ALPHA.channel").Public(), Public: w.public}
	for _, c := range []struct {
		name   string
		public bool
		cmd    Command
		want   fault.Code
	}{
		{"a kind that nobody knows", false, Command{Kind: "teapot"}, CodeUnknownCommand},
		{"a command of the Omnilateral", false, NewCommand(KindMemberLeave, MemberLeave{"ALPHA"}), CodeWrongChannel},
		{"a command of a Bilateral", true, NewCommand(KindRatingRequest, RatingRequest{}), CodeWrongChannel},
		{"a command of both", true, NewCommand(KindTick, Tick{"x"}), CodeNoDeadline},
		{"a body that is none", false, Command{Kind: KindTick, Body: []byte{0xff}}, fault.Invalid},
		{"no body", false, Command{Kind: KindTick}, fault.Invalid},
		{"text that is not UTF-8", false, Command{Kind: KindTick, Body: []byte{0xa1, 0x01, 0x61, 0xff}}, fault.Invalid},
	} {
		x := ctx
		if c.public {
			x.Block.Channel = canon.Hash{}
		}
		if got := w.m.Apply(x, w.state, c.cmd); got.Receipt.Code != c.want {
			t.Errorf("%s: %s, want %s", c.name, got.Receipt.Code, c.want)
		}
	}
}

// A channel whose rules this node does not know stops, and says so.
func TestAnUnknownVersionStopsTheChannel(t *testing.T) {
	w := trading(t, "files")
	w.run("ALPHA version.propose version=2 height=200")
	if out := w.run("BRAVO version.accept version=2 height=200"); !strings.HasPrefix(out, "done") {
		t.Fatal(out)
	}
	if err := CheckVersion(w.state, 199); err != nil {
		t.Fatal(err)
	}
	if code := fault.CodeOf(CheckVersion(w.state, 200)); code != CodeVersionUnknown {
		t.Fatalf("code %q", code)
	}
	w.height = 200
	if out := w.run("ALPHA document.record file=z"); !strings.HasPrefix(out, "refused version-unknown") {
		t.Fatal(out)
	}
}

func FuzzApply(f *testing.F) {
	w := trading(f, "files netting")
	for _, line := range []string{"ALPHA rating.request hour=0", "ALPHA usage.state hour=0 lines=0:2/120,2:10/600", "BRAVO usage.state hour=0 lines=0:3/180,2:10/600"} {
		w.run(line)
	}
	for k, body := range bodies {
		f.Add(string(k), canon.Must(body))
		n := 0
		v := reflect.New(reflect.TypeOf(body))
		fill(v.Elem(), &n)
		f.Add(string(k), canon.Must(v.Elem().Interface()))
	}
	for _, e := range w.log {
		f.Add(string(e.cmd.Kind), e.cmd.Body)
	}
	f.Fuzz(func(t *testing.T, kind string, raw []byte) {
		for _, side := range []string{"ALPHA", "BRAVO"} {
			r := rules()[Kind(kind)]
			ctx := Context{Block: Block{Chain: testChain, Height: w.height, Time: w.time}, Sender: key(side + ".node").Public()}
			state := Records(w.public)
			if !r.public {
				ctx.Block.Channel, ctx.Public, ctx.Sender, state = testChannel, w.public, key(side+".channel").Public(), w.state
			}
			cmd := Authorize(Command{Kind: Kind(kind), Body: raw}, key(side+".member"), testChain, ctx.Block.Channel, w.time+1000, canon.Sum("fuzz", raw))
			res := w.m.Apply(ctx, state, cmd)
			if other := w.m2.Apply(ctx, state, cmd); !reflect.DeepEqual(res.Writes, other.Writes) || !reflect.DeepEqual(res.Events, other.Events) || !reflect.DeepEqual(res.Receipt, other.Receipt) {
				t.Fatalf("%s: two machines make %+v and %+v of it", kind, res, other)
			}
			if res.Fault != nil && (!onlyNumbers(res.Writes) || res.Receipt.Code == "" || res.Receipt.Code == fault.Internal) {
				t.Fatalf("%s: a refusal writes, or has the code %q: %v", kind, res.Receipt.Code, res.Fault)
			}
			if res.Fault == nil && !r.public {
				m := maps.Clone(w.state)
				m.apply(res.Writes)
				for _, x := range res.Writes {
					if _, content, err := ShowRecord(x.Key, x.Value); x.Value != nil && err == nil {
						if _, err := json.Marshal(content); err != nil {
							t.Fatalf("%s: the record %s cannot be shown: %v", kind, x.Key, err)
						}
					}
				}
				if err := CheckJournal(View{m}); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// Who may send where, and whose quota pays.
func TestWhoMaySendAndWhoPays(t *testing.T) {
	w := newWorld(t)
	channelOf := func(name string) sign.PublicKey { return key(name).Public() }
	admit := func(channel canon.Hash, who string) (party.Code, fault.Code) {
		payer, err := Admit(w.public, channel, channelOf(who), w.height, w.time)
		return payer, fault.CodeOf(err)
	}
	check := func(when string, channel canon.Hash, who string, payer party.Code, code fault.Code) {
		t.Helper()
		if p, c := admit(channel, who); p != payer || c != code {
			t.Errorf("%s: %s is paid for by %q with code %q, want %q and %q", when, who, p, c, payer, code)
		}
	}
	none := canon.Hash{}
	check("at the beginning", none, "ALPHA.node", "ALPHA", "")
	check("at the beginning", none, "ALPHA.member", "", fault.Unauthorized)
	check("at the beginning", none, "mallory", "", fault.Unauthorized)
	check("at the beginning", testChannel, "ALPHA.node", "", fault.Unauthorized)
	w.run("ALPHA channel.open")
	check("invited", none, "BRAVO.channel", "ALPHA", "")
	check("invited", testChannel, "BRAVO.channel", "", fault.NotYet)
	w.run("ALPHA.channel channel.confirm")
	w.run("BRAVO.channel channel.confirm")
	check("open", testChannel, "BRAVO.channel", "ALPHA", "")
	check("open", canon.Sum("another"), "BRAVO.channel", "", fault.Unauthorized)
	w.run("BRAVO.channel channel.rotate new=BRAVO.channel2")
	check("rotated", testChannel, "BRAVO.channel", "", fault.Unauthorized)
	check("rotated", testChannel, "BRAVO.channel2", "ALPHA", "")
	w.run("CHARLIE channel.open channel=x keys=x hours=1")
	w.time += 2 * hourMs
	check("lapsed", none, "x0", "", CodeInvitationLapsed)
	w.run("CHARLIE member.leave")
	check("left", none, "CHARLIE.node", "", CodeMemberInactive)
}

func TestGenesisRefusesWhatCannotBegin(t *testing.T) {
	good := func() GenesisDocument {
		return GenesisDocument{Network: DefaultNetwork("test"), Members: []party.Signed{application("ALPHA"), application("BRAVO")},
			Validators: []Validator{{"v0", key("v0").Public(), 1}}}
	}
	if _, err := Genesis(good()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*GenesisDocument)
		want   fault.Code
	}{
		"no members":             {func(d *GenesisDocument) { d.Members = nil }, fault.Invalid},
		"no validators":          {func(d *GenesisDocument) { d.Validators = nil }, fault.Invalid},
		"a member twice":         {func(d *GenesisDocument) { d.Members = append(d.Members, d.Members[0]) }, fault.Conflict},
		"a validator's key used": {func(d *GenesisDocument) { d.Validators[0].Key = key("ALPHA.node").Public() }, fault.Conflict},
		"a key of small order":   {func(d *GenesisDocument) { d.Validators[0].Key = sign.PublicKey{1} }, fault.Invalid},
		"an unknown version":     {func(d *GenesisDocument) { d.Network.Version = 7 }, CodeVersionUnknown},
		"a forged application":   {func(d *GenesisDocument) { d.Members[0].Member[5] ^= 1 }, fault.Refused},
		"no vouchers":            {func(d *GenesisDocument) { d.Network.Vouchers = 0 }, fault.Invalid},
	} {
		d := good()
		c.change(&d)
		if _, err := Genesis(d); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// A tariff finds the sheet of a row by number, and until when it is in force.
func TestRowsAreNumberedThroughTheSheets(t *testing.T) {
	f := Tariff{Sheets: []TariffSheet{{ID: "one", Base: 0, Rows: 4, From: 100}, {ID: "two", Base: 4, Rows: 2, From: 200}}}
	for row, want := range map[uint32]string{0: "one until 200", 3: "one until 200", 4: "two until 9223372036854775807", 5: "two until 9223372036854775807", 6: "none"} {
		got := "none"
		if s, until, ok := f.Of(row); ok {
			got = fmt.Sprintf("%s until %d", s.ID, until)
		}
		if got != want {
			t.Errorf("row %d: %s, want %s", row, got, want)
		}
	}
	if _, _, ok := (Tariff{}).Of(0); ok {
		t.Error("an empty tariff has a row")
	}
}

func TestSignaturesCheckedTogetherGetTheAnswersOfApply(t *testing.T) {
	sign := func(c Command, who string) Command {
		return Authorize(c, key(who), testChain, testChannel, 1234567, canon.Sum("nonce", []byte(who)))
	}
	good := sign(NewCommand(KindTick, Tick{"period/x"}), "one")
	bodyChanged := sign(NewCommand(KindTick, Tick{"period/x"}), "two")
	bodyChanged.Body = canon.Must(Tick{"period/y"})
	another := sign(NewCommand(KindTick, Tick{"period/x"}), "three")
	another.Authorization.Delegate = key("four").Public()
	none := NewCommand(KindTick, Tick{"period/x"})

	got := CheckSignatures(testChain, testChannel, []Command{good, none, bodyChanged, good, another})
	if want := []SignatureCheck{SignatureGood, SignatureUnknown, SignatureForged, SignatureGood, SignatureForged}; !slices.Equal(got, want) {
		t.Errorf("together: %v, want %v", got, want)
	}
	if got := CheckSignatures("another-chain", testChannel, []Command{good}); got[0] != SignatureForged {
		t.Errorf("on another chain: %v, want forged", got[0])
	}
	for name, c := range map[string]struct {
		check SignatureCheck
		want  fault.Code
	}{"unknown": {SignatureUnknown, CodeAuthorizationForged}, "forged": {SignatureForged, CodeAuthorizationForged}, "good": {SignatureGood, ""}} {
		x := tx{ctx: Context{Block: Block{Chain: testChain, Channel: testChannel}, Signature: c.check}, cmd: bodyChanged, state: noRecords{}}
		if err := x.checkSignature(bodyChanged.Authorization); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want code %q", name, err, c.want)
		}
	}
}

type noRecords struct{ Records }

func (noRecords) Get(string) ([]byte, bool) { return nil, false }

// What a Bilateral takes while the two states differ, of every command that
// there is. What it finds is compared with testdata/diverged.golden.
func TestWhatADivergedChannelTakes(t *testing.T) {
	w := trading(t, "files")
	if out := w.run("ALPHA evidence.divergence"); !strings.HasPrefix(out, "done") {
		t.Fatal(out)
	}
	var b strings.Builder
	row := func(name string, c Command) {
		ctx := Context{Block: Block{Chain: testChain, Channel: testChannel, Height: w.height, Time: w.time}, Sender: key("ALPHA.channel").Public(), Public: w.public}
		got := w.m.Apply(ctx, w.state, Authorize(c, key("ALPHA.member"), testChain, testChannel, w.time+1000, canon.Sum("diverged", []byte(name))))
		word := "taken"
		if got.Receipt.Code == CodeDiverged {
			word = "waits"
		}
		if (word == "taken") != AllowedWhenDiverged(c) {
			t.Errorf("%s: the state machine and AllowedWhenDiverged differ", name)
		}
		fmt.Fprintf(&b, "%-24s %s\n", name, word)
	}
	for _, k := range slices.Sorted(maps.Keys(bodies)) {
		if rules()[k].public {
			continue
		}
		if k == KindTick {
			for _, prefix := range []string{prefixPeriod, prefixInvoice, prefixDispute, prefixObligation, ""} {
				row(string(k)+" "+prefix, NewCommand(k, Tick{prefix + "x"}))
			}
			continue
		}
		row(string(k), NewCommand(k, bodies[k]))
	}
	const path = "testdata/diverged.golden"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != b.String() {
		t.Errorf("what a diverged channel takes has changed\n%s", firstDifference(string(want), b.String()))
	}
}

// Whoever has stolen the member key cannot fill a member's places for keys so
// that the recovery key finds none.
func TestTheRecoveryKeyFindsAPlace(t *testing.T) {
	w := newWorld(t)
	fill := func(line func(n int) string) (n int) {
		t.Helper()
		for ; n <= maxKeys; n++ {
			if out := w.run(line(n)); strings.HasPrefix(out, "refused refused:") {
				return n
			} else if !strings.HasPrefix(out, "done") {
				t.Fatal(out)
			}
		}
		t.Fatal("there is no bound")
		return n
	}
	nodes := fill(func(n int) string { return fmt.Sprintf("ALPHA key.rotate add-node=node%d", n) })
	signer := "ALPHA.member"
	members := fill(func(n int) string {
		line := fmt.Sprintf("ALPHA key.rotate as=%s new-member=member%d", signer, n)
		signer = fmt.Sprintf("member%d", n)
		return line
	})
	if came := 3; came+nodes != maxKeys-2*keyReserve || members != keyReserve {
		t.Errorf("%d node keys and %d member keys found a place", nodes, members)
	}
	if out := w.run("ALPHA key.rotate as=ALPHA.recovery new-member=mine"); !strings.HasPrefix(out, "done") {
		t.Errorf("the recovery key: %s", out)
	}
}

// A key counts from the block after the one that brings it, and an old one up
// to there: all that one block holds is judged by the same keys.
func TestKeysCountFromTheNextBlock(t *testing.T) {
	w := ready(t)
	at := func() uint64 { return w.height - 1 } // of the last command
	do := func(line string) uint64 {
		t.Helper()
		if out := w.run(line); !strings.HasPrefix(out, "done") {
			t.Fatalf("%s: %s", line, out)
		}
		return at()
	}
	member := func() party.Member { m, _ := View{w.public}.Member("ALPHA"); return m }
	check := func(what string, h uint64, counts func(height uint64) bool, before, then, after bool) {
		t.Helper()
		for i, want := range []bool{before, then, after} {
			if got := counts(h - 1 + uint64(i)); got != want {
				t.Errorf("%s at height %d of a change at %d: %v", what, h-1+uint64(i), h, got)
			}
		}
	}
	public := func(name string) sign.PublicKey { return key(name).Public() }
	seals := func(name string) func(uint64) bool {
		return func(height uint64) bool {
			return slices.ContainsFunc(member().SealingKeys(height), func(k []byte) bool { return bytes.Equal(k, sealingKey(name)) })
		}
	}
	h := do("ALPHA key.rotate add-node=new.node revoke-node=ALPHA.node")
	check("a new node key", h, func(x uint64) bool { return member().NodeKey(public("new.node"), x) }, false, false, true)
	check("a revoked node key", h, func(x uint64) bool { return member().NodeKey(public("ALPHA.node"), x) }, true, true, false)
	h = do("ALPHA key.rotate add-sealing=new revoke-sealing=ALPHA sender=new.node")
	check("a new sealing key", h, seals("new"), false, false, true)
	check("a revoked sealing key", h, seals("ALPHA"), true, true, false)
	h = do("ALPHA key.rotate new-member=new.member sender=new.node")
	check("a new member key", h, func(x uint64) bool { return member().MemberKey(public("new.member"), x) }, false, false, true)
	check("the old member key", h, func(x uint64) bool { return member().MemberKey(public("ALPHA.member"), x) }, true, true, false)

	// A delegate counts from its height on, up to but not at its end.
	from := w.height + 3
	do(fmt.Sprintf("BRAVO delegate.add key=late from=%d until=%d", from, from+2))
	for height, want := range map[uint64]string{from - 1: "refused delegate-expired", from: "done", from + 1: "done", from + 2: "refused delegate-expired"} {
		w.height = height
		if out := w.run("BRAVO bilateral.end as=late"); !strings.HasPrefix(out, want) {
			t.Errorf("at height %d of %d to %d: %s", height, from, from+2, out)
		}
	}
}
