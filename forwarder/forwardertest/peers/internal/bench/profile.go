package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/results"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/shares"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
)

// profiled is how long a profile lasts: 100 samples a second make it.
const profiled = 5 * time.Second

// profiles measures where our own process spends its time, with each codec.
func (r *run) profiles(ctx context.Context, k *apache) error {
	codecs := []string{"none", "lz4", "zstd"}
	if r.Quick {
		codecs = codecs[2:]
	}
	usual := r.Measure
	r.Measure = profiled
	defer func() { r.Measure = usual }()
	for _, codec := range codecs {
		path := filepath.Join(r.dir, codec+".pprof")
		c := cell{size: work.KB9(), codec: codec, callers: callers, group: groupOf(work.KB9()), partitions: partitions}
		if _, err := r.measure(ctx, k, c, peer.Forward, path); err != nil {
			return fmt.Errorf("bench: profile with %s: %w", codec, err)
		}
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("bench: %w", err)
		}
		of, err := shares.Of(f)
		_ = f.Close()
		if err != nil {
			return err
		}
		r.results.Profiles = append(r.results.Profiles, results.Shares{Codec: codec, Shares: of})
		r.bar.say(r.Out, "profile with %s", codec)
	}
	return nil
}
