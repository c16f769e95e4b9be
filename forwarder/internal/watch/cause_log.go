package watch

import (
	"maps"
	"sync"
	"time"
)

// A CauseLog says when a cause is due to be logged: causes of one kind once in half a
// minute. The zero value is ready, and any goroutine may use it.
type CauseLog struct {
	mu   sync.Mutex
	last map[string]time.Time // by kind
}

// Due reports whether cause is to be logged now, and takes it for logged then.
func (l *CauseLog) Due(cause error) bool {
	key, now := causeKey(cause), time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.last, func(_ string, at time.Time) bool { return now.Sub(at) >= repeatAfter })
	if _, logged := l.last[key]; logged {
		return false
	}
	if l.last == nil {
		l.last = map[string]time.Time{}
	}
	l.last[key] = now
	return true
}
