package receiver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/eventferry/eventferry/batch"
)

// The paths of the Events API. Another form of them, with an escape or a slash too
// many, is another path.
const (
	eventsPath     = "/v2/events"
	bulkPath       = "/v2/bulkevents"
	historicalPath = "/v2/bulkevents/historical"
)

// ServerAPI returns the handler for mParticle's Events API, to which its server
// SDKs post unchanged once their base URL is https://host/v2. It takes POST
// /v2/events with one batch, /v2/bulkevents with an array of batches and, with
// [WithHistorical], /v2/bulkevents/historical. Behind another path,
// [http.StripPrefix] helps.
//
// Credentials are the API key and a secret of its feed, by HTTP Basic. The answers:
//
//	202  every batch is kept: in the spool, if there is one, or acknowledged by Kafka,
//	     or dropped by a filter or a setting, or kept before. Of a bulk request it may
//	     say no more than that the good batches are: the observer is told of the others
//	400  no JSON, or no batch; an event without event_type or data, a bad mpid or
//	     environment; an empty bulk request, or one of too many batches, or of bad ones
//	     only; a batch that Kafka refuses for its own sake
//	401  no Authorization
//	403  an unknown API key, a wrong secret, or a request in clear
//	404, 405, 415  another path, method or Content-Encoding
//	413  a body of more than Limits.ServerBody bytes, or an event too large for Kafka
//	429  too much is in flight, with Retry-After: the answer that brakes SDKs
//	503  everything else that may work later, with Retry-After; of a bulk request as a
//	     whole if one of its batches is not kept yet
//	500  a panic of code of the caller's
//
// Batches become what mParticle would send on: see the package's documentation for
// the members that change, and [WithInboundFormat] for leaving them.
//
// A batch with a source_request_id of the last hour, in the same feed, is kept only
// once. Of a bulk request that was answered 503 the batches that were kept are
// remembered for ten minutes, so that the same body, byte for byte, brings only the
// rest. Else a batch that is posted again is another batch.
func (r *Receiver) ServerAPI() http.Handler {
	d := &doorway{
		door:      ServerDoor,
		maxBody:   r.options.limits.ServerBody,
		authorize: authorizeSDK,
		handle:    r.events,
		insecure:  problemAnswer(http.StatusForbidden, codeForbidden, "the request came in clear: post to an https address"),
		overload:  http.StatusTooManyRequests,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.serve(d, w, req) })
}

// authorizeSDK finds the feed by HTTP Basic, for a path and a method that exist.
func authorizeSDK(ctx context.Context, x *exchange) (answer, error) {
	switch path := x.req.URL.EscapedPath(); {
	case path == eventsPath, path == bulkPath, path == historicalPath && x.r.options.historical:
	default:
		return problemAnswer(http.StatusNotFound, codeNotFound, "no such path"), errors.New("receiver: a path that is not of the Events API")
	}
	if x.req.Method != http.MethodPost {
		x.w.Header().Set("Allow", http.MethodPost)
		return problemAnswer(http.StatusMethodNotAllowed, codeMethod, "only POST"), errors.New("receiver: a method other than POST")
	}
	key, secret, ok := x.req.BasicAuth()
	if !ok || key == "" || len(x.req.Header["Authorization"]) != 1 {
		x.w.Header().Set("WWW-Authenticate", `Basic realm="eventferry"`)
		return problemAnswer(http.StatusUnauthorized, codeCredentials, "HTTP Basic with API key and secret is needed"),
			errors.New("receiver: missing credentials")
	}
	feeds, err := x.r.feeds(ctx, key)
	if err != nil {
		return tryLater("credentials cannot be checked: try again"), fmt.Errorf("receiver: looking for feeds: %w", err)
	}
	feed, ok := withSecret(feeds, secret)
	if !ok {
		return problemAnswer(http.StatusForbidden, codeForbidden, "API key or secret is wrong"), errors.New("receiver: wrong credentials")
	}
	feed.APIKey = key
	x.feed = feed
	return answer{}, nil
}

// events takes a body of the Events API.
func (r *Receiver) events(ctx context.Context, x *exchange, body []byte) answer {
	if x.req.URL.EscapedPath() != eventsPath {
		return r.bulkEvents(ctx, x, body)
	}
	b, err := batch.Parse(body)
	if err == nil && !x.body.convert(b.NumEvents()) {
		return x.overloaded(ctx, http.StatusTooManyRequests)
	}
	if err == nil {
		b, err = x.conversion().convert(b)
	}
	if err != nil {
		return x.refuse(ctx, Quarantined{Index: -1, Reason: err, Body: body}, problemAnswer(http.StatusBadRequest, codeBadRequest, err.Error()))
	}
	p := &posting{index: -1, batch: b, form: IncomingBatch, text: body}
	r.claimIncoming(x, p, nil)
	r.identify(ctx, x, p)
	r.keeper.keep(ctx, []*posting{p})
	return x.conclude(ctx, p, http.StatusAccepted)
}

