package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/credential"
	"github.com/lateral-network/lateral/trade/party"
)

// credentialNoun is "lateral credential".
type credentialNoun struct {
	Publish credentialPublish `cmd:"" op:"get-me,get-credential-list,prepare-command,submit-command" role:"finance" help:"Publish a list on which this carrier revokes the credentials that it issues." eg:"--keys cora.age --passphrase-file cora.txt" eg:"kyc-2027 --size 65536 --keys cora.age --passphrase-file cora.txt"`
	Issue   credentialIssue   `cmd:"" op:"get-me,get-credential-list" help:"Sign what this carrier has checked of another member." eg:"--subject BRAVO --holder KEY --claims claims.yaml --expires 2027-11-01T00:00:00Z --keys cora.age --passphrase-file cora.txt --out bravo.cred"`
	Revoke  credentialRevoke  `cmd:"" op:"get-me,get-credential-list,prepare-command,submit-command" role:"finance" help:"Revoke credentials that this carrier has issued: for good." eg:"bravo.cred --keys cora.age --passphrase-file cora.txt" eg:"4711 815 --list kyc --keys cora.age --passphrase-file cora.txt"`
	Present credentialPresent `cmd:"" op:"get-credential-proof" help:"Show some claims of a credential to one verifier." eg:"bravo.cred --claims legal_name,country --for ALPHA --keys holder.age --passphrase-file holder.txt --out for-alpha.pres"`
	Verify  credentialVerify  `cmd:"" op:"verify-credential" role:"finance" help:"Check a presentation by the own node's records, or offline by the proof in it." eg:"for-alpha.pres" eg:"for-alpha.pres --nonce 2026-11-27/1 --issuer CHARLIE" eg:"for-alpha.pres --for ALPHA --network network.json --within 1h"`
	Show    credentialShow    `cmd:"" help:"Show what a credential or a presentation says, without a check of whether it counts." eg:"bravo.cred" eg:"for-alpha.pres --json"`
	Status  credentialStatus  `cmd:"" op:"list-credential-lists" help:"Show on which lists a member revokes credentials, and how many are revoked." eg:"CHARLIE"`
}

// revocations is a command by which an officer changes a list of its carrier.
type revocations struct {
	connection
	officer
}

// own gives a list of this carrier's, and whose that is.
func (c revocations) own(ctx context.Context, n *remote, name string) (wire.CredentialList, error) {
	me, err := n.api.Me(ctx)
	if err != nil {
		return wire.CredentialList{}, err
	}
	return n.api.CredentialList(ctx, party.Code(me.Carrier), name)
}

// put changes a list and prints it.
func (c revocations) put(ctx context.Context, n *remote, name string, body map[string]any) error {
	body["list"] = name
	r, err := c.bring(ctx, n, trade.KindCredentialStatus, body)
	if err != nil {
		return err
	}
	w, err := c.own(ctx, n, name)
	if !n.json {
		w.Bits = nil // a page of zeros
	}
	return changed(n, wire.Done[wire.CredentialList]{Record: w, Receipt: r}, err)
}

type credentialPublish struct {
	revocations
	List string `arg:"" optional:"" default:"kyc" help:"Name of the list; default: ${default}."`
	Size uint32 `default:"8192" help:"How many indexes it has, 1024 to 65536, a power of two; default: ${default}. Everybody's node keeps an eighth as many bytes."`
}

func (credentialPublish) Help() string {
	return `The key is that of a delegate with the role compliance on the Omnilateral (lateral delegate add --public --may compliance). A list has
many more indexes than credentials, which get theirs at random: nobody sees how many there are, or whose is revoked.`
}

func (c credentialPublish) Run(ctx context.Context, n *remote) error {
	return c.put(ctx, n, c.List, map[string]any{"size": c.Size})
}

// issuedFile is the issuer's own register: which index is whose.
type issuedFile struct {
	Issued []issuedEntry `json:"issued"`
}

