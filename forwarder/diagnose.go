package forwarder

import (
	"context"
	"errors"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
	"github.com/eventferry/eventferry/forwarder/internal/diagnose"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
	"github.com/eventferry/eventferry/forwarder/internal/window"
	"github.com/eventferry/eventferry/settings"
)

// Diagnose looks at every step between s and its topic, and reports what it found
// and what to do: settings, names, connections, TLS, authentication, the brokers'
// versions, every broker that the cluster advertises, the topic, the user's rights,
// a producer id, the topic's configuration, the clock, the folder of the spool, and how
// many windows there may be.
// It takes the options of [New], and needs no working Forwarder. It writes nothing to
// Kafka, and leaves no connection. It makes no folder for a spool, save for an empty one
// beside it, which it removes, to see that it could be made. One that is there and not in
// use is locked for some milliseconds while a sync is timed.
//
// The texts of refusals are those of New, which REFUSALS.md lists; Diagnose tries
// each step once, where New goes on, save that a broker gets two seconds to find a
// producer id. It blocks until all is looked at or ctx has ended, for 30 seconds if
// ctx has no deadline. Then it returns with what it has, and the rest is
// [CheckSkipped]. Functions of options are called as New calls them. It
// connects to each address of each bootstrap server, and to each broker; one
// connection to each server stays open until it returns. For several topics call it
// once for each, as topic_name.
func Diagnose(ctx context.Context, s settings.Settings, opts ...Option) Report {
	ctx, cancel := connect.WithStartTimeout(ctx)
	defer cancel()
	o := newOptions(opts)
	o.connect.Logger = o.logger
	valid, mistakes := o.validSettings(s)
	var probe *connect.Probe
	if mistakes == nil {
		probe, mistakes = connect.New(valid, o.connect)
	}
	return newReport(diagnose.Run(ctx, diagnose.Config{
		Settings: valid, Mistakes: eachOf(mistakes), Probe: probe, OwnDialer: o.connect.Dial != nil,
		Windows: o.diagnosedWindows(valid),
	}))
}

// diagnosedWindows says how many windows there may be by s, which is valid, and o.
func (o *options) diagnosedWindows(s settings.Settings) diagnose.Windows {
	w := diagnose.Windows{
		Length: o.windowLength(s), MostOpen: s.Delivery.MaxBufferedBytes / windowShare / window.Memory,
		MessageBytes: int64(s.Delivery.MaxMessageBytes), Segments: windowSegments, SegmentsNeeded: windowSegments, // as spool.Open makes them
	}
	most := s.Spool.MaxBytes
	if o.spool != nil {
		stats := o.spool.Stats()
		most, w.Segments = stats.MaxBytes, stats.Segments
	}
	w.MostHeld = most / spoolstore.WaitingShare / heldShare
	return w
}

// eachOf returns the errors that [errors.Join] has joined.
func eachOf(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error }) // err itself, and nothing inside
	switch {
	case err == nil:
		return nil
	case !ok || errors.Join(joined.Unwrap()...).Error() != err.Error(): // it may have a text around them
		return []error{err}
	}
	var list []error
	for _, e := range joined.Unwrap() {
		list = append(list, eachOf(e)...)
	}
	return list
}
