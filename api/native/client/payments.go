package client

import (
	"bytes"
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
)

const paymentsPath = "/v1/payments/"

// OwnAccounts lists the carrier's own bank accounts.
func (c *Client) OwnAccounts(ctx context.Context) iter.Seq2[wire.OwnAccount, error] {
	return list[wire.OwnAccount](ctx, c, paymentsPath+"own-accounts", nil)
}

// Payees lists where partners are paid.
func (c *Client) Payees(ctx context.Context) iter.Seq2[wire.Payee, error] {
	return list[wire.Payee](ctx, c, paymentsPath+"accounts", nil)
}

// ProposePayee has a partner paid to another account, once another person
// approves it.
func (c *Client) ProposePayee(ctx context.Context, p wire.ProposePayee) (wire.Payee, error) {
	return post[wire.Payee](ctx, c, paymentsPath+"accounts", p)
}

// ApprovePayee puts the account in force that another person has proposed.
func (c *Client) ApprovePayee(ctx context.Context, a wire.AnswerPayee) (wire.Payee, error) {
	return post[wire.Payee](ctx, c, paymentsPath+"accounts/approve", a)
}

// RejectPayee drops a proposed account.
func (c *Client) RejectPayee(ctx context.Context, a wire.AnswerPayee) (wire.Payee, error) {
	return post[wire.Payee](ctx, c, paymentsPath+"accounts/reject", a)
}

// DuePayments lists what is owed and may be paid by a bank. Filter: partner,
// currency.
func (c *Client) DuePayments(ctx context.Context, f Filter) iter.Seq2[wire.DuePayment, error] {
	return list[wire.DuePayment](ctx, c, paymentsPath+"due", f)
}

// Carried lists what the next obligation to each partner takes up of those before.
func (c *Client) Carried(ctx context.Context) iter.Seq2[wire.CarriedRest, error] {
	return list[wire.CarriedRest](ctx, c, paymentsPath+"carried", nil)
}

// PaymentRuns lists payment runs, the newest first. Filter: state.
func (c *Client) PaymentRuns(ctx context.Context, f Filter) iter.Seq2[wire.PaymentRun, error] {
	return list[wire.PaymentRun](ctx, c, paymentsPath+"runs", f)
}

func runPath(id string) string { return paymentsPath + "runs/" + url.PathEscape(id) }

// PaymentRun gives one run.
func (c *Client) PaymentRun(ctx context.Context, id string) (wire.PaymentRun, error) {
	return get[wire.PaymentRun](ctx, c, runPath(id))
}

// CreatePaymentRun makes a run of what is due.
func (c *Client) CreatePaymentRun(ctx context.Context, r wire.CreateRun) (wire.PaymentRun, error) {
	return post[wire.PaymentRun](ctx, c, paymentsPath+"runs", r)
}

// ApprovePaymentRun approves a run that another person has made.
func (c *Client) ApprovePaymentRun(ctx context.Context, id string) (wire.PaymentRun, error) {
	return post[wire.PaymentRun](ctx, c, runPath(id)+"/approve", nil)
}

// CancelPaymentRun drops a run that is not exported.
func (c *Client) CancelPaymentRun(ctx context.Context, id string) (wire.PaymentRun, error) {
	return post[wire.PaymentRun](ctx, c, runPath(id)+"/cancel", nil)
}

// ExportPaymentRun gives the payment file of a run, and has its payments count as
// ordered.
func (c *Client) ExportPaymentRun(ctx context.Context, id string) ([]byte, error) {
	res, err := c.send(ctx, call{method: http.MethodPost, path: runPath(id) + "/export"})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "the node's answer broke off", "ask again: the same file is given").Because(err)
	}
	return data, nil
}

// ImportBankFile takes in a file of a bank.
func (c *Client) ImportBankFile(ctx context.Context, name string, data []byte) (wire.BankIntake, error) {
	var out wire.BankIntake
	err := c.json(ctx, call{method: http.MethodPost, path: paymentsPath + "files", query: Filter{"name": name}.values(), body: bytes.NewReader(data), media: "application/xml"}, nil, &out)
	return out, err
}

// BankFiles lists files of banks that were taken in, the newest first.
func (c *Client) BankFiles(ctx context.Context) iter.Seq2[wire.BankIntake, error] {
	return list[wire.BankIntake](ctx, c, paymentsPath+"files", nil)
}

// Received lists money that came in. Filter: all.
func (c *Client) Received(ctx context.Context, f Filter) iter.Seq2[wire.ReceivedMoney, error] {
	return list[wire.ReceivedMoney](ctx, c, paymentsPath+"received", f)
}

// PaymentExceptions lists what people must decide. Filter: all.
func (c *Client) PaymentExceptions(ctx context.Context, f Filter) iter.Seq2[wire.PaymentException, error] {
	return list[wire.PaymentException](ctx, c, paymentsPath+"exceptions", f)
}

// ResolvePayment proposes what is to become of an exception.
func (c *Client) ResolvePayment(ctx context.Context, id string, r wire.ResolvePayment) (wire.PaymentException, error) {
	return post[wire.PaymentException](ctx, c, paymentsPath+"exceptions/"+url.PathEscape(id)+"/resolve", r)
}

// ApproveResolution carries out what another person has proposed.
func (c *Client) ApproveResolution(ctx context.Context, id string) (wire.PaymentException, error) {
	return post[wire.PaymentException](ctx, c, paymentsPath+"exceptions/"+url.PathEscape(id)+"/approve", nil)
}
