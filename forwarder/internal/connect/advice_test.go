package connect

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestSplit: what was found and what to do are told apart by the format, whatever
// names the text has, and the error's text stays whole.
func TestSplit(t *testing.T) {
	inner := refusef("%s refused %s with %s: %s: %w", "b1:9093", `user "a: b"`, "PLAIN", "wrong password: check it", io.EOF)
	assert.EqualError(t, inner, `b1:9093 refused user "a: b" with PLAIN: wrong password: check it: EOF`)
	for text, tt := range map[string]struct {
		err           error
		found, advice string
	}{
		"advice":        {inner, `b1:9093 refused user "a: b" with PLAIN: EOF`, "wrong password: check it"},
		"wrapped":       {fmt.Errorf("broker 2: %w", inner), `broker 2: b1:9093 refused user "a: b" with PLAIN: EOF`, "wrong password: check it"},
		"no advice":     {refusef("%s: authenticating %s: %w", "b1:9093", "a client", io.EOF), "b1:9093: authenticating a client: EOF", ""},
		"cause only":    {refusef("TLS handshake with %s: %w", "b1:9093", io.EOF), "TLS handshake with b1:9093: EOF", ""},
		"of no package": {errors.New("a: b: c\nd"), `a: b: c\nd`, ""},
		"no server": {
			&noServerError{servers: []string{"b1:9093", "b2:9093"}, failures: []error{errors.New("b1:9093: gone"), errors.New("b2:9093: silent")}},
			"no broker could be reached: b1:9093: gone; b2:9093: silent", "check bootstrap_servers and the network",
		},
		"advice without values": {advisef("%s closed: use %s, or leave: %w", "b1:9093", "SSL", io.EOF), "b1:9093 closed: EOF", "use SSL, or leave"},
	} {
		found, advice := Split(tt.err)
		assert.Equal(t, tt.found, found, text)
		assert.Equal(t, tt.advice, advice, text)
	}
}