// bulkEvents takes an array of batches.
func (r *Receiver) bulkEvents(ctx context.Context, x *exchange, body []byte) answer {
	bs, bad, err := batch.ParseBulk(body, r.options.limits.Batches)
	if err == nil && len(bs) == 0 {
		err = errors.New("batch: no batches in the array")
	}
	if err != nil {
		return x.refuse(ctx, Quarantined{Index: -1, Reason: err, Body: body}, problemAnswer(http.StatusBadRequest, codeBadRequest, err.Error()))
	}
	events := 0
	for _, b := range bs {
		if b != nil {
			events += b.NumEvents()
		}
	}
	if !x.body.convert(events) {
		return x.overloaded(ctx, http.StatusTooManyRequests)
	}
	ps, refused := x.convertBulk(body, bs, bad)
	all := bulkAnswer{success: http.StatusAccepted, refusals: r.options.strictBulk}
	if len(refused) > 0 && all.refusals {
		return x.refuse(ctx, Quarantined{Index: -1, Form: IncomingBatch, Reason: refused[0].err, Body: body}, refusedAnswer(refused))
	}
	memory := r.bulks.open(idOf(x.door, x.feed.APIKey, []byte(x.req.URL.EscapedPath())), body, x.began)
	for _, p := range ps {
		r.claimIncoming(x, p, memory)
		r.identify(ctx, x, p)
	}
	r.keeper.keep(ctx, ps)
	for _, p := range ps {
		all.add(x.conclude(ctx, p, http.StatusAccepted))
	}
	if all.failed() { // it comes again as a whole
		memory.remember(unidentified(ps), r.options.now())
		return all.answer()
	}
	for _, bad := range refused {
		all.add(x.refuse(ctx, Quarantined{Index: bad.index, Form: IncomingBatch, Reason: bad.err, Body: bad.text}, refusedAnswer([]bulkRefusal{bad})))
	}
	return all.answer()
}

// A bulkRefusal is a batch of a bulk request that can never be forwarded.
type bulkRefusal struct {
	index int
	text  []byte
	err   error
}

// convertBulk converts the batches of a body, and adds those that are refused for
// that to the bad ones. Both lists are in the order of the array.
func (x *exchange) convertBulk(body []byte, bs []*batch.Batch, bad []*batch.BulkError) (ps []*posting, refused []bulkRefusal) {
	end := 0 // of the element before
	for i, b := range bs {
		if b == nil {
			e := bad[0]
			refused = append(refused, bulkRefusal{i, body[e.Start:e.End], e})
			end, bad = e.End, bad[1:]
			continue
		}
		text := b.At().Raw()
		start := end + bytes.IndexByte(body[end:], '{') // behind a comma and white space
		end = start + len(text)
		converted, err := x.conversion().convert(b)
		if err != nil {
			e, ok := errors.AsType[*batch.Error](err)
			if !ok {
				e = &batch.Error{Reason: "cannot be converted"}
			}
			e.Offset += int64(start)
			refused = append(refused, bulkRefusal{i, text, &batch.BulkError{Index: i, Start: start, End: end, Err: e}})
			continue
		}
		ps = append(ps, &posting{index: i, batch: converted, form: IncomingBatch, text: text})
	}
	return ps, refused
}

func refusedAnswer(refused []bulkRefusal) answer {
	a := answer{status: http.StatusBadRequest}
	for _, bad := range refused {
		a.problems = append(a.problems, apiProblem{codeBadRequest, bad.err.Error()})
	}
	return a
}

// claimIncoming claims a batch by its source_request_id. One without an id is a
// repetition only in a bulk request that was kept in part.
func (r *Receiver) claimIncoming(x *exchange, p *posting, memory *openBulk) {
	id := p.batch.At("source_request_id").Raw()
	if len(id) <= len(`""`) || id[0] != '"' {
		p.claim, p.own = memory.claim(p.index)
		return
	}
	p.identified = true
	p.claim, p.own, _ = r.keeper.claim(r.seen, idOf(x.door, x.feed.APIKey, id), contentDigest{}, x.began)
}

// unidentified returns the claims of batches without an id.
func unidentified(ps []*posting) map[int]*claim {
	claims := map[int]*claim{}
	for _, p := range ps {
		if !p.identified {
			claims[p.index] = p.claim
		}
	}
	return claims
}

func (x *exchange) conversion() *conversion {
	return &conversion{
		apiKey:     x.feed.APIKey,
		inbound:    x.r.options.inbound,
		historical: x.req.URL.EscapedPath() == historicalPath,
		received:   x.began,
	}
}
