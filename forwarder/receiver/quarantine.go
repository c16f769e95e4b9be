package receiver

import (
	"context"
	"errors"
	"fmt"
)

// Quarantined is something that can never be forwarded as it is.
type Quarantined struct {
	Door      Door
	Feed      string // its name
	Index     int    // of the batch in an array or a bulk request; -1 for the body as a whole
	Form      Form
	Reason    error  // names members and offsets, and holds nothing of Body
	Body      []byte // as it came, but decompressed if that was possible; not to be changed
	Truncated bool   // Body is only the beginning: it was too long
}

// A Quarantine keeps what is about to be refused for ever: its sender drops it then.
// Once it has returned nil the request is answered 400, 413 or 415; after an error
// the answer is 503, so that the sender tries again. It may be called from any number
// of goroutines, and several times with the same batch.
type Quarantine func(ctx context.Context, q Quarantined) error

// An AliasHandler takes an alias request: a JSON object as mParticle's documentation
// of alias requests describes it. Once it has returned nil the request counts as
// kept; after an error it is answered 503. It must be safe for concurrent use, heed
// ctx, which ends with the request's deadline, and neither change nor keep body.
type AliasHandler func(ctx context.Context, feed string, body []byte) error

// An Identity is one identity of a user.
type Identity struct {
	Type  string // as in outgoing batches: "customer_id", "email"
	Value string
}

// Identities are those of the user of a batch without a user id.
type Identities struct {
	Feed     string     // the name of the feed
	User     []Identity // in the order of the batch
	DeviceID string     // mp_deviceid, or ""
	Device   []Identity // ids in device_info, in its order; a type is the member's name, such as "ios_idfv"
}

// Identify finds the user id of a batch that has none. It reports false when there
// is no such user: the batch is forwarded without an id. An error has the request
// answered 503, since a batch that lost its id would lose its place among the
// user's. It must be safe for concurrent use, and heed ctx, which ends with the
// request's deadline.
type Identify func(ctx context.Context, ids Identities) (userID int64, ok bool, err error)

var errQuarantine = errors.New("receiver: what can never be forwarded could not be kept in quarantine")

// guarded calls a function of the caller's and turns its panic into an error, of
// which only the type is printed, since its value may hold payload.
func guarded(name string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("receiver: %s panicked (%T)", name, p)
		}
	}()
	return f()
}
