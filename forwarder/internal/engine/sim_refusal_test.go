package engine

import (
	"fmt"

	"github.com/IBM/sarama"
)

// A simRefusal is a way in which brokers refuse what they are asked.
type simRefusal struct {
	name string
	left int // times; negative: for ever

	// survivable: although it never ends, everything is settled, and new messages
	// are written.
	survivable bool

	applies func(b *simBroker, call *simCall) bool

	// What happens, of which one is set.
	closes  bool // the connection, and nothing is written
	ignores bool // there is no answer, and nothing is written
	loses   bool // it is done, and the connection closed instead of an answer
	omits   bool // the answer leaves the partition out, and it is written
	code    sarama.KError
	writes  bool // code comes after writing
	changes func(call *simCall)

	hintedEpoch int32 // code comes with a hint that has this leader epoch; 0: it does not
}

// refuse does what a refusal says about call. It returns a text unless call is to
// be handled all the same.
func (s *simCluster) refuse(c *simConn, call *simCall) string {
	for _, r := range s.refusals {
		if r.left == 0 || !r.applies(c.broker, call) {
			continue
		}
		if !r.loses {
			r.left--
		}
		switch {
		case r.closes:
			c.eof = true
			c.dieLocked(errSimReset)
			return r.name + ": EOF"
		case r.ignores:
			call.stage = simIgnored
			return r.name
		case r.changes != nil:
			s.handle(c.broker, call)
			r.changes(call)
			return r.name
		case call.kind != simProduce:
			call.stage = simAnswered
			call.err = r.code
			return fmt.Sprintf("%s [%d]", r.name, int16(r.code))
		}
		for i := range call.parts {
			call.parts[i].refusal = r
		}
		return ""
	}
	return ""
}

// loses reports whether the answer to call, which is safe now, is lost.
func (s *simCluster) loses(c *simConn, call *simCall) bool {
	for _, r := range s.refusals {
		if r.loses && r.left != 0 && r.applies(c.broker, call) {
			r.left--
			call.stage = simAnswered
			c.eof = true
			c.dieLocked(errSimReset)
			return true
		}
	}
	return false
}
