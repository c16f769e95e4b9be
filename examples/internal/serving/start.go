package serving

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/eventferry/eventferry/forwarder"
)

// Probe has open connect to Kafka, which has no more than patience for it, and closes
// what was opened. A Kafka that cannot be reached is no error: a service with a spool
// stores meanwhile. What somebody has to mend is one. open must not open the spool, whose
// reading takes as long as its disk does: patience is for Kafka alone.
func Probe(ctx context.Context, patience time.Duration, log *slog.Logger, open func(context.Context) (*forwarder.Forwarder, error)) error {
	probe, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f, err := open(probe)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		log.Warn("batches are stored until Kafka can be reached", "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// Certificate has a server show the certificate that two files have at each handshake,
// as it may be renewed. The error is that of the files now.
func Certificate(certFile, keyFile string) (*tls.Config, error) {
	read := func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		certificate, err := tls.LoadX509KeyPair(certFile, keyFile)
		return &certificate, err
	}
	if _, err := read(nil); err != nil {
		return nil, fmt.Errorf("cert_file, key_file: %w", err)
	}
	return &tls.Config{GetCertificate: read, MinVersion: tls.VersionTLS12}, nil
}
