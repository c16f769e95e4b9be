package floor

import (
	"bytes"
	"fmt"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// compressor returns what compresses a batch. What that returns is good until
// it is called again.
//
// The options are those of Sarama 1.61.1. Unlike Sarama it has one buffer for
// all batches, as a floor must not hold what a client could save.
func compressor(codec string) (func(batch []byte) ([]byte, error), error) {
	switch codec {
	case "none":
		return func(batch []byte) ([]byte, error) { return batch, nil }, nil

	case "lz4":
		w := lz4.NewWriter(nil)
		if err := w.Apply(lz4.BlockSizeOption(lz4.Block64Kb)); err != nil {
			return nil, err
		}
		var buf bytes.Buffer
		return func(batch []byte) ([]byte, error) {
			buf.Reset()
			w.Reset(&buf)
			if _, err := w.Write(batch); err != nil {
				return nil, err
			}
			if err := w.Close(); err != nil {
				return nil, err
			}
			return buf.Bytes(), nil
		}, nil

	case "zstd":
		w, err := zstd.NewWriter(nil,
			zstd.WithZeroFrames(true),
			zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(1)),
			zstd.WithEncoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		var buf []byte
		return func(batch []byte) ([]byte, error) {
			buf = w.EncodeAll(batch, buf[:0])
			return buf, nil
		}, nil
	}
	return nil, fmt.Errorf("unknown codec %q", codec)
}
