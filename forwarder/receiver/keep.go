package receiver

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// A posting is one batch of a request on its way to the forwarder.
type posting struct {
	index  int // in the request
	batch  *batch.Batch
	form   Form
	text   []byte // as it came
	claim  *claim
	own    bool // this request forwards it; else it waits for the one that does
	sameID bool
	err    error

	identified bool // it has an id by which repetitions are found
}

var errNoOutcome = errors.New("receiver: the forwarder ended the goroutine of its caller")

// A keeper gives batches to the forwarder, and says what became of them to all that
// wait for the same ones.
type keeper struct {
	forward    func(context.Context, *batch.Batch, ...spool.Tag) error
	forwardAll func(context.Context, []*batch.Batch, ...spool.Tag) []error
	known      func(id string, body [sha256.Size]byte) (same, other bool) // whether it is stored; nil: there is no spool
	now        func() time.Time
}

// claim returns what seen.claim returns, save that a batch which a former process has
// stored is kept already: the answer may not have reached its sender.
func (k *keeper) claim(seen *seenTable, id sourceID, body contentDigest, now time.Time) (c *claim, own, sameID bool) {
	c, own, sameID = seen.claim(id, body, now)
	if !own || k.known == nil {
		return c, own, sameID
	}
	same, other := k.known(string(id[:]), body)
	if same {
		c.settle(nil, nil, k.now())
	}
	return c, !same, sameID || other
}

// tags returns what is stored with a batch, so that a later process knows it.
func (k *keeper) tags(ps ...*posting) []spool.Tag {
	if k.known == nil {
		return nil
	}
	tags := make([]spool.Tag, len(ps))
	for i, p := range ps {
		if c := p.claim; c.table != nil {
			tags[i] = spool.Tag{ID: string(c.id[:]), Digest: c.body}
		}
	}
	return tags
}

// keep gives the batches to the forwarder, in order, and sets the err of each once
// all are decided. A batch that another request forwards is waited for.
func (k *keeper) keep(ctx context.Context, ps []*posting) {
	own := slices.DeleteFunc(slices.Clone(ps), func(p *posting) bool { return !p.own })
	k.forwardOwn(ctx, own)
	for _, p := range ps {
		if !p.own {
			p.err = p.claim.wait(ctx)
		}
	}
}

// forwardOwn forwards batches and settles their claims, whatever happens.
func (k *keeper) forwardOwn(ctx context.Context, own []*posting) {
	switch len(own) {
	case 0:
		return
	case 1:
		k.forwardOne(ctx, own[0])
		return
	}
	bs := make([]*batch.Batch, len(own))
	for i, p := range own {
		bs[i], p.err = p.unsent(), errNoOutcome
	}
	defer func() {
		for _, p := range own {
			k.settle(p.claim, p.err)
		}
	}()
	errs := k.forwardAll(ctx, bs, k.tags(own...)...)
	for i, p := range own {
		p.err = nil
		if errs != nil {
			p.err = errs[i]
		}
	}
}

// forwardOne is forwardOwn for one.
func (k *keeper) forwardOne(ctx context.Context, p *posting) {
	p.err = errNoOutcome
	defer func() { k.settle(p.claim, p.err) }()
	p.err = k.forward(ctx, p.unsent(), k.tags(p)...)
}

// unsent returns the batch without the events that an earlier request has got into
// Kafka.
func (p *posting) unsent() *batch.Batch {
	positions := p.claim.rest()
	if positions == nil {
		return p.batch
	}
	b := p.batch.Clone()
	b.DropEvents("forwarded before", func(e batch.Event) bool { return !slices.Contains(positions, e.Index()) })
	return b
}

// settle says what became of a batch. While its outcome is unknown the claim stays
// pending, so that a batch that is posted again is not forwarded again: it may still
// get into Kafka. A goroutine waits for the outcome, which comes no later than the
// end of the forwarder.
func (k *keeper) settle(c *claim, err error) {
	d, ok := errors.AsType[*forwarder.DeliveryError](err)
	if !ok || !hasUnknown(d) {
		c.settle(err, c.left(d), k.now())
		return
	}
	go func() {
		err := d.Wait(context.Background())
		d, _ := errors.AsType[*forwarder.DeliveryError](err)
		c.settle(err, c.left(d), k.now())
	}()
}

// left returns the positions of the events that are still to be forwarded if some are
// in Kafka: by this delivery, or by an earlier one of which this was to bring the rest.
func (c *claim) left(d *forwarder.DeliveryError) []int {
	if positions := unsentEvents(d); positions != nil {
		return positions
	}
	return c.rest()
}

// withoutBatch returns an error that says the same and does not keep the batch in
// memory, since a claim outlives its request.
func withoutBatch(err error) error {
	if d, ok := errors.AsType[*forwarder.DeliveryError](err); ok {
		return &forwarder.DeliveryError{Messages: d.Messages, Failures: d.Failures}
	}
	return err
}

func hasUnknown(d *forwarder.DeliveryError) bool {
	return slices.ContainsFunc(d.Failures, func(f forwarder.Failure) bool { return f.Outcome == forwarder.Unknown })
}

// unsentEvents returns the positions of the events that are certainly not in Kafka,
// if others of the batch are.
func unsentEvents(d *forwarder.DeliveryError) []int {
	if d == nil || len(d.Failures) == d.Messages {
		return nil
	}
	rest := d.Remaining()
	if rest == nil {
		return nil
	}
	positions := []int{}
	for _, e := range rest.Events() {
		positions = append(positions, e.Index())
	}
	return positions
}

// A postingResult is what an error of the forwarder means to a sender.
type postingResult struct {
	outcome Outcome
	status  int
	code    string
	message string
	closed  bool
}

// judge returns the result: what became of a batch. Its texts name no broker, no
// topic and no filter.
func judge(p *posting) postingResult {
	err := p.err
	switch tooLarge, ok := errors.AsType[*forwarder.TooLargeError](err); {
	case err == nil && p.own:
		return postingResult{outcome: Kept}
	case err == nil:
		return postingResult{outcome: Repeated}
	case ok && forwarder.Permanent(err):
		return postingResult{Refused, http.StatusRequestEntityTooLarge, codeTooLarge, tooLarge.Error(), false}
	case forwarder.Permanent(err):
		return postingResult{Refused, http.StatusBadRequest, codeBadRequest, "Kafka, or a filter, refuses this batch for its own sake", false}
	case errors.Is(err, forwarder.ErrClosed):
		return postingResult{Failed, http.StatusServiceUnavailable, codeUnavailable, "shutting down: try again", true}
	default:
		return postingResult{Failed, http.StatusServiceUnavailable, codeUnavailable, "not kept yet: try again", false}
	}
}
