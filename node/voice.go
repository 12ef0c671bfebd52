package node

import (
	"crypto/rand"
	"io"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/clearing"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/line"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// voiceName is the product line that desks clear.
const voiceName = voice.Name

// newMachine makes the state machine with all product lines.
func newMachine() *trade.Machine {
	var lines []trade.Line
	for _, l := range line.All() {
		lines = append(lines, l)
	}
	return trade.New(lines...)
}

// voiceFiles reads the files of the voice line.
type voiceFiles struct{}

// Files implements clearing.Reader.
func (voiceFiles) Files(pair usage.Pair) clearing.Files {
	return voice.NewFiles(voice.Options{Pair: pair})
}

// ReadSheet implements clearing.Reader.
func (voiceFiles) ReadSheet(r io.Reader) (*rating.Sheet, []usage.Reject, error) {
	return voice.ReadSheet(r)
}

func randomHash() (h canon.Hash, err error) {
	_, err = rand.Read(h[:])
	return h, err
}

// carrierOf gives the active member whose node key this is now.
func carrierOf(v channel.View, k sign.PublicKey) (string, bool) {
	data, ok := v.Get(trade.KeyKey(k))
	var use trade.KeyUse
	if !ok || canon.Decode(data, &use) != nil || use.Use != trade.UseNode {
		return "", false
	}
	m, ok := memberOf(v, use.Member)
	if !ok || m.State != party.Active || !m.NodeKey(k, uint64(v.Height)+1) {
		return "", false
	}
	return string(use.Member), true
}

// memberOf gives a member's record.
func memberOf(v channel.View, code party.Code) (m party.Member, ok bool) {
	data, ok := v.Get(trade.MemberKey(code))
	return m, ok && canon.Decode(data, &m) == nil
}
