package native

import (
	"context"
	"net/http"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/party"
)

// erasure registers how a file is erased for good.
func (s *server) erasure() {
	op := operation(http.MethodDelete, "/v1/files/{hash}", "erase-file", tagNode, "Erase a file for good; refused while clearing needs it")
	add(s, op, func(ctx context.Context, in *struct {
		Hash string `path:"hash" maxLength:"64" doc:"SHA-256 of the content, hex."`
	}) (*struct{}, error) {
		h, err := canon.ParseHash(in.Hash)
		if err != nil {
			return nil, fault.Of(err).In("hash")
		}
		return nil, s.erase(ctx, h)
	})
}

// hasFile reports whether this node has a file.
func (s *server) hasFile(file canon.Hash) bool { return s.Files != nil && s.Files.Has(file) }

// erase erases a file that no desk needs. Who did it stands in the node's log.
// Codes: not-found, refused.
func (s *server) erase(ctx context.Context, file canon.Hash) error {
	if !s.hasFile(file) {
		return fault.Newf(fault.NotFound, "look the hash up in the period or in the list of files", "there is no file %s on this node", file).In("hash")
	}
	for _, b := range s.Member.Bilaterals() {
		d, ok := s.Desk(party.Code(b.Partner()))
		if !ok {
			return fault.Newf(fault.Refused, "try again when the channel is open, or has lapsed and the node was started again",
				"the channel with %s is %s, and whether it needs the file cannot be told", b.Partner(), b.State()).In("hash")
		}
		if err := d.Needed(file); err != nil {
			return err
		}
	}
	if err := s.Files.Erase(file); err != nil {
		return err
	}
	s.Log.Warn("file erased", "file", file, "who", api.ActorOf(ctx).Name, "trace", traceOf(ctx))
	return nil
}
