package forwarder

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A refusal is logged with its explanation, once for all brokers that say the same.
func TestRenewalLog(t *testing.T) {
	var out bytes.Buffer
	var count atomic.Int64
	l := newRenewalLog(slog.New(slog.NewTextHandler(&out, nil)), func(addr string, err error) error {
		return fmt.Errorf("%s refused user ann: %w", addr, err)
	}, &count)
	refused := errors.New("wrong password")
	l.refused("b1:9093", refused)
	l.refused("b2:9093", refused)
	l.refused("b2:9093", errors.New("expired"))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	assert.Len(t, lines, 2)
	assert.Equal(t, int64(3), count.Load(), "each counts")
	assert.Contains(t, lines[0], `level=WARN msg="connection not renewed: the old one stays in use" broker=b1:9093 cause="b1:9093 refused user ann: wrong password"`)
	assert.Contains(t, lines[1], `broker=b2:9093 cause="b2:9093 refused user ann: expired"`)
}
