package connect

import (
	"errors"
	"strings"
	"time"
)

// tellAfter is how long brokers are waited for before that is told.
const tellAfter = time.Second

// A longWait is told of once, when brokers take long. The zero value tells no one.
type longWait struct {
	due  <-chan time.Time
	tell func(cause error)
	last error // of a round before
	own  *ownCalls
}

func newLongWait(tell func(cause error), own *ownCalls) *longWait {
	if tell == nil {
		return &longWait{}
	}
	return &longWait{due: time.After(tellAfter), tell: tell, own: own}
}

// tellOf tells of what is known now.
func (w *longWait) tellOf(unreached *noServerError) {
	cause := error(unreached)
	if !unreached.tried {
		cause = w.last
	}
	if cause == nil {
		cause = w.noAnswerYet(unreached.servers)
	}
	w.tell(singleLine(cause))
}

// tellOfLeaders tells that leaders have not answered, which are asked in this
// moment.
func (w *longWait) tellOfLeaders(v topicView) {
	cause := w.last
	if cause == nil {
		var asked []string
		for _, l := range v.leaders {
			if l.addr != v.server {
				asked = append(asked, l.addr)
			}
		}
		cause = w.noAnswerYet(asked)
	}
	w.tell(singleLine(cause))
}

// noAnswerYet says that servers are silent, unless it is the caller who keeps them
// waiting.
func (w *longWait) noAnswerYet(servers []string) error {
	if own := w.own.pending(); own != nil {
		return own
	}
	names := make([]string, len(servers))
	for i, s := range servers {
		names[i] = shown(s)
	}
	return errors.New("no answer yet from " + strings.Join(names, ", "))
}
