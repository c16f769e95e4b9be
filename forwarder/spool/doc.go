// Package spool is a durable queue of batches on a local disk, for a forwarder.
//
// A forwarder with a spool keeps a promise across a crash: once Store has
// returned nil, the batch is on this disk, and it will be in Kafka once and in
// the user's order, also when this process is killed, brokers fail or the power
// is cut.
//
//	s, err := spool.Open(ctx, "/var/lib/events", spool.Options{})
//	if err != nil {
//		return err
//	}
//	defer s.Close() // after the forwarder
//	f, err := forwarder.New(ctx, cfg, forwarder.WithSpool(s))
//
// Or the setting spool.dir names the folder: then the forwarder opens and closes
// it, and Forwarder.Spool returns it. SPOOL.md beside package forwarder says what
// is promised, what it costs, how large the disk must be, and where "once" ends.
//
// # The folder
//
// A folder belongs to one process at a time: another one gets a [*LockedError].
// It is for the topics of its forwarder as long as anything is in it: a forwarder for
// others refuses it. Do not copy or restore it: what a copy holds may have been sent
// since.
//
// Files are made with the mode 0600 in a folder of 0700. They hold batches in
// clear, after all filters: what must not leave never lies there. Segments are
// used again, so what was delivered stays in them until it is overwritten;
// [Options.ZeroDrained] overwrites it at once.
//
// The folder must be on a local disk whose sync tells the truth. On systems
// other than Linux a sync is the system's own (F_FULLFSYNC on macOS), and costs
// more; Windows has neither a sync of folders nor the lock, so that there the
// program must see to it that one process uses a folder.
package spool
