package native

import (
	"context"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
)

// Market is what a carrier buys of its neighbours. Ids are texts of 32 hex
// digits.
type Market interface {
	Inquire(context.Context, wire.Inquire) (wire.Inquired, error)
	Inquiries() []wire.Inquiry // the newest first
	Inquiry(id string) (wire.Inquiry, error)
	Services() []wire.Service // the newest first
	Service(id string) (wire.Service, error)
	OrderService(wire.OrderService) (wire.Service, error)
	WithdrawService(id string) (wire.Service, error)
	ChangeService(ctx context.Context, id string, c wire.ChangeService) (wire.Offer, error)
	RescheduleService(ctx context.Context, id string, r wire.RescheduleService) (wire.Service, error)
	EndService(id string, e wire.EndService) (wire.Service, error)
	BuildService(id string, b wire.BuiltService) (wire.Service, error)
	Sessions
	OwnTickets
}

// market gives the carrier's mesh. Code: not-found.
func (s *server) market() (Market, error) {
	if s.Market == nil {
		return nil, fault.New(fault.NotFound, "this node has no neighbours to ask", "name them in the configuration, under mesh")
	}
	return s.Market, nil
}

// ServicePath names a service.
type ServicePath struct {
	ID string `path:"id" maxLength:"64" doc:"Its id."`
}

// InquiryPath names an inquiry.
type InquiryPath struct {
	ID string `path:"id" maxLength:"64" doc:"Its id."`
}

// mesh registers inquiries and services across neighbours.
func (s *server) mesh() {
	post(s, "/v1/inquiries", "inquire", tagMarket, "Ask own legs and neighbours for a service, with firm prices", func(ctx context.Context, in *struct{ Body wire.Inquire }) (*reply[wire.Inquired], error) {
		m, err := s.market()
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, s.Wait)
		defer cancel()
		x, err := m.Inquire(ctx, in.Body)
		return answer(x), err
	})
	get(s, "/v1/inquiries", "list-inquiries", tagMarket, "Inquiries that were made here, the newest first; the last 500 are kept", func(_ context.Context, in *struct{ PageQuery }) (*reply[api.Page[wire.Inquiry]], error) {
		m, err := s.market()
		if err != nil {
			return nil, err
		}
		return cut(m.Inquiries(), in.wanted(), func(x wire.Inquiry) wire.Inquiry { return x })
	})
	get(s, "/v1/inquiries/{id}", "get-inquiry", tagMarket, "One inquiry with what it has found", func(_ context.Context, in *InquiryPath) (*reply[wire.Inquiry], error) {
		m, err := s.market()
		if err != nil {
			return nil, err
		}
		x, err := m.Inquiry(in.ID)
		return answer(x), err
	})
	const at = "/v1/services"
	get(s, at, "list-services", tagMarket, "Orders across the mesh: for own customers, and those of partners that are sold on", func(_ context.Context, in *struct {
		PageQuery
		State string `query:"state" maxLength:"20"`
	}) (*reply[api.Page[wire.Service]], error) {
		m, err := s.market()
		if err != nil {
			return nil, err
		}
		all := []wire.Service{}
		for _, x := range m.Services() {
			if in.State == "" || in.State == x.State {
				all = append(all, x)
			}
		}
		return cut(all, in.wanted(), func(x wire.Service) wire.Service { return x })
	})
	get(s, at+"/{id}", "get-service", tagMarket, "One of them", func(_ context.Context, in *ServicePath) (*reply[wire.Service], error) {
		m, err := s.market()
		if err != nil {
			return nil, err
		}
		x, err := m.Service(in.ID)
		return answer(x), err
	})
	post(s, at, "order-service", tagMarket, "Order what a quote offers, all of the chain or nothing", func(_ context.Context, in *struct{ Body wire.OrderService }) (*reply[wire.Service], error) {
		m, err := s.market()
		if err != nil {
			return nil, err
		}
		x, err := m.OrderService(in.Body)
		return answer(x), err
	})
	post(s, at+"/{id}/withdraw", "withdraw-service", tagMarket, "Give up an order that is not accepted yet", func(_ context.Context, in *ServicePath) (*reply[wire.Service], error) {
		m, err := s.market()
		if err != nil {
			return nil, err
		}
		x, err := m.WithdrawService(in.ID)
		return answer(x), err
	})
	post(s, at+"/{id}/change", "change-service", tagMarket, "Get a firm price for a change of a service, over the same neighbours; order-service takes it", func(ctx context.Context, in *struct {
		ServicePath
		Body wire.ChangeService
	}) (*reply[wire.Offer], error) {
		m, err := s.market()
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, s.Wait)
		defer cancel()
		x, err := m.ChangeService(ctx, in.ID, in.Body)
		return answer(x), err
	})
	post(s, at+"/{id}/reschedule", "reschedule-service", tagMarket, "Ask for another date of a service that is not delivered, or for haste, at all hops or none", func(ctx context.Context, in *struct {
		ServicePath
		Body wire.RescheduleService
	}) (*reply[wire.Service], error) {
		m, err := s.market()
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, s.Wait)
		defer cancel()
		x, err := m.RescheduleService(ctx, in.ID, in.Body)
		return answer(x), err
	})
	post(s, at+"/{id}/end", "end-service", tagMarket, "End a service, and what is bought for it", func(_ context.Context, in *struct {
		ServicePath
		Body wire.EndService
	}) (*reply[wire.Service], error) {
		m, err := s.market()
		if err != nil {
			return nil, err
		}
		x, err := m.EndService(in.ID, in.Body)
		return answer(x), err
	})
	post(s, at+"/{id}/build", "build-service", tagMarket, "Say that the own legs of a service are delivered, or cannot be", func(_ context.Context, in *struct {
		ServicePath
		Body wire.BuiltService
	}) (*reply[wire.Service], error) {
		m, err := s.market()
		if err != nil {
			return nil, err
		}
		x, err := m.BuildService(in.ID, in.Body)
		return answer(x), err
	})
	s.sessions()
	s.ownTickets()
}
