package sonata

import (
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/internal/pdf"
)

// printBill writes a bill for people, with the amounts as the bill has them.
func printBill(buyer, seller string, b wire.Bill, items []wire.BillItem) []byte {
	var d pdf.Document
	pair := func(name, value string) {
		d.Line(pdf.Cell{Text: name}, pdf.Cell{At: 150, Text: value})
	}
	amount := func(m wire.Money) string { return string(m.Value) + " " + string(m.Unit) }
	d.Bold(pdf.Cell{Text: "Bill " + b.BillNo})
	d.Line()
	pair("From", seller)
	pair("To", buyer)
	pair("Date", shownDay(b.Date))
	pair("Period", shownDay(b.Period.Start)+" to "+shownDay(b.Period.End))
	pair("Billing account", b.Account.ID)
	pair("Payment due", shownDay(b.Due))
	pair("Id", b.ID)
	d.Line()
	d.Bold(pdf.Cell{Text: "Line"}, pdf.Cell{At: 330, Right: true, Text: "Quantity"}, pdf.Cell{At: 410, Right: true, Text: "Rate"}, pdf.Cell{At: 495, Right: true, Text: "Without tax"})
	for _, x := range items {
		d.Line(pdf.Cell{Text: cut(x.Description, 44)}, pdf.Cell{At: 330, Right: true, Text: cut(string(x.Quantity)+" "+x.Unit, 16)},
			pdf.Cell{At: 410, Right: true, Text: string(x.Rate.Value)}, pdf.Cell{At: 495, Right: true, Text: amount(x.Untaxed)})
		d.Line(pdf.Cell{At: 10, Text: cut(x.ProductName+", product "+x.Product.ID+", order "+x.OrderItem.OrderID+", "+x.State, 90)})
	}
	d.Line()
	for _, sum := range []struct {
		name string
		is   wire.Money
	}{{"Without tax", b.Untaxed}, {"Fees", b.Fees}, {"With tax and fees", b.Taxed}, {"Discounts", b.Discounts}, {"Credits", b.Credits}, {"Amount due", b.AmountDue}, {"Still to be paid", b.Remaining}} {
		d.Line(pdf.Cell{At: 250, Text: sum.name}, pdf.Cell{At: 495, Right: true, Text: amount(sum.is)})
	}
	return d.Bytes()
}
