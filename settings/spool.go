package settings

import "time"

// Spool is a durable queue on a local disk (package spool below forwarder). Each
// field says its default, which the zero value stands for.
type Spool struct {
	// The folder of a durable queue on a local disk. With one, a batch is stored
	// there before it is sent, and survives a crash. One process uses a folder.
	// Without one nothing is kept on disk.
	//
	// Beyond the page: Spool Folder. Default: no spool.
	Dir string `json:"dir"`

	// How many bytes the queue may take on the disk. When they are in use,
	// forwarding waits for room. At least eight times max_message_bytes.
	//
	// Beyond the page: Spool Max Bytes. Default: 10737418240.
	MaxBytes int64 `json:"max_bytes"`

	// How long the events of one device wait on the disk, to leave as one batch, such
	// as "10m". From 1s to 1h; 0 lets each batch leave by itself. It needs a spool and
	// send_as_batch.
	//
	// WithWindow of package forwarder says what joins a window and what closes it. The
	// spool is the one of dir, or of forwarder.WithSpool. With forwarder.NewRoutes it is
	// a mistake.
	//
	// Beyond the page: Spool Window. Default: 0s.
	Window time.Duration `json:"window"`
}
