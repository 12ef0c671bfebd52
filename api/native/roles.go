package native

import (
	"maps"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/fault"
)

// readers may read everything that belongs to the carrier: all but subscribers.
var readers = []api.Role{api.Clerk, api.ProductManager, api.Engineer, api.Finance, api.Auditor, api.Administrator}

// allowed is who may use which operation: the whole table. What is not in it is
// open to nobody. Subscribers see their own status only; auditors change
// nothing.
var allowed = map[string][]api.Role{
	"get-me": api.Roles, "get-own-keys": readers,

	"get-ready": readers, "get-metrics": readers, "get-openapi-json": readers, "get-openapi-yaml": readers,
	"get-status": readers, "get-network": readers, "list-members": readers, "get-member": readers,
	"list-bilaterals": readers, "get-bilateral": readers, "list-anchors": readers, "list-problems": readers,
	"get-default-terms": readers, "list-agreements": readers, "get-agreement": readers, "list-delegates": readers,
	"list-sheets": readers, "get-sheet": readers, "get-sheet-file": readers, "list-orders": readers, "get-order": readers,
	"list-imports": readers, "list-archive": readers, "get-summary": readers, "list-exceptions": readers, "list-signals": readers, "list-suggestions": readers,
	"list-periods": readers, "get-period": readers, "list-lines": readers, "get-rated": readers, "list-differences": readers,
	"list-invoices": readers, "get-volume": readers, "get-invoice": readers, "get-invoice-json": readers, "get-invoice-html": readers,
	"get-invoice-canonical": readers, "get-invoice-proof": readers, "get-totals": readers,
	"list-disputes": readers, "get-dispute": readers, "get-evidence": readers, "try-rule": readers, "count-disputes": readers, "get-waterfall": readers, "list-calls": readers, "replay-rule": readers,
	"list-nettings": readers, "get-netting": readers, "list-obligations": readers, "get-obligation": readers, "get-payable": readers,
	"get-credit": readers, "list-verified": readers, "get-statement": readers, "get-ageing": readers, "list-journal": readers, "list-balances": readers, "list-files": readers,
	"list-log": readers, "stream-events": readers, "list-network-log": readers, "get-proof": readers, "stream-network-events": readers, "stream-all-events": readers, "verify-proof": readers,
	"get-today": readers, "get-trend": readers,

	"list-offerings": readers, "get-offering": readers, "list-offering-versions": readers, "list-specifications": readers, "get-specification": readers,
	"list-specification-versions": readers, "list-links": readers, "get-link": readers, "list-link-versions": readers, "get-capacity": readers,
	"list-places": readers, "get-place": readers, "list-place-versions": readers, "list-schemas": readers, "get-schema": readers,
	"list-catalog-imports": readers, "export-catalog": readers, "search-catalog": readers, "parse-inquiry": readers,
	"inquire": {api.ProductManager, api.Engineer}, "list-inquiries": readers, "get-inquiry": readers, "list-services": readers, "get-service": readers, "order-service": {api.ProductManager},
	"withdraw-service": {api.ProductManager}, "change-service": {api.ProductManager}, "reschedule-service": {api.ProductManager}, "end-service": {api.ProductManager}, "build-service": {api.Engineer, api.ProductManager},
	"list-sessions": readers, "get-session": readers, "open-session": {api.ProductManager}, "close-session": {api.ProductManager},
	"list-reservations": readers, "get-reservation": readers,
	"put-offering": {api.ProductManager}, "put-specification": {api.ProductManager}, "put-link": {api.ProductManager, api.Engineer}, "put-place": {api.ProductManager, api.Engineer},
	"step-offering": {api.ProductManager}, "step-specification": {api.ProductManager}, "check-payload": {api.ProductManager, api.Engineer},
	"preview-catalog": {api.ProductManager}, "import-catalog": {api.ProductManager}, "undo-catalog": {api.ProductManager},
	"reserve-capacity": {api.ProductManager, api.Engineer}, "confirm-reservation": {api.ProductManager, api.Engineer}, "use-reservation": {api.ProductManager, api.Engineer},
	"release-reservation": {api.ProductManager, api.Engineer}, "resize-reservation": {api.ProductManager, api.Engineer},

	"list-tokens": readers, "get-token": readers, "audit-tokens": readers, "list-acts": readers, "get-act": readers, "get-token-proof": readers,
	"list-feeds": readers, "get-feed": readers, "list-network-delegates": readers, "list-accounts": readers, "list-movements": readers,
	"list-transfers": readers, "list-holds": readers, "list-swaps": readers, "list-redemptions": readers, "list-locks": readers,
	"define-token": {api.Administrator}, "approve-token": {api.Administrator}, "add-network-delegate": {api.Administrator}, "revoke-network-delegate": {api.Administrator},
	"make-transfers": {api.Finance}, "place-hold": {api.Finance}, "post-hold": {api.Finance}, "void-hold": {api.Finance},
	"offer-swap": {api.Finance}, "take-swap": {api.Finance}, "cancel-swap": {api.Finance}, "redeem-tokens": {api.Finance},
	"open-lock": {api.Finance}, "top-up-lock": {api.Finance}, "state-rate": {api.Finance},

	"list-rounds": readers, "get-round": readers, "call-round": {api.Finance}, "join-round": {api.Finance},

	"list-evidence":     {api.Auditor, api.Administrator},
	"list-access":       {api.Administrator, api.Auditor},
	"add-access":        {api.Administrator},
	"remove-access":     {api.Administrator},
	"list-users":        {api.Administrator, api.Auditor},
	"add-user":          {api.Administrator},
	"change-user":       {api.Administrator},
	"remove-user":       {api.Administrator},
	"link-user":         {api.Administrator},
	"erase-file":        {api.Administrator},
	"erase-records":     {api.Administrator},
	"propose-member":    {api.Administrator},
	"vouch-member":      {api.Administrator},
	"suspend-member":    {api.Administrator},
	"restore-member":    {api.Administrator},
	"leave-network":     {api.Administrator},
	"propose-parameter": {api.Administrator}, "vote-parameter": {api.Administrator}, "list-proposals": readers,
	"open-bilateral":   {api.Administrator},
	"export-bilateral": {api.Administrator},
	"rotate-channel":   {api.Administrator}, "rotate-key": {api.Administrator},
	// Which commands a role may bring is in the table of authority (maySign).
	"prepare-command": {api.Administrator, api.ProductManager, api.Clerk, api.Finance},
	"submit-command":  {api.Administrator, api.ProductManager, api.Clerk, api.Finance},
	"add-delegate":    {api.Administrator}, "revoke-delegate": {api.Administrator},

	"end-bilateral":     {api.ProductManager},
	"close-divergence":  {api.ProductManager},
	"propose-agreement": {api.ProductManager}, "amend-agreement": {api.ProductManager}, "adopt-suggestion": {api.ProductManager}, "accept-agreement": {api.ProductManager},
	"reject-agreement": {api.ProductManager}, "end-agreement": {api.ProductManager},
	"propose-sheet": {api.ProductManager}, "acknowledge-sheet": {api.ProductManager, api.Engineer}, "accept-sheet": {api.ProductManager}, "reject-sheet": {api.ProductManager}, "withdraw-sheet": {api.ProductManager},
	"place-order": {api.ProductManager}, "accept-order": {api.ProductManager}, "reject-order": {api.ProductManager},
	"cancel-order": {api.ProductManager}, "charge-order": {api.ProductManager}, "reschedule-order": {api.ProductManager}, "deliver-order": {api.ProductManager}, "fail-order": {api.ProductManager},
	"list-products": readers, "get-product": readers, "suspend-product": {api.ProductManager}, "resume-product": {api.ProductManager},
	"suspend-order": {api.ProductManager}, "resume-order": {api.ProductManager}, "end-order": {api.ProductManager},

	"import-usage": {api.Engineer}, "close-periods": {api.Engineer}, "post-anchor": {api.Engineer, api.Administrator},
	"request-rating": {api.Clerk, api.Engineer, api.Finance},
	"apply-deadline": {api.Clerk, api.Engineer, api.Finance},
	"record-file":    {api.Clerk, api.Engineer},

	"list-measurements": readers, "get-measurement": readers, "state-measurement": {api.Clerk, api.Engineer}, "import-readings": {api.Engineer},
	"propose-measurement": {api.Clerk}, "accept-measurement": {api.Clerk}, "reject-measurement": {api.Clerk},
	"list-bills": readers, "get-bill": readers, "list-due-bills": readers, "list-items": readers, "list-deadlines": readers,
	"request-bill": {api.Clerk, api.Engineer, api.Finance}, "submit-bill": {api.Clerk, api.Engineer, api.Finance}, "dispute-items": {api.Finance},

	"list-tickets": readers, "get-ticket": readers, "acknowledge-ticket": {api.Engineer}, "progress-ticket": {api.Engineer}, "ask-ticket": {api.Engineer},
	"resolve-ticket": {api.Engineer}, "close-ticket": {api.Engineer}, "list-incidents": readers,
	"list-own-tickets": readers, "get-own-ticket": readers, "open-ticket": {api.Engineer, api.ProductManager}, "note-own-ticket": {api.Engineer, api.ProductManager},
	"close-own-ticket": {api.Engineer, api.ProductManager}, "reopen-own-ticket": {api.Engineer, api.ProductManager}, "cancel-own-ticket": {api.Engineer, api.ProductManager}, "put-incident": {api.Engineer},

	"correct-period":     {api.Clerk, api.ProductManager},
	"acknowledge-signal": {api.Clerk, api.Engineer}, "dismiss-signal": {api.Clerk, api.Engineer},

	"propose-decision": {api.Clerk}, "assign-dispute": {api.Clerk, api.Finance}, "accept-decision": {api.Clerk}, "reject-decision": {api.Clerk},

	"accept-invoice": {api.Finance}, "dispute-invoice": {api.Finance}, "reject-invoice": {api.Finance},
	"propose-netting": {api.Finance}, "accept-netting": {api.Finance}, "reject-netting": {api.Finance},
	"list-own-accounts": readers, "list-payees": readers, "list-due-payments": readers, "list-carried": readers, "list-payment-runs": readers, "get-payment-run": readers,
	"list-bank-files": readers, "list-received": readers, "list-payment-exceptions": readers,
	"propose-payee": {api.Finance}, "approve-payee": {api.Finance}, "reject-payee": {api.Finance},
	"create-payment-run": {api.Finance}, "approve-payment-run": {api.Finance}, "cancel-payment-run": {api.Finance}, "export-payment-run": {api.Finance},
	"import-bank-file": {api.Finance}, "resolve-payment": {api.Finance}, "approve-resolution": {api.Finance},
	"open-obligations": {api.Finance}, "advise-payment": {api.Finance}, "confirm-payment": {api.Finance}, "decline-payment": {api.Finance},

	"list-deposits": readers, "get-deposit": readers, "open-deposit": {api.Finance}, "top-up-deposit": {api.Finance},
	"release-deposits": {api.Finance}, "exit-deposits": {api.Finance},
	"get-own-reputation": readers, "get-reputation": readers, "commit-pseudonym": {api.Administrator}, "state-reputation": {api.Finance},
	"list-credential-lists": readers, "get-credential-list": readers, "get-credential-proof": readers, "verify-credential": {api.Finance},
	"advise-payments": {api.Finance}, "hold-payment": {api.Finance}, "release-payment": {api.Finance}, "verify-partner": {api.Finance},
}

