package floor

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"io"
)

const (
	recordSize      = 16 << 10 // of a record's content, the most that TLS allows
	headerSize      = 5
	applicationData = 23 // type of a record
)

// A sealer writes records as TLS 1.3 does.
type sealer struct {
	w      io.Writer
	aead   cipher.AEAD
	iv     [12]byte
	number uint64 // of the next record
	nonce  [12]byte
	buf    []byte // header and sealed content of a record
}

// newSealer returns a sealer with a random key.
func newSealer(w io.Writer) (*sealer, error) {
	s := &sealer{w: w}
	var key [32]byte
	rand.Read(key[:])
	rand.Read(s.iv[:])
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	s.aead, err = cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	s.buf = make([]byte, headerSize, headerSize+recordSize+1+s.aead.Overhead())
	s.buf[0], s.buf[1], s.buf[2] = applicationData, 3, 3
	return s, nil
}

// write seals content in as few records as it fits into and writes them. It may
// write to the byte after content, if there is capacity.
func (s *sealer) write(content []byte) error {
	// The type of a record is sealed as the byte after its content. It takes
	// the place of the byte that is there for the time of sealing, which saves
	// copying the content to put them together.
	n := len(content)
	content = append(content, 0)
	for at := 0; at < n; {
		end := min(at+recordSize, n)
		kept := content[end]
		content[end] = applicationData
		record := s.seal(content[at : end+1])
		content[end] = kept
		if _, err := s.w.Write(record); err != nil {
			return err
		}
		at = end
	}
	return nil
}

// seal returns a record, which is good until seal is called again. Its header is
// authenticated along with it.
func (s *sealer) seal(inner []byte) []byte {
	header := s.buf[:headerSize]
	binary.BigEndian.PutUint16(header[3:], uint16(len(inner)+s.aead.Overhead()))
	s.count()
	return s.aead.Seal(header, s.nonce[:], inner, header)
}

// count makes the nonce of the next record.
func (s *sealer) count() {
	s.nonce = s.iv
	tail := s.nonce[4:]
	binary.BigEndian.PutUint64(tail, binary.BigEndian.Uint64(tail)^s.number)
	s.number++
}
