package connect

import (
	"encoding/binary"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/settings"
)

// frame is an answer with correlation id 1.
func frame(code sarama.KError, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(6+len(body)))
	b = binary.BigEndian.AppendUint32(b, 1)
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	return append(b, body...)
}

func classicVersions(list ...[2]int16) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(list)))
	for _, e := range list {
		b = binary.BigEndian.AppendUint16(b, uint16(e[0]))
		b = binary.BigEndian.AppendUint16(b, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(e[1]))
	}
	return b
}

func flexibleVersions(list ...[2]int16) []byte {
	b := binary.AppendUvarint(nil, uint64(len(list)+1))
	for _, e := range list {
		b = binary.BigEndian.AppendUint16(b, uint16(e[0]))
		b = binary.BigEndian.AppendUint16(b, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(e[1]))
		b = append(b, 0) // no tags
	}
	return append(b, 0, 0, 0, 0, 0) // throttle time, no tags
}

func TestAPIVersions(t *testing.T) {
	want := apiVersions{0: 7, 22: 1}
	list := [][2]int16{{0, 7}, {22, 1}}
	throttle := make([]byte, 4)
	unknown := frame(sarama.ErrUnsupportedVersion, classicVersions([2]int16{18, 2}))
	for name, tt := range map[string]struct {
		received []byte
		want     apiVersions
	}{
		"version 0":                  {frame(0, classicVersions(list...)), want},
		"version 1":                  {frame(0, append(classicVersions(list...), throttle...)), want},
		"version 3":                  {frame(0, flexibleVersions(list...)), want},
		"version 3, then others":     {append(frame(0, flexibleVersions(list...)), frame(0, nil)...), want},
		"asked again":                {append(unknown, frame(0, classicVersions(list...))...), want},
		"asked again, no answer yet": {unknown, nil},
		"another error":              {frame(sarama.ErrUnknown, classicVersions(list...)), nil},
		"nothing":                    {nil, nil},
		"incomplete":                 {frame(0, flexibleVersions(list...))[:20], nil},
		"too short":                  {[]byte{0, 0, 0, 4, 0, 0, 0, 1}, nil},
		"no body":                    {frame(0, nil), nil},
		"null array":                 {frame(0, []byte{0}), nil},
		"a count that is not there":  {frame(0, classicVersions(list...)[:10]), nil},
		"a count too many":           {frame(0, []byte{0xff, 0xff, 3, 0, 0}), nil},
		"a tag":                      {frame(0, []byte{2, 0, 0, 0, 0, 0, 7, 1, 0, 0}), nil},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tt.want, (&sniffedConn{received: tt.received}).apiVersions())
		})
	}
}

func FuzzAPIVersions(f *testing.F) {
	f.Add(frame(0, flexibleVersions([2]int16{0, 7})))
	f.Add(append(frame(sarama.ErrUnsupportedVersion, classicVersions()), frame(0, classicVersions([2]int16{0, 7}))...))
	f.Fuzz(func(_ *testing.T, received []byte) {
		c := &sniffedConn{received: received}
		c.apiVersions()
		c.mechanisms()
	})
}

func TestCheckVersions(t *testing.T) {
	const zstdText = "b1:9093 cannot read zstd, which needs Kafka 2.1 or newer: set delivery.compression to none, gzip, snappy or lz4: "
	const oldText = "b1:9093 has no idempotent producer: needs Kafka 0.11 or newer: "
	for name, tt := range map[string]struct {
		versions apiVersions
		codec    settings.Compression
		want     string
	}{
		"unknown":               {nil, "", ""},
		"new":                   {apiVersions{0: 12, 22: 5}, "", ""},
		"the oldest with zstd":  {apiVersions{0: 7, 22: 0}, settings.Zstd, ""},
		"before zstd":           {apiVersions{0: 6, 22: 1}, "", zstdText + sarama.ErrUnsupportedCompressionType.Error()},
		"before zstd, gzip":     {apiVersions{0: 3, 22: 0}, settings.Gzip, ""},
		"before record batches": {apiVersions{0: 2, 22: 0}, settings.Gzip, oldText + sarama.ErrUnsupportedVersion.Error()},
		"without producer ids":  {apiVersions{0: 12}, settings.Gzip, oldText + sarama.ErrUnsupportedVersion.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			s := somewhere
			s.Delivery.Compression = tt.codec
			err := probeOf(t, s, Options{}).checkVersions("b1:9093", tt.versions)
			if tt.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.EqualError(t, err, tt.want)
			assert.True(t, isRefusal(err))
		})
	}
	assert.False(t, apiVersions(nil).beforeSASLAuthenticate())
	assert.True(t, apiVersions{0: 3}.beforeSASLAuthenticate())
	assert.False(t, apiVersions{36: 0}.beforeSASLAuthenticate())
}
