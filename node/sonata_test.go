package node

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
)

func TestACarriersNodeGivesAccessToPartnersOfItsFile(t *testing.T) {
	_, s := founded(t, true)
	s.Config.Sonata = Sonata{Listen: "127.0.0.1:0", Base: "https://alpha.example", Partners: filepath.Join(filepath.Dir(s.ConfigFile), "partners.yaml")}
	n := run(t, s.Config)
	partners, err := sonata.OpenPartners(s.Config.Sonata.Partners)
	if err != nil {
		t.Fatal(err)
	}
	// The file is written while the node runs.
	secret, err := partners.Add(sonata.Partner{ID: "bravo", Buyers: []string{"BRAVO"}, Release: wire.Kylie}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, authorization, body string) (int, map[string]any) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+n.SonataAddress()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var v any
		if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
			t.Fatal(err)
		}
		object, _ := v.(map[string]any)
		return res.StatusCode, object
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"bravo"}, "client_secret": {secret}}
	status, got := ask(http.MethodPost, sonata.TokenPath, "", form.Encode())
	token, _ := got["access_token"].(string)
	if status != 200 || token == "" {
		t.Fatalf("no access token: %d %v", status, got)
	}
	path := wire.Kylie.Base(wire.Quoting) + "/quote"
	if status, got := ask(http.MethodGet, wire.Kylie.Base(wire.Ordering)+"/productOrder", "Bearer "+token, ""); status != 200 {
		t.Errorf("the orders of a partner: %d %v", status, got)
	}
	if status, got := ask(http.MethodGet, path, "", ""); status != 401 || got["code"] != "missingCredentials" {
		t.Errorf("without a token: %d %v", status, got)
	}
	// Its metrics count all three, each once it is answered.
	counted := func() (sum float64) {
		families, err := n.metrics.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == "lateral_sonata_requests_total" {
					sum += m.GetCounter().GetValue()
				}
			}
		}
		return sum
	}
	for end := time.Now().Add(time.Minute); counted() != 3; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%v requests are counted", counted())
		}
	}
}

func TestTheSonataSectionNamesWhatIsMissing(t *testing.T) {
	c := Config{Sonata: Sonata{Listen: ":7090", Certificate: "cert.pem", QuoteFor: -1, MostQuotes: -1, OrderWait: -1}}
	err := c.Validate()
	if err == nil {
		t.Fatal("it is taken")
	}
	for _, field := range []string{"sonata.listen", "sonata.partners", "sonata.base", "sonata.certificate", "sonata.quote_for", "sonata.most_quotes", "sonata.order_wait"} {
		if !strings.Contains(err.Error(), "("+field+")") {
			t.Errorf("%s is not named: %v", field, err)
		}
	}
}
