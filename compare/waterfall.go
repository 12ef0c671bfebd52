package compare

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// waterfall leads from their bill to our expectation in one direction and
// currency.
type waterfall struct {
	direction       string
	currency        money.Currency
	theirs, ours    money.Micro
	explained, rest money.Micro
	steps           []fall
}

// fall is one cause's part.
type fall struct {
	*Finding
	title  string
	amount money.Micro
	left   money.Micro // of their bill when this and all before are taken out
}

// waterfalls gives one for each direction and currency, in order.
func (r *Result) waterfalls() []waterfall {
	var out []waterfall
	a := &r.Amount
	for _, direction := range union(a.Ours, a.Theirs) {
		for _, currency := range union(a.Ours[direction], a.Theirs[direction]) {
			w := waterfall{direction: direction, currency: currency, theirs: a.Theirs[direction][currency], ours: a.Ours[direction][currency],
				explained: a.Explained[direction][currency], rest: a.Unexplained[direction][currency]}
			left := w.theirs
			for i := range r.Causes {
				f := &r.Causes[i]
				if f.Cause == Duplicate {
					continue
				}
				amount := f.Amount[direction][currency]
				left -= amount
				w.steps = append(w.steps, fall{f, Titles[i], amount, left})
			}
			out = append(out, w)
		}
	}
	return out
}

// union gives the keys of two maps, in order.
func union[K ~string, V any](a, b map[K]V) []K {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}

// waterfall writes the waterfall in all its forms.
func (w *writing) waterfall() error {
	if err := w.file("waterfall.txt", func(out io.Writer) error {
		_, err := io.WriteString(out, w.result.waterfallText(Look{Width: 100}))
		return err
	}); err != nil {
		return err
	}
	if err := w.file("waterfall.html", w.result.page); err != nil {
		return err
	}
	t, err := w.table("waterfall.csv", "waterfall", "direction", "currency", "step", "cause", "what", "amount", "left", "calls", "testable", "why", "evidence", "destination")
	if err != nil {
		return err
	}
	defer t.discard()
	yesNo := map[bool]string{true: "yes", false: "no"}
	for _, f := range w.result.waterfalls() {
		rows := [][]any{{f.direction, f.currency, "start", nil, w.result.bill, nil, f.theirs, nil, nil, nil, nil, nil}}
		for _, s := range f.steps {
			rows = append(rows, []any{f.direction, f.currency, "cause", string(s.Cause), s.title, s.amount, s.left, s.Calls, yesNo[s.Testable], s.Why, s.Evidence, nil})
		}
		d := &w.result.Causes[atDuplicate]
		rows = append(rows, []any{f.direction, f.currency, "rest", nil, "not explained", f.rest, f.ours, nil, nil, nil, w.result.restEvidence, nil},
			[]any{f.direction, f.currency, "end", nil, expectation, nil, f.ours, nil, nil, nil, nil, nil},
			[]any{f.direction, f.currency, "outside", string(d.Cause), Titles[atDuplicate], d.Amount[f.direction][f.currency], nil, d.Calls, yesNo[d.Testable], d.Why, d.Evidence, nil})
		for _, m := range w.result.remarked() {
			if m.Direction == f.direction && m.Currency == f.currency {
				rows = append(rows, []any{f.direction, f.currency, "invoice", string(m.Cause), m.Detail, m.Amount, nil, m.Calls, nil, nil, "causes/" + m.file() + ".csv", m.Destination})
			}
		}
		for _, r := range rows {
			if err := t.put(r...); err != nil {
				return err
			}
		}
	}
	return t.close()
}

const expectation = "our expectation"

// span is the scale of a waterfall's bars: all that it comes through, with some
// room below, so that small steps of a large bill are seen.
func (w *waterfall) span() (from, to money.Micro) {
	from, to = min(w.theirs, w.ours), max(w.theirs, w.ours)
	for _, s := range w.steps {
		from, to = min(from, s.left), max(to, s.left)
	}
	room := (to - from) / 4
	if room == 0 {
		room = max(to, 1)
	}
	if from >= 0 {
		return max(0, from-room), to
	}
	return from - room, to
}

// bar draws what lies between two amounts in so many characters.
func bar(from, to, a, b money.Micro, width int, ink string) string {
	if width <= 0 {
		return ""
	}
	at := func(m money.Micro) int { return int(float64(m-from) / float64(max(to-from, 1)) * float64(width)) }
	x, y := at(min(a, b)), at(max(a, b))
	if y == x {
		x, y = min(x, width-1), min(x, width-1)+1
	}
	return strings.Repeat(" ", x) + strings.Repeat(ink, y-x)
}

