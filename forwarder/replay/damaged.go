package replay

import (
	"errors"
	"io"
	"io/fs"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// damaged reports whether an error says that the content of a compressed file is
// wrong. Reading it again cannot help then, as it may after an error of the disk.
func damaged(err error) bool {
	if errors.As(err, new(*fs.PathError)) || errors.Is(err, errShorter) {
		return false
	}
	for _, known := range []error{
		io.ErrUnexpectedEOF, gzip.ErrHeader, gzip.ErrChecksum,
		zstd.ErrMagicMismatch, zstd.ErrReservedBlockType, zstd.ErrCompressedSizeTooBig, zstd.ErrBlockTooSmall,
		zstd.ErrWindowSizeExceeded, zstd.ErrWindowSizeTooSmall, zstd.ErrDecoderSizeExceeded, zstd.ErrUnknownDictionary,
		zstd.ErrFrameSizeExceeded, zstd.ErrFrameSizeMismatch, zstd.ErrCRCMismatch, zstd.ErrUnexpectedBlockSize,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return errors.As(err, new(flate.CorruptInputError))
}