type issuedEntry struct {
	List    string         `json:"list"`
	Index   uint32         `json:"index"`
	Subject party.Code     `json:"subject"`
	Holder  sign.PublicKey `json:"holder"`
	Hash    canon.Hash     `json:"hash"` // of the credential
	Issued  wire.Time      `json:"issued"`
	Expires wire.Time      `json:"expires"`
}

func readIssued(path string) (f issuedFile, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &f)
	}
	if err != nil {
		return f, fault.Newf(fault.Invalid, "name the register that lateral credential issue keeps, or a new file", "%s cannot be read", path).Because(err)
	}
	return f, nil
}

type credentialIssue struct {
	connection
	officer
	out
	Subject  party.Code     `required:"" placeholder:"CODE" help:"The member that was checked."`
	Holder   sign.PublicKey `required:"" placeholder:"KEY" help:"The subject's key that will present it, as lateral key new prints it."`
	Claims   string         `required:"" placeholder:"FILE" help:"What was checked: names and texts, YAML or JSON; - is standard input."`
	Expires  wire.Time      `required:"" placeholder:"TIME" help:"Until when it counts, RFC 3339; within five years."`
	List     string         `default:"kyc" help:"On which list it is revoked; default: ${default}."`
	Register string         `default:"issued.json" placeholder:"FILE" help:"Where it is kept which index is whose; made when missing. Default: ${default}."`
}

func (credentialIssue) Help() string {
	return `The claims do not go to the node. The file that is written holds them all: give it to the subject on a way that nobody else reads.
Claims are whatever the two agree on, for example:

  legal_name: Bravo Telecom Ltd
  registration: CHE-123.456.789
  country: CH
  beneficial_owner.1.name: Ada Example
  licence: OFCOM 1234
  articles.sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

Keep the register: without it nobody knows which index is whose.`
}

func (c credentialIssue) Run(ctx context.Context, n *remote) error {
	var claims map[string]string
	if err := n.body(c.Claims, &claims); err != nil {
		return err
	}
	key, err := signingKey(c.Keys, c.Passphrase, c.Name, "")
	if err != nil {
		return err
	}
	me, err := n.api.Me(ctx)
	if err != nil {
		return err
	}
	issuer := party.Code(me.Carrier)
	if err := speaks(ctx, n, issuer, key.Public()); err != nil {
		return err
	}
	list, err := n.api.CredentialList(ctx, issuer, c.List)
	if fault.CodeOf(err) == fault.NotFound {
		return fault.Newf(fault.NotFound, "publish it first: lateral credential publish "+c.List, "%s has no list %s", issuer, c.List).In("list")
	}
	if err != nil {
		return err
	}
	register, err := readIssued(c.Register)
	if err != nil {
		return err
	}
	var taken []uint32
	for _, e := range register.Issued {
		if e.List == c.List {
			taken = append(taken, e.Index)
		}
	}
	index, err := credential.Status{List: c.List, Bits: list.Bits}.Free(taken, rand.Reader)
	if err != nil {
		return err
	}
	held, err := credential.Issue(credential.Credential{Chain: list.Chain, Issuer: issuer, Subject: c.Subject, Holder: c.Holder, List: c.List, Index: index,
		Issued: time.Now().UnixMilli(), Expires: int64(c.Expires)}, claims, key, rand.Reader)
	if err != nil {
		return err
	}
	x := held.Signed.Credential
	register.Issued = append(register.Issued, issuedEntry{x.List, x.Index, x.Subject, x.Holder, held.Signed.Hash(), wire.Time(x.Issued), wire.Time(x.Expires)})
	data, err := json.MarshalIndent(register, "", "  ")
	if err != nil {
		return err
	}
	// The index is taken before anybody has the credential.
	if err := durable.WriteFile(durable.OS, c.Register, append(data, '\n'), 0o600); err != nil {
		return fault.Newf(fault.Invalid, "name a file that this user can write", "%s cannot be written", c.Register).In("register").Because(err)
	}
	return c.secret(n, held.Marshal())
}

