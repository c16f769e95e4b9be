// Package replay brings batches from files into Kafka, each once and in the order of
// the files, however often the program is killed meanwhile. It is a module of its own,
// so that the library requires neither zstd nor a progress bar.
//
//	f, err := forwarder.New(ctx, s) // with the setting spool.dir
//	...
//	result, err := replay.Run(ctx, f, replay.Options{
//		Files:    os.DirFS("/archive"),
//		Bad:      "/archive-bad.ndjson",
//		Progress: os.Stderr,
//	})
//	...
//	err = f.Shutdown(ctx) // sends what is stored
//
// examples/replay is a whole program.
//
// # Files
//
// All regular files below the root are read, in the order of their paths, so that
// folders named by date come by date. Symbolic links are passed over. A file holds
// batches as mParticle forwards them: one a line, as mParticle's outputs for object
// stores write them, or one after the other with any white space between them, or in
// JSON arrays. Files compressed with gzip or zstd are recognised by their content,
// whatever their name.
//
// # Once, and without a gap
//
// The forwarder must have a spool. Each batch is stored in one record with the position
// behind it in its file, so that no kill comes between the two. When [Run] has ended,
// for whatever reason, the next one with the same spool, in this process or a later
// one, goes on where it was. A file that was read to its end is not read again, unless
// it is not compressed and has grown. The spool remembers positions in
// spool.Options.Remembered files, 100,000 by default.
//
// Files are known by their names: do not rename a file, nor change what was read of it.
// One Run at a time may read an archive.
//
// # What is no batch
//
// What cannot be read as a batch is written to the file [Options].Bad, and the replay
// goes on behind it. So is a batch that the forwarder refuses: because it never can be
// forwarded, or because a filter or a function for headers has failed. Each is one JSON
// object a line:
//
//	file         the path in the archive
//	offset, end  where it lies in the text of the file, after decompression
//	reason       the error
//	refused      true for a batch that the forwarder refused
//	text         its first 64 KiB; in their place bytes, in base64, if that is not UTF-8
//
// The file is synced before the position passes what cannot be read. A refused batch is
// written just afterwards: a kill in between leaves it out. After a mistake in the JSON
// the replay goes on at the next line that may begin a batch. The rest of a compressed
// file that is damaged is one entry, without text.
//
// # What it costs
//
// Memory is bounded by a few times [Options].MaxBatchBytes and 1 MiB, beside the
// forwarder's own, whatever the size of a file. To go on in the middle of a
// compressed file, Run decompresses its beginning again. In a replay of 20 GB the heap
// grew by 19 MB at most:
//
//	EVENTFERRY_REPLAY_BYTES=20000000000 go test -v -run memoryIsFlat_batches ./forwarder/replay
//
// Files are read and parsed beside the storing. On two processors with time for both, a
// replay of batches of 9 KB took place at 0.95 of the rate of Forwarder.StoreAll fed from
// memory. On two with ten times the work that they can do, it was 0.78 in the mean of six
// runs, from 0.69 to 1.02: parsing is work that StoreAll fed from memory has behind it.
//
//	go test -run '^$' -bench Run -benchtime 1x ./forwarder/replay
//
// The timestamps of messages in Kafka are those of the replay. The times in the batches
// stay as they are.
//
// # How it was tried
//
// On three brokers of Apache Kafka 4.3.1 a replay of 112,000 batches, in files of three
// formats with lines that are none, was killed 50 times by SIGKILL, and brokers 13 times
// meanwhile. Each batch was there once, those of a user in the order of the files, and
// each bad line was noted once. With Maven and Java 17, six kills are a part of the tests,
// and this is the long form:
//
//	EVENTFERRY_REPLAY_KILLS=50 go test -v -timeout 30m -run TestApacheKafka_killed ./forwarder/replay
package replay
