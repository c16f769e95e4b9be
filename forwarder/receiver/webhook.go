package receiver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/eventferry/eventferry/batch"
)

// Webhook returns the handler for mParticle's webhook output, whatever its path: a
// POST brings one batch, in the format in which it is forwarded, and not a byte of
// it changes. The header Authorization must be a secret of a feed without API key.
//
// mParticle keeps nothing: it sends again, a limited number of times, what was
// answered 408, 500, 502, 503 or 504 or not at all, and drops what was answered 400,
// 409, 413 or 414. So the answers are:
//
//	200  kept: in the spool, if there is one, or acknowledged by Kafka, or dropped by
//	     a filter or a setting; or the same message_id and body within the last hour
//	400  no batch, or refused by Kafka for its own sake; in quarantine, if there is one
//	401  no secret of a feed
//	405  no POST
//	413  a body of more than Limits.WebhookBody bytes, or an event too large for Kafka;
//	     in quarantine as far as it was read
//	415  neither gzip nor plain; in quarantine
//	503  everything that may work later: Kafka is away, the deadline has passed, too
//	     much is in flight, the request came in clear, the quarantine failed
//	500  a panic of code of the caller's
//
// An array of batches is taken as well, up to Limits.Batches: the good ones are kept,
// and the answer is about the others. A batch of the "Raw Data Feed" is forwarded as
// it is. An alias request goes to the function of [WithAliasRequests], and without
// one is refused with 400.
func (r *Receiver) Webhook() http.Handler {
	insecure := tryLater("the request came in clear: post to an https address")
	insecure.retryAfter = 0 // no retry helps
	d := &doorway{
		door:      WebhookDoor,
		maxBody:   r.options.limits.WebhookBody,
		authorize: authorizeWebhook,
		handle:    r.webhook,
		insecure:  insecure,
		overload:  http.StatusServiceUnavailable,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.serve(d, w, req) })
}

// authorizeWebhook finds the feed by the header Authorization as a whole.
func authorizeWebhook(ctx context.Context, x *exchange) (answer, error) {
	if x.req.Method != http.MethodPost {
		x.w.Header().Set("Allow", http.MethodPost)
		return problemAnswer(http.StatusMethodNotAllowed, codeMethod, "only POST"), errors.New("receiver: a method other than POST")
	}
	feeds, err := x.r.feeds(ctx, "")
	if err != nil {
		return tryLater("credentials cannot be checked: try again"), fmt.Errorf("receiver: looking for feeds: %w", err)
	}
	secret := ""
	if values := x.req.Header["Authorization"]; len(values) == 1 {
		secret = values[0]
	}
	feed, ok := withSecret(feeds, secret)
	if !ok {
		return problemAnswer(http.StatusUnauthorized, codeCredentials, "Authorization is missing or is no secret of a feed"),
			errors.New("receiver: wrong or missing credentials")
	}
	x.feed = feed
	return answer{}, nil
}

// webhook takes a body of the webhook.
func (r *Receiver) webhook(ctx context.Context, x *exchange, body []byte) answer {
	if first := bytes.TrimLeft(body, " \t\r\n"); len(first) > 0 && first[0] == '[' {
		return r.webhookArray(ctx, x, body)
	}
	b, err := batch.Parse(body)
	if err != nil {
		return x.refuse(ctx, Quarantined{Index: -1, Reason: err, Body: body}, problemAnswer(http.StatusBadRequest, codeBadRequest, err.Error()))
	}
	form := formOf(b)
	if form == AliasRequest {
		return x.takeAlias(ctx, -1, body)
	}
	p := &posting{index: -1, batch: b, form: form, text: body}
	r.claimOutgoing(x, p)
	if p.own {
		r.keeper.forwardOne(ctx, p)
	} else {
		p.err = p.claim.wait(ctx)
	}
	return x.conclude(ctx, p, http.StatusOK)
}

// formOf tells what an object is that came by the webhook.
func formOf(b *batch.Batch) Form {
	if raw := b.At("user_identities").Raw(); len(raw) > 0 && raw[0] == '{' {
		return RawDataFeed
	}
	if kind, ok := b.At("request_type").Text(); ok && kind == "alias" && b.NumEvents() == 0 {
		return AliasRequest
	}
	return OutgoingBatch
}