// permit refuses an operation to a role that the table does not name for it.
// Code: forbidden.
func permit(who api.Actor, operation string) error {
	roles := allowed[operation]
	if slices.Contains(roles, who.Role) {
		return nil
	}
	return fault.Newf(fault.Forbidden, "use a token with the role "+spoken(roles), "the role %s may not do this (%s)", who.Role, operation)
}

// Operations lists the operations of this node that a role may use, by id, without
// those about what the node has not: banks, neighbours, tickets. It would refuse them all.
func (h *Handler) Operations(r api.Role) []string {
	return slices.DeleteFunc(h.s.operations(r), func(id string) bool { return h.s.lacks(h.s.at[id]) })
}

// lacks reports whether an operation is about what this node has not.
func (s *server) lacks(path string) bool {
	for _, part := range []struct {
		has   bool
		under []string
	}{
		{s.Treasury != nil, []string{"/v1/payments/"}},
		{s.Market != nil, []string{"/v1/services", "/v1/inquiries"}},
		{s.Troubles != nil, []string{"/v1/tickets", "/v1/incidents"}},
	} {
		if !part.has && slices.ContainsFunc(part.under, func(p string) bool { return strings.HasPrefix(path, p) }) {
			return true
		}
	}
	return false
}

func (s *server) operations(r api.Role) []string {
	out := []string{}
	for _, id := range slices.Sorted(maps.Keys(s.served)) {
		if slices.Contains(allowed[id], r) {
			out = append(out, id)
		}
	}
	return out
}

// spoken lists roles for people.
func spoken(roles []api.Role) string {
	out := ""
	for i, r := range roles {
		switch {
		case i == 0:
		case i == len(roles)-1:
			out += " or "
		default:
			out += ", "
		}
		out += string(r)
	}
	return out
}
