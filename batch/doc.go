// Package batch reads, edits and writes batches of customer events in mParticle's
// JSON format. Whatever is not edited stays byte for byte: unknown and repeated
// members, the order of members, the text of numbers, escapes, white space. It uses
// the standard library only.
//
// # Reading
//
// [Parse] checks the bytes of one batch, [ParseBulk] those of a JSON array of
// batches, and [Read] goes through a stream of batches. After that a batch is known
// to be good, so lookups return no errors, only whether something is there:
//
//	b, err := batch.Parse(data)
//	if err != nil {
//		return err // a *batch.Error: what is wrong, and at which byte
//	}
//	user, known := b.UserID()
//	environment, _ := b.At("environment").Text()
//	for _, e := range b.Events() {
//		fmt.Println(user, known, environment, e.Type(), e.Name())
//	}
//
// [Batch.At] and [Event.At] take the names of members one by one, so a dot in a name
// is an ordinary character. They return a [Value], a place in the batch: it can be
// read, edited, or gone through with [Value.All].
//
// An event's type is one of the constants of this package, such as [CustomEvent],
// whatever the case of its letters in the batch, or another text.
//
// # Editing
//
//	err := b.At("context", "location").Remove()   // every one, if there are several
//	err = b.At("user_attributes", "region").Set("eu")
//	n := b.DropEvents("internal", func(e batch.Event) bool { return e.Name() == "ping" })
//
// Edits do not touch the parsed bytes. They are a list of what to leave out and what
// to put in when the batch is written. So nothing else changes, edits may come in any
// order, also during an iteration, and [Batch.Clone] costs next to nothing. The user
// id and the array of events as a whole cannot be edited: they decide where a batch
// goes and how it is split.
//
// The cost of edits grows with their number and hardly more, in whatever order they
// come, also when thousands of members of one object are edited one by one. Reading a
// member goes through its object each time, so All is the way to read many; and each
// call of [Batch.DropEvents] goes through all events.
//
// # Writing
//
// [Batch.AppendJSON] writes the batch, [Batch.AppendEvents] the same envelope with
// only some of the events. Both copy each byte once, into one allocation or a buffer
// of yours. [Batch.Size] and [Batch.EventsSize] return the number of bytes beforehand.
//
// Printing a batch, with any verb of package fmt or in a log, shows its size and none
// of its content. Only encoding/json writes the content: see [Batch.MarshalJSON].
//
// # Filters
//
// A [Filter] gets each batch before it is forwarded: a private copy, so it may edit.
//
//	func europeOnly(_ context.Context, b *batch.Batch) error {
//		if region, _ := b.At("user_attributes", "region").Text(); region != "eu" {
//			return batch.Drop("not in Europe")
//		}
//		b.DropTypes("not wanted", func(t string) bool { return t == batch.Breadcrumb })
//		return b.At("ip").Remove()
//	}
//
// Reasons are reported and counted, so they are constants and never hold data. An error
// that the same batch would bring each time is returned by [MarkPermanent].
//
// # Repeated members
//
// JSON allows several members of one name, and readers disagree about which of them
// counts. Remove therefore removes every occurrence, in all parents of the same name;
// Set leaves one; All visits all. Reading finds the last one, and [Value.Sole] reports
// whether there are others, for a filter that decides about privacy. The members that
// decide about a batch, mpid, events and event_type, must not contradict themselves:
// Parse refuses such a batch.
//
// # Goroutines
//
// Any number of goroutines may read and clone one batch at the same time. An edit must
// not run beside anything else, so give each goroutine that edits a clone.
package batch
