package filters

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"strings"
	"sync"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

// minKeyBytes is the shortest secret that a [Key] may have. RFC 2104 advises at
// least the length of the hash, 32; half of that is out of reach of guessing.
const minKeyBytes = 16

// maxKeyID bounds what stands in front of every pseudonym.
const maxKeyID = 32

// A Key makes pseudonyms.
type Key struct {
	// ID names the key in front of each pseudonym, so that readers know by which
	// key it was made: 1 to 32 ASCII letters, digits, '-', '_' or '.'.
	ID string

	// Secret is the key of HMAC-SHA-256, at least 16 bytes. Who has it can find
	// out which value a pseudonym stands for, by trying values.
	Secret settings.Secret

	// Previous is the key that this one replaces, or nil. While it is set, values
	// become both pseudonyms, the new one first and a space between them, so that
	// readers can learn which old one is which new one.
	Previous *Key
}

// Pseudonymize replaces what the targets name by pseudonyms: the same value always
// becomes the same pseudonym, and no value can be found from its pseudonym without
// the key. A pseudonym is the key's id, a colon and the HMAC-SHA-256 of the value
// in lower-case hexadecimal digits:
//
//	"email": "k1:5d41402abc4b2a76b9719d911017c592ae1f0c1e7e3c0b1d9a6f0e2b8c4d7f90"
//
// The value is the text of a string, as it is written: put addresses into lower
// case before, where that matters. A number, true or false counts by its JSON text.
// Of a list each element is replaced. null and "" stay. Objects, which have no one
// text, are removed. What already is a pseudonym by one of the keys stays, so a
// batch that passes twice is the same as one that passes once; a user who chose a
// pseudonym of this form as a name keeps it.
//
// The user id (mpid) is the key of the message and stays: readers of the topic
// can still tell one user from another.
//
// Source: RFC 2104 and FIPS 198-1. mParticle has no such filter.
func Pseudonymize(key Key, targets ...Target) batch.Filter {
	var m mistakeList
	p := &pseudonymizer{}
	for field, k := "pseudonymize.key", &key; k != nil; k = k.Previous {
		k.check(&m, field)
		if len(p.keys) == 2 {
			m.add(field, "replaces more than one key")
			break
		}
		if len(p.keys) == 1 && p.keys[0].prefix == k.ID+":" {
			m.add(field, "has the id of the key that replaces it")
		}
		p.keys = append(p.keys, prefixedKey{prefix: k.ID + ":", secret: k.Secret})
		field = "pseudonymize.previous_key"
	}
	checkTargets(&m, "pseudonymize", targets)
	return m.build(&editFilter{targets: targets, by: targetEditor{edit: p.replace}})
}

func (k *Key) check(m *mistakeList, field string) {
	legal := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r)
	}
	if k.ID == "" || len(k.ID) > maxKeyID || strings.ContainsFunc(k.ID, func(r rune) bool { return !legal(r) }) {
		m.add(field+"_id", "must be 1 to %d ASCII letters, digits, '-', '_' or '.'", maxKeyID)
	}
	if len(k.Secret.Reveal()) < minKeyBytes {
		m.add(field, "must have at least %d bytes", minKeyBytes)
	}
}

// A pseudonymizer replaces values by pseudonyms.
type pseudonymizer struct {
	keys []prefixedKey
	pool sync.Pool // of *pseudonymMaker
}

// A prefixedKey is a key with what stands in front of its pseudonyms.
type prefixedKey struct {
	prefix string
	secret settings.Secret
}

// replace replaces one value.
func (p *pseudonymizer) replace(v batch.Value, raw []byte, sole bool) (err error) {
	if !sole {
		raw, err = soleRaw(v)
	}
	switch {
	case err != nil || isNothing(raw):
		return err
	case isObjectText(raw):
		return v.Remove()
	case !isArrayText(raw):
		return p.replaceScalar(v, raw)
	}
	for _, element := range v.All() {
		switch raw := element.Raw(); {
		case isNothing(raw):
		case isObjectText(raw) || isArrayText(raw):
			err = element.Remove()
		default:
			err = p.replaceScalar(element, raw)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *pseudonymizer) replaceScalar(v batch.Value, raw []byte) error {
	text, ok := scalarText(raw)
	if !ok || len(text) == 0 || p.made(text) {
		return nil
	}
	maker, ok := p.pool.Get().(*pseudonymMaker)
	if !ok { // the pool is empty
		maker = newPseudonymMaker(p.keys)
	}
	err := v.Set(maker.pseudonym(text)) // which copies it
	p.pool.Put(maker)
	return err
}

// made reports whether text is a pseudonym by these keys.
func (p *pseudonymizer) made(text []byte) bool {
	for more := true; more; {
		var one []byte
		one, text, more = bytes.Cut(text, []byte(" "))
		if !p.madeOne(one) {
			return false
		}
	}
	return true
}

func (p *pseudonymizer) madeOne(text []byte) bool {
	for _, key := range p.keys {
		if digits, ok := bytes.CutPrefix(text, []byte(key.prefix)); ok && isDigest(digits) {
			return true
		}
	}
	return false
}

// isDigest reports whether text is a SHA-256 hash in lower-case digits.
func isDigest(text []byte) bool {
	for _, c := range text {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(text) == 2*sha256.Size
}

// A pseudonymMaker makes one pseudonym after another in the same memory. All by the
// same keys are of one length, and each HMAC that was used before has its key in its
// state already.
type pseudonymMaker struct {
	macs []pseudonymMAC
	sum  [sha256.Size]byte
	made any // a json.RawMessage, so that nothing has to be allocated to pass it on
}

type pseudonymMAC struct {
	hash.Hash
	digits []byte // where they are in made
}

func newPseudonymMaker(keys []prefixedKey) *pseudonymMaker {
	made := json.RawMessage(`"`)
	for i, key := range keys {
		if i > 0 {
			made = append(made, ' ')
		}
		made = append(append(made, key.prefix...), make([]byte, 2*sha256.Size)...)
	}
	made = append(made, '"')
	m := &pseudonymMaker{made: made}
	at := len(`"`)
	for _, key := range keys {
		at += len(key.prefix)
		m.macs = append(m.macs, pseudonymMAC{
			Hash:   hmac.New(sha256.New, []byte(key.secret.Reveal())),
			digits: made[at : at+2*sha256.Size],
		})
		at += 2*sha256.Size + len(" ")
	}
	return m
}

// pseudonym returns the JSON text of what stands for a text. It is good until the
// next one.
func (m *pseudonymMaker) pseudonym(text []byte) any {
	for _, mac := range m.macs {
		mac.Reset()
		mac.Write(text)
		hex.Encode(mac.digits, mac.Sum(m.sum[:0]))
	}
	return m.made
}