// Look says how a text is shown.
type Look struct {
	Width int  // columns
	Bold  bool // headings stand out, by the codes of a terminal
}

func (l Look) heading(s string) string {
	if l.Bold {
		return "\x1b[1m" + s + "\x1b[0m"
	}
	return s
}

// cut shortens a text to so many characters.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:max(n-1, 0)]) + "…"
}

// wrapped breaks a text into lines, the later ones indented.
func wrapped(s string, width, indent int) string {
	var b strings.Builder
	n := 0
	for i, word := range strings.Fields(s) {
		size := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case n+1+size > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			n = indent
		default:
			b.WriteByte(' ')
			n++
		}
		b.WriteString(word)
		n += size
	}
	return b.String()
}

// columns lines texts up: the first to the left, the others to the right. Rows
// may be shorter than others.
func columns(rows [][]string) string {
	var widths []int
	for _, r := range rows {
		for i, c := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if len(r) == 1 { // a line of text, not of the table
				break
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		for i, c := range r {
			pad := strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(c)))
			switch {
			case i > 0:
				b.WriteString("  " + pad + c)
			case len(r) > 1:
				b.WriteString(c + pad)
			default:
				b.WriteString(c)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// waterfallText draws the waterfalls for people.
func (r *Result) waterfallText(look Look) string {
	var b strings.Builder
	for _, w := range r.waterfalls() {
		from, to := w.span()
		fmt.Fprintf(&b, "%s\n", look.heading(fmt.Sprintf("%s, %s: from their bill to our expectation", w.direction, w.currency)))
		numbers := 0
		for _, m := range []money.Micro{w.theirs, w.ours, w.rest, w.explained, from, to} {
			numbers = max(numbers, len(m.String()))
		}
		numbers = max(numbers, len("theirs - ours"))
		title := max(len(expectation), len(r.bill))
		for _, s := range w.steps {
			if s.amount != 0 {
				numbers = max(numbers, len(s.amount.String()), len(s.left.String()))
				title = max(title, len(s.title))
			}
		}
		title = min(title, max(look.Width-2*numbers-4, 12))
		room := look.Width - title - 2*numbers - 6
		if room < 24 { // the titles give way to the bars, as far as they can
			title = max(min(title, 24), title-(24-room))
			room = look.Width - title - 2*numbers - 6
		}
		if room < 8 {
			room = 0
		}
		line := func(name, amount string, left money.Micro, drawn string) {
			text := fmt.Sprintf("%-*s  %*s  %*s  %s", title, cut(name, title), numbers, amount, numbers, left, drawn)
			fmt.Fprintln(&b, strings.TrimRight(text, " "))
		}
		text := fmt.Sprintf("%-*s  %*s  %*s", title, "", numbers, "theirs - ours", numbers, "left")
		fmt.Fprintln(&b, text)
		line(r.bill, "", w.theirs, bar(from, to, from, w.theirs, room, "█"))
		last := w.theirs
		for _, s := range w.steps {
			if s.amount != 0 {
				line(s.title, s.amount.String(), s.left, bar(from, to, last, s.left, room, "▒"))
				last = s.left
			}
		}
		line("not explained", w.rest.String(), w.ours, map[bool]string{true: bar(from, to, last, w.ours, room, "▒")}[w.rest != 0])
		line(expectation, "", w.ours, bar(from, to, from, w.ours, room, "█"))
		if room > 0 && from != 0 {
			fmt.Fprintf(&b, "bars begin at %s\n", from)
		}
		b.WriteByte('\n')
	}
	if b.Len() == 0 {
		b.WriteString("nothing was rated on either side\n\n")
	}
	b.WriteString(r.remarksText(look))
	b.WriteString(r.volumeText(look))
	for _, section := range r.besides() {
		fmt.Fprintf(&b, "%s\n", look.heading(section.title))
		for i, row := range section.rows {
			if len(row) == 1 {
				section.rows[i][0] = wrapped(row[0], look.Width, 2)
			}
		}
		b.WriteString(columns(section.rows))
		b.WriteByte('\n')
	}
	return b.String()
}

// beside is a list of causes that no bar shows.
type beside struct {
	title string
	rows  [][]string
}

// besides lists the causes without money, those that are not testable and the
// duplicates.
func (r *Result) besides() (out []beside) {
	free := beside{title: "found, without money (calls)"}
	not := beside{title: "not testable"}
	for i := range r.Causes {
		f := &r.Causes[i]
		switch {
		case !f.Testable:
			not.rows = append(not.rows, []string{Titles[i] + ": " + f.Why})
		case f.Cause != Duplicate && f.Calls > 0 && f.Amount.zero():
			free.rows = append(free.rows, []string{Titles[i], fmt.Sprint(f.Calls)})
		}
	}
	twice := beside{title: "outside the sum"}
	if d := &r.Causes[atDuplicate]; d.Calls > 0 {
		twice.rows = append(twice.rows, []string{fmt.Sprintf("%s: %s, which would have added:", Titles[atDuplicate], count(d.Calls, "call"))})
		for _, direction := range union(d.Amount, nil) {
			for _, currency := range union(d.Amount[direction], nil) {
				twice.rows = append(twice.rows, []string{"  " + direction + " " + string(currency), d.Amount[direction][currency].String()})
			}
		}
	}
	for _, b := range []beside{free, twice, not} {
		if len(b.rows) > 0 {
			out = append(out, b)
		}
	}
	return out
}

// zero reports whether no amount is other than zero.
func (s Sums) zero() bool {
	for _, amounts := range s {
		for _, m := range amounts {
			if m != 0 {
				return false
			}
		}
	}
	return true
}

//go:embed waterfall.html
var pageText string

var pageTemplate = template.Must(template.New("waterfall").Funcs(template.FuncMap{"stamp": usage.Stamp}).Parse(pageText))

// pageRemarks is how many remarks a page shows.
const pageRemarks = 50

// page writes the waterfalls as a page that needs nothing else.
func (r *Result) page(out io.Writer) error {
	type drawn struct {
		Name, Class  string
		X, Width     float64
		Y, TextY     int
		Amount, Left string
		Calls        string
		Evidence     string
	}
	type chart struct {
		ID                  int
		Direction, Currency string
		Bars                []drawn
		Height, AxisY       int
		From, To, Summary   string
	}
	const left, scale, high = 250.0, 455.0, 26 // of the drawing: where bars begin, how long they are, one line
	var charts []chart
	for n, w := range r.waterfalls() {
		from, to := w.span()
		at := func(m money.Micro) float64 { return float64(m-from) / float64(max(to-from, 1)) * scale }
		c := chart{ID: n + 1, Direction: w.direction, Currency: string(w.currency), From: from.String(), To: to.String(),
			Summary: fmt.Sprintf("Their bill %s, our expectation %s, difference %s, of which %s is explained.", w.theirs, w.ours, w.theirs-w.ours, w.explained)}
		add := func(d drawn, a, b money.Micro) {
			d.X, d.Width = left+at(min(a, b)), max(at(max(a, b))-at(min(a, b)), 1)
			d.Y = len(c.Bars) * high
			d.TextY = d.Y + 17
			c.Bars = append(c.Bars, d)
		}
		add(drawn{Name: r.bill, Class: "total", Left: w.theirs.String()}, from, w.theirs)
		last := w.theirs
		class := map[bool]string{true: "more", false: "less"}
		for _, s := range w.steps {
			if s.amount == 0 {
				continue
			}
			add(drawn{Name: s.title, Class: class[s.amount > 0], Amount: s.amount.String(), Left: s.left.String(), Calls: fmt.Sprint(s.Calls), Evidence: s.Evidence}, last, s.left)
			last = s.left
		}
		add(drawn{Name: "not explained", Class: "rest", Amount: w.rest.String(), Left: w.ours.String(), Evidence: r.restEvidence}, last, w.ours)
		add(drawn{Name: expectation, Class: "total", Left: w.ours.String()}, from, w.ours)
		c.AxisY = len(c.Bars)*high + 14
		c.Height = c.AxisY + 6
		charts = append(charts, c)
	}
	type section struct {
		Title string
		Rows  [][]string
	}
	var besides []section
	for _, b := range r.besides() {
		besides = append(besides, section{b.title, b.rows})
	}
	type remark struct {
		Remark
		Title, Evidence string
	}
	var remarks []remark
	list := r.remarked()
	for _, m := range list[:min(len(list), pageRemarks)] {
		remarks = append(remarks, remark{m, m.title(), "causes/" + m.file() + ".csv"})
	}
	return pageTemplate.Execute(out, map[string]any{"Remarks": remarks, "MoreRemarks": len(list) - len(remarks), "Invoice": r.bill == billInvoice, "Charts": charts, "Besides": besides, "Learned": r.Learned, "Blocks": r.Blocks, "Result": r})
}
