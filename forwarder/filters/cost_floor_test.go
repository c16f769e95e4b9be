package filters

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"

	"github.com/eventferry/eventferry/batch"
)

// WalkEvents goes through the data of all events and looks at nothing: what every
// filter that reads it takes at least, name by name.
func WalkEvents(b *batch.Batch) {
	for _, e := range b.Events() {
		data, _ := e.At(eventDataPath...).Sole()
		for s := scanMembers(data); s.next(); {
		}
	}
}

// ReadEvents returns a function that reads what a data plan asks of all events, and
// compares it with nothing.
func ReadEvents() func(*batch.Batch) {
	r := newEventReader()
	return func(b *batch.Batch) {
		for _, e := range b.Events() {
			data, _ := e.At(eventDataPath...).Sole()
			r.read(data)
		}
	}
}

// A BarePseudonymizer does what pseudonyms of the identities in a list cannot do
// without, and knows that nothing is repeated or of another shape: it finds them,
// makes one HMAC each, and writes what stands for them with the text around.
type BarePseudonymizer struct {
	mac hash.Hash
	sum [sha256.Size]byte
}

func NewBarePseudonymizer(secret string) *BarePseudonymizer {
	return &BarePseudonymizer{mac: hmac.New(sha256.New, []byte(secret))}
}

// AppendIdentities appends the list of identities of b with pseudonyms in it.
func (p *BarePseudonymizer) AppendIdentities(dst []byte, b *batch.Batch, keyID string, types ...string) []byte {
	list, _ := b.At(userIdentitiesPath...).Sole()
	done := 0
	for element := range elementsOf(list) {
		var identity []byte
		named := false
		for s := scanMembers(element); s.next(); {
			switch string(s.name) {
			case "identity_type":
				named = hasFold(types, string(bytes.Trim(s.value, `"`)))
			case "identity":
				identity = s.value
			}
		}
		if !named || len(identity) < len(`""`) {
			continue
		}
		p.mac.Reset()
		p.mac.Write(identity[1 : len(identity)-1])
		at := cap(list) - cap(identity)
		dst = append(append(append(dst, list[done:at+1]...), keyID...), ':')
		dst = hex.AppendEncode(dst, p.mac.Sum(p.sum[:0]))
		done = at + len(identity) - 1
	}
	return append(dst, list[done:]...)
}
