package receiver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// An exchange is one request and what is known of it so far.
type exchange struct {
	r     *Receiver
	door  Door
	w     http.ResponseWriter
	req   *http.Request
	began time.Time
	feed  Feed
	body  bodyReader

	counted bool // it has its place in Stats
}

// bodyTime is how long a body may take to come.
const bodyTime = 5 * time.Second

// A doorway is what differs between doors.
type doorway struct {
	door      Door
	maxBody   int64
	authorize func(ctx context.Context, x *exchange) (answer, error)
	handle    func(ctx context.Context, x *exchange, body []byte) answer
	insecure  answer // for a request that came in clear
	overload  int    // the status for too many requests
}

// serve takes a request through a doorway: the checks that cost little come first,
// and a body is read only of those that may post.
func (r *Receiver) serve(d *doorway, w http.ResponseWriter, req *http.Request) {
	x := exchange{r: r, door: d.door, w: w, req: req, began: r.options.now()}
	ctx := r.deadline.next(req.Context())
	defer func() {
		if p := recover(); p != nil {
			r.options.logger.ErrorContext(ctx, "receiver: a request panicked", "door", string(d.door), "type", fmt.Sprintf("%T", p))
			a := problemAnswer(http.StatusInternalServerError, codeInternal, "internal error")
			a.close = true
			x.send(a)
		}
	}()
	x.send(x.answer(ctx, d))
}

// send counts the request and writes its answer. The answer to a panic of the writer
// itself is a second one, which is not counted.
func (x *exchange) send(a answer) {
	if !x.counted {
		x.counted = true
		x.r.counts.posted(x.door, x.feed.Name, a.status)
	}
	a.write(x.w)
}

func (x *exchange) answer(ctx context.Context, d *doorway) answer {
	control := http.NewResponseController(x.w)
	_ = control.SetReadDeadline(time.Now().Add(min(bodyTime, x.r.options.deadline))) // a writer of a test has none
	if !x.secure() {
		return x.reject(ctx, d.insecure, errors.New("receiver: the request did not come over TLS, nor from a trusted proxy: see WithTrustedProxies"))
	}
	if a, err := d.authorize(ctx, x); err != nil {
		return x.reject(ctx, a, err)
	}
	if !x.r.room.enter() {
		return x.overloaded(ctx, d.overload)
	}
	x.body.room = &x.r.room
	defer func() { x.r.room.leave(x.body.taken) }()
	body, err := x.body.read(x.req, d.maxBody)
	_ = control.SetReadDeadline(time.Time{}) // else it would end the wait for Kafka
	if err != nil {
		return x.unread(ctx, d, body, err)
	}
	return d.handle(ctx, x, body)
}

// overloaded is for requests that there is no room for.
func (x *exchange) overloaded(ctx context.Context, status int) answer {
	a := problemAnswer(status, codeOverload, "too many requests or bytes in flight: try again")
	a.retryAfter = jitter(time.Second, 3*time.Second)
	return x.reject(ctx, a, errNoRoom)
}

// unread is for a body that could not be read, of which body is the beginning.
func (x *exchange) unread(ctx context.Context, d *doorway, body []byte, err error) answer {
	q := Quarantined{Index: -1, Reason: err, Body: body}
	var a answer
	switch broken, isBroken := errors.AsType[*gzipError](err); {
	case errors.Is(err, errNoRoom):
		return x.overloaded(ctx, d.overload)
	case errors.Is(err, errTooLong):
		q.Truncated = true
		a = problemAnswer(http.StatusRequestEntityTooLarge, codeTooLarge, fmt.Sprintf("the body has more than %d bytes", d.maxBody))
		a.close = true
	case errors.Is(err, errEncoding):
		a = problemAnswer(http.StatusUnsupportedMediaType, codeEncoding, "Content-Encoding may be gzip or absent")
	case isBroken:
		a = problemAnswer(http.StatusBadRequest, codeBadRequest, strings.TrimPrefix(broken.Error(), "receiver: "))
	default: // it is not all there, so it was not what is wrong
		a = tryLater("the body did not come in whole, or in time")
		a.close = true
		return x.reject(ctx, a, fmt.Errorf("receiver: reading the body: %w", err))
	}
	return x.refuse(ctx, q, a)
}

// secure reports whether the request came over TLS, or from a proxy that says so.
func (x *exchange) secure() bool {
	if x.req.TLS != nil {
		return true
	}
	host, _, err := net.SplitHostPort(x.req.RemoteAddr)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	client, _, _ := strings.Cut(x.req.Header.Get("X-Forwarded-Proto"), ",") // then come those between proxies
	if err != nil || strings.EqualFold(strings.TrimSpace(client), "http") {
		return false
	}
	addr = addr.Unmap().WithZone("")
	for _, p := range x.r.options.proxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// refuse puts into quarantine what can never be forwarded, and returns a, or that
// the sender is to try again because it could not be kept.
func (x *exchange) refuse(ctx context.Context, q Quarantined, a answer) answer {
	keep := x.r.options.quarantine
	if keep == nil {
		x.r.counts.refuse(x.door, x.feed.Name, fateDiscarded)
	} else {
		q.Door, q.Feed = x.door, x.feed.Name
		if err := guarded("the quarantine", func() error { return keep(ctx, q) }); err != nil {
			x.r.counts.refuse(x.door, x.feed.Name, fateFailed)
			return x.finish(ctx, Info{Index: q.Index, Form: q.Form, Outcome: Failed, Bytes: int64(len(q.Body)), Err: errors.Join(errQuarantine, err)},
				tryLater("this can never be forwarded, and could not be kept elsewhere yet"))
		}
		x.r.counts.refuse(x.door, x.feed.Name, fateQuarantined)
	}
	return x.finish(ctx, Info{Index: q.Index, Form: q.Form, Outcome: Refused, Bytes: int64(len(q.Body)), Err: q.Reason}, a)
}

// reject answers a request of which nothing was looked at, or not all could be.
func (x *exchange) reject(ctx context.Context, a answer, err error) answer {
	return x.finish(ctx, Info{Index: -1, Outcome: Failed, Err: err}, a)
}

// finish reports what became of something, and returns a.
func (x *exchange) finish(ctx context.Context, info Info, a answer) answer {
	info.Door, info.Feed, info.Status = x.door, x.feed.Name, a.status
	info.Duration = x.r.options.now().Sub(x.began)
	for i := range x.r.options.observers {
		if done := x.r.options.observers[i].Done; done != nil {
			done(ctx, info)
		}
	}
	if info.Outcome == Refused || info.Outcome == Failed {
		code := ""
		if len(a.problems) > 0 {
			code = a.problems[0].Code
		}
		// The peer is a proxy's address, if there is one: headers that say more are the
		// client's to write, and may hold anything.
		args := []any{
			"door", string(x.door), "feed", x.feed.Name, "remote", x.req.RemoteAddr,
			"outcome", string(info.Outcome), "status", info.Status, "code", code,
		}
		if info.Index >= 0 { // otherwise it is about the whole request
			args = append(args, "index", info.Index)
		}
		x.r.log.warn(ctx, x.began, string(x.door)+" "+x.feed.Name+" "+code, "receiver: not kept", append(args, "err", info.Err)...)
	}
	return a
}
