package faultconn

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// mechanism reads the client id and then the mechanism of a SASL handshake.
func mechanism(body []byte) string {
	r := kbin.Reader{Src: body}
	r.NullableString()
	return r.String()
}

// refuse answers a wrong password as a broker of Apache Kafka does. kfake only
// closes the connection.
func (c *Conn) refuse() {
	c.mu.Lock()
	r, text := c.pending[0], reason(c.mechanism)
	c.mu.Unlock()
	resp := kmsg.NewPtrSASLAuthenticateResponse()
	resp.SetVersion(r.version)
	resp.ErrorCode, resp.ErrorMessage = kerr.SaslAuthenticationFailed.Code, &text
	frame := make([]byte, header, 256)
	if resp.IsFlexible() {
		frame = append(frame, 0) // no tags
	}
	frame = resp.AppendTo(frame)
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))      //nolint:gosec // small
	binary.BigEndian.PutUint32(frame[4:], uint32(r.correlation)) //nolint:gosec // as the protocol has it
	_ = c.SetWriteDeadline(time.Now().Add(refusalWrite))
	_, _ = c.Conn.Write(frame) // the client may be gone
}

func reason(mechanism string) string {
	if mechanism == "PLAIN" {
		return "Authentication failed: Invalid username or password"
	}
	return fmt.Sprintf("Authentication failed during authentication due to invalid credentials with SASL mechanism %s", mechanism)
}