// secret writes what only its receiver is to read.
func (o out) secret(n *remote, data []byte) error {
	if o.Out == "-" {
		return o.write(n.terminal, data, nil)
	}
	if err := durable.WriteFile(durable.OS, o.Out, data, 0o600); err != nil {
		return fault.Newf(fault.Invalid, "name a file that this user can write", "%s cannot be written", o.Out).Because(err)
	}
	if n.json {
		return n.document(map[string]any{"file": o.Out, "document": canon.Hash(sha256.Sum256(data))})
	}
	return nil
}

// speaks checks that a key is of a delegate who may vouch, before anything is signed
// that nobody would take.
func speaks(ctx context.Context, n *remote, issuer party.Code, key sign.PublicKey) error {
	for d, err := range n.api.PublicDelegates(ctx, client.Filter{"member": string(issuer)}) {
		if err != nil {
			return err
		}
		if d.Key == key && !d.Revoked && slices.Contains(d.Roles, party.Compliance) {
			return nil
		}
	}
	return fault.Newf(credential.CodeIssuer, "register it: lateral delegate add "+key.String()+" NAME --public --may compliance", "the key %s is no delegate of %s with the role compliance", key.Short(), issuer)
}

type credentialRevoke struct {
	revocations
	Which []string `arg:"" placeholder:"CRED|INDEX" help:"Files of credentials or presentations, or indexes, as the register has them."`
	List  string   `placeholder:"NAME" help:"Of indexes: on which list; default: kyc."`
	Yes   bool     `help:"Do not ask."`
}

func (credentialRevoke) Help() string {
	return `What is revoked stays so. Everybody sees that one more index of the list is revoked, and not whose. A revocation counts for a verifier
with a node as soon as it is final; for one who checks a proof offline, once it asks for a later one (--within).`
}

func (c credentialRevoke) Run(ctx context.Context, n *remote) error {
	var indexes []uint32
	list := c.List
	for _, s := range c.Which {
		if i, err := strconv.ParseUint(s, 10, 32); err == nil {
			indexes = append(indexes, uint32(i))
			continue
		}
		_, _, signed, err := n.credential(s)
		if err != nil {
			return err
		}
		if list == "" {
			list = signed.Credential.List
		}
		if list != signed.Credential.List {
			return usageError{fmt.Errorf("%s is on the list %s: revoke what is on one list at a time", s, signed.Credential.List)}
		}
		indexes = append(indexes, signed.Credential.Index)
	}
	if list == "" {
		list = "kyc"
	}
	slices.Sort(indexes)
	indexes = slices.Compact(indexes)
	if !c.Yes && !n.confirmed(fmt.Sprintf("revoke %d on the list %s? It cannot be taken back.", indexes, list)) {
		return fault.New(fault.Refused, "nothing was revoked", "answer yes, or add --yes")
	}
	return c.put(ctx, n, list, map[string]any{"revoke": indexes})
}

// credential reads a holder's file, or a presentation.
func (t terminal) credential(path string) (*credential.Held, *credential.Presentation, credential.Signed, error) {
	data, err := t.read(path)
	if err != nil {
		return nil, nil, credential.Signed{}, err
	}
	p, err := credential.ReadPresentation(data)
	if err == nil {
		return nil, &p, p.Signed, nil
	}
	h, other := credential.Read(data)
	if other == nil {
		return &h, nil, h.Signed, nil
	}
	if h.Form == credential.Form {
		err = other
	}
	return nil, nil, h.Signed, fmt.Errorf("reading %s: %w", path, err)
}

