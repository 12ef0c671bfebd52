package native

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/evidence"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
)

// proofs registers what this node can show to others.
func (s *server) proofs() {
	op := withPath(operation(http.MethodGet, "/v1/bilaterals/{partner}/proof", "get-proof", tagNetwork,
		"A proof of any record of the channel that anybody can check offline; an anchor is posted where none covers it yet"), "partner")
	op.Parameters = append(op.Parameters, &huma.Param{Name: "key", In: "query", Required: true, Schema: &huma.Schema{Type: huma.TypeString},
		Description: "The record's key, for example agreement/MSA-1."})
	s.raw(op, "application/octet-stream", "The proof.", func(w http.ResponseWriter, r *http.Request) {
		key := r.URL.Query().Get("key")
		b, err := s.with(party.Code(r.PathValue("partner")))
		var data []byte
		switch {
		case err != nil:
		case key == "":
			err = fault.New(fault.Invalid, "which record is to be proven is not said", "name its key").In("key")
		default:
			data, err = s.proveRecord(r.Context(), b, key)
		}
		if err == nil {
			w.Header().Set("Content-Disposition", `attachment; filename="`+fileName(key)+`.proof"`)
		}
		s.give(w, r, "application/octet-stream", data, err)
	})
	op = operation(http.MethodPost, "/v1/proofs/verify", "verify-proof", tagNetwork, "Check a proof file as anybody can offline, against the network of this node; nothing is kept")
	op.Description += " Refused: the field names the step that does not hold, of certificate, channel, anchor, log, record."
	op.MaxBodyBytes = proof.MaxDocument + 1
	add(s, op, func(_ context.Context, in *struct {
		RawBody []byte `contentType:"application/octet-stream"`
	}) (*reply[evidence.Proven], error) {
		p, err := evidence.Check(in.RawBody, func() (evidence.Trust, error) {
			if s.Trust.Certificate == nil {
				return evidence.Trust{}, fault.New(fault.Refused, "this node trusts no network", "check the proof with lateral verify and a network file")
			}
			return evidence.Trust{Trust: s.Trust, Chain: s.Chain}, nil
		})
		return answer(p), err
	})
	get(s, "/v1/network/evidence", "list-evidence", tagNetwork, "Envelopes under a number that their sender had used before, kept as evidence", s.listEvidence)
}

// proveRecord waits for a proof, as long as any request may wait.
func (s *server) proveRecord(ctx context.Context, b Bilateral, key string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Wait)
	defer cancel()
	return b.Prove(ctx, key)
}

func (s *server) listEvidence(_ context.Context, in *struct{ PageQuery }) (*reply[api.Page[wire.Rival]], error) {
	all := []wire.Rival{}
	for r, err := range s.Member.Rivals() {
		if err != nil {
			return nil, err
		}
		all = append(all, wire.Rival{Channel: r.Channel, Sender: r.Sender, Number: r.Number, Final: r.Final, Height: uint64(r.Position.Height),
			Index: r.Position.Index, Rival: r.Rival, Envelope: r.Envelope})
	}
	err := s.Member.Omni().View(func(v channel.View) error {
		for i := range all {
			if u, ok := (trade.View{Records: v}).KeyUse(all[i].Sender); ok {
				all[i].Member = u.Member
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	p, err := api.CutSlice(all, in.wanted())
	return answer(p), err
}