// takeAlias gives an alias request to the caller's function. index is its position in
// an array, or -1.
func (x *exchange) takeAlias(ctx context.Context, index int, body []byte) answer {
	take := x.r.options.alias
	if take == nil {
		reason := errors.New("receiver: an alias request, which is no batch: see WithAliasRequests, or switch off Send Alias Requests")
		return x.refuse(ctx, Quarantined{Index: index, Form: AliasRequest, Reason: reason, Body: body},
			problemAnswer(http.StatusBadRequest, codeAlias, about(index, "an alias request is no batch of events")))
	}
	info := Info{Index: index, Form: AliasRequest, Outcome: Kept, Bytes: int64(len(body))}
	if err := guarded("the handler of alias requests", func() error { return take(ctx, x.feed.Name, body) }); err != nil {
		info.Outcome, info.Err = Failed, err
		return x.finish(ctx, info, tryLater("the alias request was not kept yet: try again"))
	}
	return x.finish(ctx, info, answer{status: http.StatusOK})
}

// claimOutgoing claims a batch by its message_id and its bytes. One without an id
// repeats no other.
func (r *Receiver) claimOutgoing(x *exchange, p *posting) {
	id := p.batch.At("message_id").Raw()
	if len(id) <= len(`""`) || id[0] != '"' {
		p.claim, p.own = &claim{}, true
		return
	}
	digest := sha256.Sum256(p.text)
	p.claim, p.own, p.sameID = r.keeper.claim(r.seen, idOf(x.door, x.feed.Name, id), digest, x.began)
}

// conclude reports one batch and returns the answer to a request that it decides.
func (x *exchange) conclude(ctx context.Context, p *posting, success int) answer {
	v := judge(p)
	if v.outcome == Refused {
		return x.refuse(ctx, Quarantined{Index: p.index, Form: p.form, Reason: p.err, Body: p.text}, problemAnswer(v.status, v.code, about(p.index, v.message)))
	}
	info := Info{Index: p.index, Form: p.form, Outcome: v.outcome, SameID: p.sameID, Events: p.batch.NumEvents(), Bytes: int64(len(p.text)), Err: p.err}
	if v.outcome == Failed {
		a := tryLater(v.message)
		a.close = v.closed
		return x.finish(ctx, info, a)
	}
	return x.finish(ctx, info, answer{status: success})
}

// about returns a message that names the batch by its position in an array; -1: there is
// no array.
func about(index int, message string) string {
	if index < 0 {
		return message
	}
	return fmt.Sprintf("batch: [%d]: %s", index, message)
}

// webhookArray takes several batches at once.
func (r *Receiver) webhookArray(ctx context.Context, x *exchange, body []byte) answer {
	bs, bad, err := batch.ParseBulk(body, r.options.limits.Batches)
	if err != nil {
		return x.refuse(ctx, Quarantined{Index: -1, Reason: err, Body: body}, problemAnswer(http.StatusBadRequest, codeBadRequest, err.Error()))
	}
	var ps []*posting
	var aliases []int
	for i, b := range bs {
		if b == nil {
			continue
		}
		p := &posting{index: i, batch: b, form: formOf(b), text: b.At().Raw()}
		if p.form == AliasRequest {
			aliases = append(aliases, i)
			continue
		}
		r.claimOutgoing(x, p)
		ps = append(ps, p)
	}
	r.keeper.keep(ctx, ps)
	all := bulkAnswer{success: http.StatusOK, refusals: true}
	for _, p := range ps {
		all.add(x.conclude(ctx, p, http.StatusOK))
	}
	for _, i := range aliases {
		all.add(x.takeAlias(ctx, i, bs[i].At().Raw()))
	}
	if !all.failed() { // else all of it comes again
		for _, e := range bad {
			all.add(x.refuse(ctx, Quarantined{Index: e.Index, Reason: e, Body: body[e.Start:e.End]},
				problemAnswer(http.StatusBadRequest, codeBadRequest, e.Error())))
		}
	}
	return all.answer()
}

// A bulkAnswer puts the answers about several batches together.
type bulkAnswer struct {
	success  int
	refusals bool // whether one refusal makes the answer one
	good     int
	bad      []answer // of those that were refused
	later    []answer // of those that may work later
}

func (b *bulkAnswer) add(a answer) {
	switch {
	case a.status < 300:
		b.good++
	case a.status >= 500:
		b.later = append(b.later, a)
	default:
		b.bad = append(b.bad, a)
	}
}

func (b *bulkAnswer) failed() bool { return len(b.later) > 0 }

// answer returns one that is 2xx only if nothing has to come again: of several
// batches, one with an unknown outcome decides.
func (b *bulkAnswer) answer() answer {
	switch {
	case b.failed():
		i := max(0, slices.IndexFunc(b.later, func(a answer) bool { return a.close }))
		return b.later[i]
	case len(b.bad) > 0 && (b.refusals || b.good == 0):
		all := answer{status: b.bad[0].status}
		for _, a := range b.bad {
			if a.status != all.status {
				all.status = http.StatusBadRequest
			}
			all.problems = append(all.problems, a.problems...)
		}
		return all
	}
	return answer{status: b.success}
}
