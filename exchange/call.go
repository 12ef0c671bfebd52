package exchange

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
)

// Handler answers calls of one kind. from is the node that asks: TLS and its
// signature both say so. The same request may come twice, for a caller whose
// connection broke calls again.
type Handler func(ctx context.Context, from sign.PublicKey, request []byte) ([]byte, error)

// Handle registers the handler for a kind of call. A kind has one handler; a
// second is our own mistake and panics.
func (e *Exchange) Handle(kind string, h Handler) {
	if err := checkKind(kind); err != nil {
		panic(fmt.Sprintf("exchange: handler for %q: %v", kind, err))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.handlers[kind] != nil {
		panic(fmt.Sprintf("exchange: a second handler for %q", kind))
	}
	e.handlers[kind] = h
}

// Call asks a partner and returns its answer. It tries once: when the code is
// no-answer or unavailable the partner may or may not have acted. The
// partner's own faults come back with their code. Without a deadline in ctx
// the partner's silence ends it.
func (e *Exchange) Call(ctx context.Context, to Peer, kind string, body []byte) ([]byte, error) {
	if err := checkKind(kind); err != nil {
		return nil, err
	}
	if err := e.checkAddress(to); err != nil {
		return nil, err
	}
	if len(body) > MaxMessage {
		return nil, tooLong("request")
	}
	if !e.opts.Allow(to.Key) {
		return nil, fault.New(fault.Forbidden, "the partner's node key is not registered", "wait until the partner is admitted")
	}
	e.mu.Lock()
	if e.state == closed {
		e.mu.Unlock()
		return nil, errClosed()
	}
	client := e.peer(to.Key).client
	e.mu.Unlock()

	q := request{From: e.self, To: to.Key, Kind: kind, Body: body}
	if _, err := rand.Read(q.Nonce[:]); err != nil {
		return nil, err
	}
	message := canon.Must(q)
	frame := appendFrame(nil, encodeSigned(e.opts.Key, requestTag, message))
	var a answer
	err := e.roundTrip(ctx, client, to, pathCall, io.NopCloser(bytes.NewReader(frame)), int64(len(frame)), func(r io.Reader) error {
		data, err := readFrame(r, maxCall)
		if err != nil {
			return err
		}
		a, err = decodeAnswer(data, to.Key, canon.Sum(requestTag, message))
		return err
	})
	if err != nil {
		return nil, err
	}
	if a.Fault != nil {
		return nil, a.Fault.err()
	}
	return a.Body, nil
}

// decodeAnswer gives the answer of a node to that very request.
func decodeAnswer(data []byte, from sign.PublicKey, to canon.Hash) (answer, error) {
	var a answer
	message, err := decodeSigned(data, from, answerTag)
	if err != nil {
		return a, err
	}
	if err := canon.Decode(message, &a); err != nil {
		return a, err
	}
	if a.Request != to {
		return a, fault.New(CodeWrongNode, "the partner's answer belongs to another request", "ask again")
	}
	if len(a.Body) > MaxMessage {
		return a, tooLong("answer")
	}
	return a, nil
}

// decodeRequest gives the request that from has signed for us.
func decodeRequest(data []byte, from, to sign.PublicKey) (q request, id canon.Hash, err error) {
	message, err := decodeSigned(data, from, requestTag)
	if err != nil {
		return q, id, err
	}
	if err := canon.Decode(message, &q); err != nil {
		return q, id, err
	}
	if q.From != from || q.To != to {
		return q, id, fault.New(CodeWrongNode, "the request is between other nodes", "sign the request for this node")
	}
	if err := checkKind(q.Kind); err != nil {
		return q, id, err
	}
	if len(q.Body) > MaxMessage {
		return q, id, tooLong("request")
	}
	return q, canon.Sum(requestTag, message), nil
}

func tooLong(what string) error {
	return fault.Newf(CodeTooLarge, "send it as a file", "a %s has at most %d bytes", what, MaxMessage)
}

// serveCall answers one call.
func (e *Exchange) serveCall(w http.ResponseWriter, r *http.Request, from sign.PublicKey) {
	data, err := readFrame(r.Body, maxCall)
	if err != nil {
		e.broken(w, from, err)
		return
	}
	q, id, err := decodeRequest(data, from, e.self)
	if err != nil {
		e.opts.Log.Warn("call refused", "peer", from.Short(), "code", fault.CodeOf(err))
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	a := answer{Request: id}
	e.mu.Lock()
	h := e.handlers[q.Kind]
	e.mu.Unlock()
	if h == nil {
		err = fault.Newf(CodeUnknownKind, "upgrade the older of the two nodes", "no handler for calls of kind %s", q.Kind)
	} else {
		a.Body, err = h(r.Context(), from, q.Body)
	}
	if err == nil && len(a.Body) > MaxMessage {
		err = tooLong("answer")
	}
	if err != nil {
		e.opts.Log.Warn("call failed", "peer", from.Short(), "kind", q.Kind, "code", fault.CodeOf(err), "err", err, "cause", causeOf(err))
		a.Body, a.Fault = nil, problemOf(err)
	}
	e.answer(w, encodeSigned(e.opts.Key, answerTag, canon.Must(a)))
}
