// Package batch reads, edits and writes batches of customer events in
// mParticle's JSON format, and loses nothing of what nobody edits: unknown and
// repeated members, the order of members, the text of numbers, escapes and
// white space stay byte for byte. It uses the standard library only.
//
// # Reading
//
// [Parse] checks the bytes of one batch, and [Read] goes through a stream of
// them. After that a batch is known to be good, so what looks into it returns no
// errors, only whether something is there:
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
// [Batch.At] and [Event.At] take member names one by one, so a dot in a name is
// an ordinary character. What they return is a place: it can be read, edited,
// or gone through with [Value.All].
//
// # Editing
//
//	err := b.At("context", "location").Remove()   // every one, if there are several
//	err = b.At("user_attributes", "region").Set("eu")
//	n := b.DropEvents("internal", func(e batch.Event) bool { return e.Name() == "ping" })
//
// Edits do not touch the parsed bytes. They are a list of what to leave out and
// what to put in when the batch is written, so nothing else changes, they may
// come in any order, also while iterating, and [Batch.Clone] costs next to
// nothing. The user id and the array of events as a whole cannot be edited:
// they decide where a batch goes and how it is split.
//
// # Writing
//
// [Batch.AppendJSON] writes the batch, [Batch.AppendEvents] the same envelope
// with only some of the events. Both copy each byte once, into one allocation or
// a buffer of yours, and [Batch.Size] and [Batch.EventsSize] say beforehand how
// many bytes there will be.
//
// # Filters
//
// A [Filter] gets each batch before it is forwarded. The examples show some.
//
// # Repeated members
//
// JSON allows a member to occur several times, and readers disagree about which
// one counts. So that nothing that should not leave does: removing removes all
// of them, in all parents of the same name; setting leaves one; All visits all.
// Reading one finds the last. Members that decide about a batch, which are mpid,
// events and event_type, must not contradict themselves.
package batch
