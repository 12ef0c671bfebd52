package node

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/selling"
	"github.com/lateral-network/lateral/store/resource"
)

// Sonata is where partners' systems trade with this carrier over LSO Sonata.
type Sonata struct {
	Listen string `yaml:"listen,omitempty"` // host:port; without it there is no such interface
	// Certificate and Key are PEM files for TLS. Without them it speaks plain
	// HTTP, for a proxy on this machine that ends TLS.
	Certificate string `yaml:"certificate,omitempty"`
	Key         string `yaml:"key,omitempty"`
	// Base is the address at which partners reach it: https://host.
	Base string `yaml:"base,omitempty"`
	// Partners is the file of who may call, with releases and scopes; lateral
	// sonata client writes it.
	Partners string `yaml:"partners,omitempty"`
	// QuoteFor is how long a firm quote is good and what it needs reserved; 0: 15
	// minutes.
	QuoteFor time.Duration `yaml:"quote_for,omitempty"`
	// MostQuotes is how many firm quotes a buyer may hold at a time; 0: 100.
	MostQuotes int `yaml:"most_quotes,omitempty"`
	// OrderWait is for how long an order may be missing on the Bilateral that it is to
	// stand on; 0: 10 minutes.
	OrderWait time.Duration `yaml:"order_wait,omitempty"`
	// Off are optional operations that are not offered, by operationId.
	Off []string `yaml:"off,omitempty"`
	// Contact is whom partners can ask.
	Contact Contact `yaml:"contact,omitempty"`
	// Private lets notifications go to private addresses, and without TLS: for
	// laboratories.
	Private bool `yaml:"private,omitempty"`
}

// Contact is a person or an office.
type Contact struct {
	Name  string `yaml:"name,omitempty"`
	Email string `yaml:"email,omitempty"`
	Phone string `yaml:"phone,omitempty"`
}

// SonataStore is the folder of the Sonata interface's resources.
func (c Config) SonataStore() string { return filepath.Join(c.Data, "sonata") }

// openSonata takes the address of the Sonata interface and opens its shelf.
func (n *Node) openSonata() error {
	c := n.config.Sonata
	if c.Listen == "" || n.member == nil {
		return nil
	}
	partners, err := sonata.OpenPartners(c.Partners)
	if err != nil {
		return err
	}
	shelf, err := resource.Open(n.config.SonataStore(), resource.Options{})
	if err != nil {
		return err
	}
	n.defer_(shelf.Close)
	key := n.keys.Node()
	shop := selling.Options{Catalog: n.catalog, Carrier: n.config.Carrier, Key: n.keys.Node, Products: onBilaterals{n}, QuoteFor: c.QuoteFor, MostHeld: c.MostQuotes, Log: n.log}
	if n.broker != nil {
		shop.Neighbours = n.broker
	}
	n.shop = selling.New(shop)
	n.deals = n.openDeals()
	if n.broker != nil {
		n.listener = n.openListener(shelf)
	}
	n.sonata, err = sonata.New(partners, shelf, n.deals.Seller(), sonata.Options{
		Sellers: []string{string(n.config.Carrier)}, Base: c.Base, Off: c.Off, Private: c.Private, Metrics: n.metrics, Log: n.log,
		Contact: wire.Contact{Name: c.Contact.Name, Email: c.Contact.Email, Number: c.Contact.Phone},
		Key:     &sonata.Key{ID: key.Public().String(), Private: key.Standard()},
	})
	if err != nil {
		return fault.Of(err).In("sonata")
	}
	if n.sonataAt, err = net.Listen("tcp", c.Listen); err != nil {
		return fault.New(fault.Unavailable, "the Sonata interface cannot listen on its address", "choose a free port on an address of this machine").In("sonata.listen").Because(err)
	}
	if c.Certificate != "" {
		certificate, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
		if err != nil {
			return fault.New(fault.Invalid, "the certificate of the Sonata interface cannot be used", "name a PEM certificate and its key").In("sonata.certificate").Because(err)
		}
		n.sonataAt = tls.NewListener(n.sonataAt, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}})
	}
	n.defer_(func() error { return ignoreClosed(n.sonataAt.Close()) })
	return nil
}

// SonataAddress is where the Sonata interface listens, empty without one.
func (n *Node) SonataAddress() string {
	if n.sonataAt == nil {
		return ""
	}
	return n.sonataAt.Addr().String()
}

// serveSonata answers partners until ctx ends.
func (n *Node) serveSonata(ctx context.Context) error {
	h := n.sonata.Handler()
	if n.listener != nil {
		all := http.NewServeMux()
		all.Handle(listenerPath+"/", http.StripPrefix(listenerPath, n.listener))
		all.Handle("/", h)
		h = all
	}
	return serveHTTP(ctx, n.sonataAt, &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	})
}
