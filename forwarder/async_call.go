package forwarder

import "context"

// An asyncCall is a call of ForwardAsync: with the caller's function in one piece of
// memory, since there are as many as messages under way.
type asyncCall struct {
	call
	done    func(error)
	counted bool        // among the calls in flight, until done has returned
	stop    func() bool // stops the wait for the end of ctx; nil if that never comes
}

// answerWhenEnded has the caller's function called at the end of the delivery or of
// ctx, whichever comes first. No goroutine waits for them. So thousands of calls that
// wait through an outage cost no goroutines.
func (a *asyncCall) answerWhenEnded() {
	if a.ctx.Done() != nil {
		a.stop = context.AfterFunc(a.ctx, a.contextEnded)
	}
	a.delivery.whenDone(a)
}

func (a *asyncCall) contextEnded() {
	if a.delivery.dropCallback() {
		a.answer(a.withdraw())
	}
}

// deliveryDone implements [doneListener].
func (a *asyncCall) deliveryDone() {
	if a.stop != nil {
		a.stop()
	}
	go a.answerOutcome()
}

func (a *asyncCall) answerOutcome() { a.answer(a.delivery.outcome()) }

// answer reports the call, and tells the caller.
func (a *asyncCall) answer(err error) {
	defer a.f.inFlight.endCall(a.counted)
	done := a.done
	a.done = nil                 // the delivery keeps a until its messages are settled, and would keep what done refers to
	defer func() { done(err) }() // also if the observer ends this goroutine
	_ = a.report(err)
}