type credentialPresent struct {
	connection
	out
	File       string     `arg:"" placeholder:"CRED" help:"The credential, as its issuer gave it."`
	Claims     []string   `placeholder:"NAME" help:"Which claims to show, with commas between; the others stay hidden. Default: none."`
	For        party.Code `required:"" placeholder:"CODE" help:"The verifier: it is of no use to anybody else."`
	Nonce      string     `placeholder:"TEXT" help:"What the verifier has asked to be in it, if it has."`
	NoProof    bool       `help:"Leave out the proof from the ledger: a verifier with a node needs none."`
	Keys       string     `required:"" placeholder:"holder.age" help:"The holder's key file; lateral key new makes one."`
	Passphrase string     `name:"passphrase-file" required:"" placeholder:"FILE" help:"File with its passphrase."`
	Name       string     `name:"key" default:"officer" placeholder:"NAME" help:"Name of the key in the file; default: ${default}."`
}

func (credentialPresent) Help() string {
	return `Signs what is shown, for this verifier, with the holder's key. The node is asked for a proof that the issuer may vouch and has not
revoked the credential; it does not learn for whom.`
}

func (c credentialPresent) Run(ctx context.Context, n *remote) error {
	data, err := n.read(c.File)
	if err != nil {
		return err
	}
	held, err := credential.Read(data)
	if err != nil {
		return fmt.Errorf("reading %s: %w", c.File, err)
	}
	key, err := signingKey(c.Keys, c.Passphrase, c.Name, "")
	if err != nil {
		return err
	}
	p, err := held.Present(c.Claims, c.For, c.Nonce, time.Now().UnixMilli(), key)
	if err != nil {
		return err
	}
	if !c.NoProof {
		x := held.Signed.Credential
		if p.Proof, err = n.api.CredentialProof(ctx, x.Issuer, x.List, x.Key); err != nil {
			return err
		}
	}
	return c.secret(n, p.Marshal())
}

// checking is how a presentation is checked.
type checking struct {
	Nonce  string        `placeholder:"TEXT" help:"That this carrier has given the holder."`
	Issuer []party.Code  `placeholder:"CODE" help:"Take it of these members only; default: of any member. Repeat."`
	Within time.Duration `default:"24h" help:"How old the presentation, and what is known of the ledger, may be; default: ${default}."`
}

// trusted checks who has issued what is otherwise good.
func (c checking) trusted(w wire.Credential) error {
	if len(c.Issuer) > 0 && !slices.Contains(c.Issuer, w.Issuer) {
		return fault.Newf(credential.CodeIssuer, "ask for one of those whom you trust", "it is by %s", w.Issuer).In("issuer")
	}
	return nil
}

// byNode has the own node check a presentation.
func (c checking) byNode(ctx context.Context, n *remote, data []byte) (wire.Credential, error) {
	w, err := n.api.VerifyCredential(ctx, wire.VerifyCredential{Presentation: data, Nonce: c.Nonce, Within: c.Within.Milliseconds()})
	if err == nil {
		err = c.trusted(w)
	}
	return w, err
}

type credentialVerify struct {
	connection
	checking
	File    string     `arg:"" placeholder:"FILE" help:"The presentation; - is standard input."`
	For     party.Code `placeholder:"CODE" help:"With --network: who checks it. Otherwise it is the node's carrier."`
	Network string     `placeholder:"FILE" help:"Network file to trust: check offline, by the proof in the presentation."`
}

func (credentialVerify) Help() string {
	return `Checks that the issuer's delegate has signed the credential and may, that the issuer has not revoked it, that the holder has presented
it to this carrier, under the nonce if one was asked for, and that each shown claim is one that was signed. The own node has all public records:
neither the issuer nor anybody else learns of the check. With --network nothing is asked at all; it is not revoked as of the block that is
printed. Whom to believe is for you to say: --issuer.`
}

// dial asks no node where a network file is trusted.
func (c credentialVerify) dial(t terminal, may []api.Role) (*remote, error) {
	if c.Network != "" {
		return &remote{terminal: t, api: client.New("", ""), json: c.JSON}, nil
	}
	return c.connection.dial(t, may)
}

