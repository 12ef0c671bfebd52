package native

import (
	"context"
	"net/http"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
)

// access registers who may use this interface.
func (s *server) access() {
	get(s, "/v1/access", "list-access", tagAccess, "Tokens by name, role and expiry", func(_ context.Context, in *struct{ PageQuery }) (*reply[api.Page[wire.Access]], error) {
		all, err := s.Tokens.List()
		if err != nil {
			return nil, err
		}
		shown := make([]wire.Access, len(all))
		for i, t := range all {
			shown[i] = wire.Access{Name: t.Name, Role: string(t.Role), Expires: moment(t.Expires)}
		}
		p, err := api.CutSlice(shown, in.wanted())
		return answer(p), err
	})
	op := operation(http.MethodPost, "/v1/access", "add-access", tagAccess, "Make a token; its text is shown this once and kept nowhere")
	op.DefaultStatus = http.StatusCreated
	add(s, op, func(_ context.Context, in *struct{ Body wire.Access }) (*reply[wire.NewAccess], error) {
		var ends time.Time
		if in.Body.Expires != 0 {
			if ends = time.UnixMilli(int64(in.Body.Expires)).UTC(); !ends.After(time.Now()) {
				return nil, fault.New(fault.Invalid, "the token would have ended already", "name a time to come, or none").In("expires")
			}
		}
		text, err := s.Tokens.Add(in.Body.Name, api.Role(in.Body.Role), ends)
		if err != nil {
			return nil, err
		}
		return answer(wire.NewAccess{Access: in.Body, Text: text}), nil
	})
	add(s, operation(http.MethodDelete, "/v1/access/{name}", "remove-access", tagAccess, "Remove a token; it counts no more"), func(_ context.Context, in *struct {
		Name string `path:"name" maxLength:"64"`
	}) (*struct{}, error) {
		return nil, s.Tokens.Remove(in.Name)
	})
}

func moment(t time.Time) wire.Time {
	if t.IsZero() {
		return 0
	}
	return wire.Time(t.UnixMilli())
}
