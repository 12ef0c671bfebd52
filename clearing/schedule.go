package clearing

import (
	"cmp"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/usage"
)

// CodeNoAgreement says that no agreement was ever in force under which usage
// could be cleared.
const CodeNoAgreement fault.Code = "no-agreement"

// schedule is how time is cut into billing periods: the terms of the agreements
// with the partner one after the other, oldest first. An amendment or a new
// agreement adds a phase; a terminated agreement keeps its own, because what
// was used under it is still cleared.
type schedule []phase

// phase is one version of an agreement.
type phase struct {
	from      int64 // ms UTC: periods that begin then or later follow it
	agreement string
	terms     agreement.Terms
	calendar  usage.Calendar
}

// readSchedule gathers the versions of all agreements that cover a line, those
// that were terminated included. Code: no-agreement.
func readSchedule(v view, line product.Line, partner string) (schedule, error) {
	var out schedule
	for _, data := range v.Scan(trade.AgreementPrefix) {
		var a agreement.Agreement
		if err := canon.Decode(data, &a); err != nil {
			return nil, err
		}
		if a.State != agreement.Active && a.State != agreement.Terminated || !a.Covers(string(line)) {
			continue
		}
		for _, version := range a.Versions {
			terms, ok, err := get[agreement.Terms](v, trade.TermsKey(version.Terms))
			if err != nil {
				return nil, err
			}
			if !ok {
				return nil, fault.Newf(fault.Corrupt, "stop the node, move its store away and start it again: it is rebuilt from the ledger and the key file", "the terms of agreement %s are missing", a.ID)
			}
			calendar, err := usage.Cycle{Length: terms.Cycle, Zone: terms.Zone}.Calendar()
			if err != nil {
				return nil, err
			}
			out = append(out, phase{version.From, a.ID, terms, calendar})
		}
	}
	if len(out) == 0 {
		return nil, fault.Newf(CodeNoAgreement, "propose one, or accept the partner's", "no agreement with %s covers %s", partner, line)
	}
	slices.SortStableFunc(out, func(a, b phase) int { return cmp.Compare(a.from, b.from) })
	return out, nil
}

// readings gives how a carrier's own records are put right.
func (s schedule) readings(carrier party.Code) agreement.Readings {
	versions := make([]agreement.Reading, len(s))
	for i, p := range s {
		versions[i] = agreement.Reading{From: p.from, Normalisations: p.terms.Normalisations}
	}
	return agreement.ReadingsOf(carrier, versions)
}

// at gives the phase that holds for periods that begin at a moment, the first
// one for earlier moments.
func (s schedule) at(ms int64) *phase {
	i := len(s) - 1
	for i > 0 && s[i].from > ms {
		i--
	}
	return &s[i]
}

// period gives the period that contains a moment.
func (s schedule) period(ms int64) usage.Interval { return s.at(ms).calendar.At(ms) }

// adjusted gives the period by which a statement names the one that a late call
// belongs to: the same, unless another agreement has come between. Then it is
// the period that this agreement would have had.
func (s schedule) adjusted(statement, of usage.Interval) usage.Interval {
	now := s.at(statement.From).agreement
	if s.at(of.From).agreement == now {
		return of
	}
	first := slices.IndexFunc(s, func(p phase) bool { return p.agreement == now })
	return s[first].calendar.At(of.From)
}

// last gives the latest period that ends at or before a moment.
func (s schedule) last(through int64) usage.Interval {
	p := s.period(through - 1)
	if p.To > through {
		p = s.period(p.From - 1)
	}
	return p
}

// moment gives the ms that decides the period of a call. An amendment may turn
// from the ends of calls to their starts; a call across its beginning then lies
// in no period by the letter, and belongs to the last one before.
func (s schedule) moment(start int64, duration uint32) int64 {
	for i := len(s) - 1; ; i-- {
		m := usage.By(s[i].terms.PeriodBy).Moment(start, duration)
		if i > 0 && m < s[i].from {
			continue
		}
		if i+1 < len(s) {
			m = min(m, s[i+1].from-1)
		}
		return m
	}
}

// near reports whether a moment lies within the start tolerance of an edge
// after from and up to through.
func (s schedule) near(moment, from, through int64) bool {
	tolerance := s.at(moment).terms.StartTolerance
	edge := s.period(min(moment+tolerance, through)).From
	return edge > from && edge >= moment-tolerance
}

// earliest is the first moment at which a call of a period may have begun, by
// the terms under which it is stated: the channel takes no rate row that had
// ended by then.
func (p *phase) earliest(of usage.Interval) int64 {
	at := of.From - p.terms.StartTolerance
	if p.terms.PeriodBy == agreement.ByEnd {
		at -= p.terms.LongestCall
	}
	return at
}
