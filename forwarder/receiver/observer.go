package receiver

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// A Door is one of the handlers.
type Door string

// The doors.
const (
	WebhookDoor Door = "webhook"
	ServerDoor  Door = "server"
)

// A Form says what was posted.
type Form string

// The forms. Only a batch, in one of its two formats, is forwarded.
const (
	OutgoingBatch Form = "batch"         // as mParticle's outputs have it
	IncomingBatch Form = "incoming"      // of the Events API
	RawDataFeed   Form = "raw_data_feed" // posted to the webhook with user_identities as an object: "Raw Data Feed" is on; forwarded as it is
	AliasRequest  Form = "alias_request" // posted to the webhook: "Send Alias Requests" is on
	UnknownForm   Form = ""              // it was not looked at, or it is none of these
)

// An Outcome says what became of something that was posted.
type Outcome string

// The outcomes. After Kept and Repeated the answer may be 2xx.
const (
	Kept     Outcome = "kept"     // in the spool or in Kafka, or dropped by a filter or a setting; for an alias request: its handler took it
	Repeated Outcome = "repeated" // was kept before
	Refused  Outcome = "refused"  // can never be forwarded, and is in quarantine if there is one
	Failed   Outcome = "failed"   // may work later: posting it again helps
)

// Info describes one thing that was posted. Fields may be added.
type Info struct {
	Door     Door
	Feed     string // its name; "" before the credentials were accepted
	Index    int    // of the batch in an array or a bulk request; -1 for one alone, or for the request as a whole
	Form     Form
	Outcome  Outcome
	SameID   bool  // a batch with this message_id and another body was kept before this new one
	Events   int   // in the batch
	Bytes    int64 // of the batch, or of the body when there is no batch
	Status   int   // of the answer, as far as this batch decides it
	Duration time.Duration
	Err      error // what was wrong; nothing of it is payload
}

// An Observer is a set of functions that are called as requests pass. Any may be
// nil. They run on the goroutines of requests, several at once, so they must be safe
// for concurrent use and must not block. Functions may be added in later versions, so
// name the fields you set.
type Observer struct {
	// Done is called once for each batch, and once for a request that was answered
	// before there was one, before the answer is sent. A request in which code of the
	// caller's panicked may have no call.
	Done func(context.Context, Info)
}

// A sparseLog writes one line for each cause and interval.
type sparseLog struct {
	logger *slog.Logger
	mu     sync.Mutex
	causes map[string]*causeCount
}

type causeCount struct {
	last   time.Time
	silent int
}

// logInterval is how often one cause is logged.
const logInterval = 30 * time.Second

// maxCauses bounds the causes, which are few, as feeds have names of their own.
const maxCauses = 1000

func newSparseLog(l *slog.Logger) *sparseLog {
	return &sparseLog{logger: l, causes: map[string]*causeCount{}}
}

// warn logs text unless the cause was logged less than the interval ago.
func (l *sparseLog) warn(ctx context.Context, now time.Time, cause, text string, args ...any) {
	l.mu.Lock()
	c := l.causes[cause]
	if c == nil {
		if len(l.causes) >= maxCauses {
			clear(l.causes)
		}
		c = &causeCount{}
		l.causes[cause] = c
	} else if now.Sub(c.last) < logInterval {
		c.silent++
		l.mu.Unlock()
		return
	}
	silent := c.silent
	c.last, c.silent = now, 0
	l.mu.Unlock()
	if silent > 0 {
		args = append(args, "not_logged", silent)
	}
	l.logger.WarnContext(ctx, text, args...)
}
