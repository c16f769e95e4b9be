// Package filters has ready-made filters for batches in mParticle's format. They
// know where mParticle writes consent, identities and attributes, and decide as
// its documentation says.
//
//	plan, err := os.ReadFile("plan.json")
//	...
//	f, err := forwarder.New(ctx, s,
//		forwarder.WithFilter("environment", filters.Environment("production")),
//		forwarder.WithFilter("consent", filters.Consent(filters.GDPR("analytics"), filters.CCPA())),
//		forwarder.WithFilter("data plan", filters.DataPlan(plan, filters.Events|filters.EventAttributes)),
//		forwarder.WithFilter("pseudonyms", filters.Pseudonymize(key, filters.Identities("email"))))
//
// # What all of them do
//
// Each is a [batch.Filter] and safe for concurrent use. A filter never changes
// what it does not name, and applied twice it does what it does once. The reasons
// by which it drops are the constants of this package, so they can label metrics.
//
// Filters fail closed. What cannot be read as documented is treated as what must
// not be forwarded: a consent of another shape is none, and so is one that is
// repeated, since readers of JSON disagree about which of the two counts. The
// comment of each filter says what it does with such data.
//
// The user id (mpid) is the key of the message, and no filter changes it.
//
// # Mistakes
//
// A mistake in the arguments, such as a data plan that is not one, is an error of
// forwarder.New, where [Check] finds it. A filter that was built with a mistake
// and runs all the same returns that error, so it forwards nothing.
package filters