func (c credentialVerify) Run(ctx context.Context, n *remote) error {
	if (c.Network == "") != (c.For == "") {
		return usageError{fmt.Errorf("--for and --network go together")}
	}
	data, err := n.read(c.File)
	if err != nil {
		return err
	}
	if c.Network == "" {
		w, err := c.byNode(ctx, n, data)
		return shown(n, w, err)
	}
	w, err := c.offline(data, time.Now().UnixMilli())
	return shown(n, w, err)
}

// offline checks a presentation by the proof in it, at a time (ms UTC).
func (c credentialVerify) offline(data []byte, now int64) (w wire.Credential, err error) {
	network, err := node.ReadNetwork(c.Network)
	if err != nil {
		return w, err
	}
	p, err := credential.ReadPresentation(data)
	if err != nil {
		return w, err
	}
	public, ok := proof.ReadPublic(p.Proof)
	if !ok {
		return w, fault.New(fault.NotFound, "ask the holder for one with a proof, or have your node check it", "there is no proof in the presentation").In("proof")
	}
	v, err := public.Verify(node.Trust(network))
	if err != nil {
		return w, err
	}
	within := c.Within.Milliseconds()
	if v.Time < now-within {
		return w, fault.Newf(credential.CodeExpired, "ask the holder to present it again, or take older ones (--within)", "the proof is of %s: it may have been revoked since", stamp(wire.Time(v.Time))).In("proof")
	}
	err = trade.Presented(v.Records, v.Height, p, credential.Ask{Chain: network.ChainID, For: c.For, Nonce: c.Nonce, Now: now, Within: within})
	if err != nil {
		return w, err
	}
	w = wire.ShownCredential(p, data, v.Height, wire.Time(v.Time))
	return w, c.trusted(w)
}

type credentialShow struct {
	File string `arg:"" placeholder:"FILE" help:"A credential or a presentation; - is standard input."`
	JSON bool   `name:"json" help:"Print one JSON document."`
}

func (c credentialShow) Run(t terminal) error {
	held, p, signed, err := t.credential(c.File)
	if err != nil {
		return err
	}
	claims := []credential.Claim{}
	if held != nil {
		claims = held.Claims
	} else {
		claims = append(claims, p.Claims...)
	}
	x := signed.Credential
	type says struct {
		Kind      string                 `json:"kind"`
		Subject   party.Code             `json:"subject"`
		Issuer    party.Code             `json:"issuer"`
		Claims    []wire.CredentialClaim `json:"claims"`
		Issued    wire.Time              `json:"issued"`
		Expires   wire.Time              `json:"expires"`
		Presented wire.Time              `json:"presented,omitzero"`
		For       party.Code             `json:"for,omitempty"`
		Nonce     string                 `json:"nonce,omitempty"`
		Key       sign.PublicKey         `json:"key"`
		Holder    sign.PublicKey         `json:"holder"`
		List      string                 `json:"list"`
		Index     uint32                 `json:"index"`
		Chain     string                 `json:"chain"`
	}
	w := says{Kind: "credential", Subject: x.Subject, Issuer: x.Issuer, Claims: []wire.CredentialClaim{}, Issued: wire.Time(x.Issued), Expires: wire.Time(x.Expires), Key: x.Key,
		Holder: x.Holder, List: x.List, Index: x.Index, Chain: x.Chain}
	for _, c := range claims {
		w.Claims = append(w.Claims, wire.CredentialClaim{Name: c.Name, Value: c.Value})
	}
	if p != nil {
		w.Kind, w.Presented, w.For, w.Nonce = "presentation, not checked", wire.Time(p.Time), p.For, p.Nonce
	}
	if c.JSON {
		return t.document(w)
	}
	return writeRecord(t.out, w)
}

type credentialStatus struct {
	connection
	paging
	Issuer party.Code `arg:"" help:"Member code of the issuer."`
}

func (c credentialStatus) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "list size revoked version changed.key changed.time", func(api *client.Client) iter.Seq2[wire.CredentialList, error] {
		return api.CredentialLists(ctx, c.Issuer)
	})
}
