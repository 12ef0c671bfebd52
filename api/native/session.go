package native

import (
	"context"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
)

// Sessions are those of capacity that stands. Ids are texts of 32 hex digits.
type Sessions interface {
	Sessions(service string) ([]wire.Session, error) // the newest first
	Session(service, id string) (wire.Session, error)
	OpenSession(service string, o wire.OpenSession) (wire.Session, error)
	CloseSession(service, id string) (wire.Session, error)
}

// SessionPath names a session of a service.
type SessionPath struct {
	ServicePath
	Session string `path:"session" maxLength:"64" doc:"Id of the session."`
}

// sessions registers sessions of capacity that stands.
func (s *server) sessions() {
	const at = "/v1/services/{id}/sessions"
	get(s, at, "list-sessions", tagMarket, "Sessions of capacity that stands, the newest first", func(_ context.Context, in *struct {
		ServicePath
		PageQuery
		State string `query:"state" enum:"opening,open,closing,closed,refused"`
	}) (*reply[api.Page[wire.Session]], error) {
		m, err := s.market()
		if err != nil {
			return nil, err
		}
		found, err := m.Sessions(in.ID)
		if err != nil {
			return nil, err
		}
		all := []wire.Session{}
		for _, x := range found {
			if in.State == "" || in.State == x.State {
				all = append(all, x)
			}
		}
		return cut(all, in.wanted(), func(x wire.Session) wire.Session { return x })
	})
	get(s, at+"/{session}", "get-session", tagMarket, "One of them", func(_ context.Context, in *SessionPath) (*reply[wire.Session], error) {
		m, err := s.market()
		if err != nil {
			return nil, err
		}
		x, err := m.Session(in.ID, in.Session)
		return answer(x), err
	})
	post(s, at, "open-session", tagMarket, "Open a session along the chain, all of it or nothing, at the price for an hour that was quoted", func(_ context.Context, in *struct {
		ServicePath
		Body wire.OpenSession
	}) (*reply[wire.Session], error) {
		m, err := s.market()
		if err != nil {
			return nil, err
		}
		x, err := m.OpenSession(in.ID, in.Body)
		return answer(x), err
	})
	post(s, at+"/{session}/close", "close-session", tagMarket, "Close a session along the chain, or give up its opening", func(_ context.Context, in *SessionPath) (*reply[wire.Session], error) {
		m, err := s.market()
		if err != nil {
			return nil, err
		}
		x, err := m.CloseSession(in.ID, in.Session)
		return answer(x), err
	})
}
