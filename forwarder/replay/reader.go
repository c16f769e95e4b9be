package replay

import (
	"errors"
	"fmt"
	"io"

	"github.com/eventferry/eventferry/forwarder/spool"
)

// A reader cuts the files into chunks.
type reader struct {
	*replay
	out  chan<- chunk
	stop <-chan struct{}

	chunk chunk
	size  int
	held  *piece // the last batch so far: it may be the file's last, which its position says
}

var errStopped = errors.New("chunks are not taken any more")

const (
	chunkBatches = 512
	chunkBytes   = 1 << 20
)

// readAll sends the chunks of all files. It returns nil when it is stopped.
func (r *reader) readAll() error {
	for i, path := range r.archive.paths {
		began := r.done.sum()
		err := r.readFile(path)
		if errors.Is(err, errStopped) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("replay: reading %s: %w", path, err)
		}
		r.done.passed.Add(began + r.archive.sizes[i] - r.done.sum())
	}
	if err := r.send(); !errors.Is(err, errStopped) {
		return err
	}
	return nil
}

// source is the name by which the positions in a file are stored.
func (r *reader) source(path string) string { return r.options.Name + "/" + path }

// Positions are stored as offsets in the text of a file, and as -1 less them once the
// text has ended there.
func (r *reader) from(path string) readTo {
	offset, _ := r.position(r.source(path))
	if offset < 0 {
		return readTo{offset: -1 - offset, whole: true}
	}
	return readTo{offset: offset}
}

func (r *reader) readFile(path string) error {
	from := r.from(path)
	src, err := openSource(r.options.Files, path, from, &r.done, r.stop)
	if errors.Is(err, errWhole) {
		r.chunk.ends++
		return nil
	}
	if err != nil && from.offset == 0 && damaged(err) {
		r.chunk.ends++
		return r.noBatch(piece{file: path, reason: err})
	}
	if err != nil {
		return err
	}
	defer src.close()
	return r.cutFile(path, newSplitter(src.text, from.offset, r.options.MaxBatchBytes))
}

// cutFile sends the batches of a file. Those of a chunk that is not full stay in
// r.chunk, for the next file.
func (r *reader) cutFile(path string, s *splitter) error {
	for {
		p, err := s.next()
		p.file = path
		switch {
		case errors.Is(err, io.EOF):
			r.chunk.ends++
			return r.take(nil, true)
		case err != nil && !damaged(err):
			return err
		case err != nil:
			rest := piece{file: path, reason: fmt.Errorf("the rest cannot be decompressed: %w", err), start: s.offset, end: s.offset}
			r.chunk.ends++
			return errors.Join(r.noBatch(rest), r.take(nil, false))
		case p.batch == nil:
			if err := r.noBatch(p); err != nil {
				return err
			}
			continue
		}
		if r.options.Historical {
			if err := historical(p.batch); err != nil {
				p.batch, p.reason, p.text = nil, err, p.batch.AppendJSON(nil)
				if err := r.noBatch(p); err != nil {
					return err
				}
				continue
			}
		}
		if err := r.take(&p, false); err != nil {
			return err
		}
	}
}

// take adds the batch before p to the chunk. It is the file's last if ends is true.
func (r *reader) take(p *piece, ends bool) error {
	last := r.held
	r.held = p
	if last == nil {
		return nil
	}
	offset := last.end
	if ends {
		offset = -1 - offset
	}
	c := &r.chunk
	c.batches, c.pieces = append(c.batches, last.batch), append(c.pieces, *last)
	c.tags = append(c.tags, spool.Tag{Source: spool.Source{File: r.source(last.file), Offset: offset, Reading: r.reading}})
	r.size += last.batch.Size()
	most := chunkBatches
	if r.options.Rate > 0 {
		most = max(1, min(most, int(r.options.Rate/10)))
	}
	if r.size >= chunkBytes || len(c.batches) >= most {
		return r.send()
	}
	return nil
}

// send sends the chunk, once the bad entries before it are durable.
func (r *reader) send() error {
	if err := r.bad.sync(); err != nil {
		return fmt.Errorf("the file of what is no batch: %w", err)
	}
	select {
	case r.out <- r.chunk:
	case <-r.stop:
		return errStopped
	}
	r.chunk, r.size = chunk{}, 0
	return nil
}

func (r *reader) noBatch(p piece) error {
	if err := r.bad.add(p); err != nil {
		return fmt.Errorf("the file of what is no batch: %w", err)
	}
	return nil
}
