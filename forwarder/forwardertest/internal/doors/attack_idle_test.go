package doors

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The variables of a process that holds idle connections: where to, how many, and a
// file with the authority.
const (
	idleVariable  = "EVENTFERRY_DOORS_IDLE_ADDRESS"
	idleCount     = "EVENTFERRY_DOORS_IDLE_COUNT"
	idleAuthority = "EVENTFERRY_DOORS_IDLE_AUTHORITY"
)

// perIdle bounds the memory of a connection that is idle: buffers of package net/http
// and of TLS, and the stack of a goroutine.
const perIdle = 100 << 10

// Ten thousand connections that are idle after a request, of another process, keep no
// one out, and take no more than their share of memory.
func TestAttack_idleConnections(t *testing.T) {
	const all, others = 10_000, 500
	n := all
	if testing.Short() {
		n = 300
	}
	limit := openFiles()
	if limit > 0 {
		n = min(n, limit-others)
	}
	var idle atomic.Int64
	h := open(t, nil, func(s *http.Server) {
		s.IdleTimeout, s.ReadTimeout, s.ReadHeaderTimeout = time.Hour, time.Hour, time.Hour // handshakes take time on a busy machine
		s.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateIdle {
				idle.Add(1)
			}
		}
	})
	h.stillServes(t)
	before, first := inUse(), idle.Load()
	authority, err := h.kafka.CA().WriteFile(t.TempDir())
	require.NoError(t, err)
	c := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this program
	c.Env = append(os.Environ(), idleVariable+"="+h.addr, idleCount+"="+strconv.Itoa(n), idleAuthority+"="+authority)
	var log strings.Builder
	c.Stderr = &log
	in, err := c.StdinPipe()
	require.NoError(t, err)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	_, err = bufio.NewReader(out).ReadString('\n') // all are open
	require.NoError(t, err, "%s", &log)
	eventually(t, func() bool { return idle.Load()-first >= int64(n) }, "a connection is idle some time after its answer")
	taken := inUse() - before
	t.Logf("%d idle connections take %d KiB each", n, taken/int64(n)>>10)
	assert.Less(t, taken, int64(n)*perIdle+16<<20)
	h.stillServes(t)
	require.NoError(t, in.Close())
	require.NoError(t, c.Wait(), "%s", &log)
	h.stillServes(t)
	if n < all && !testing.Short() {
		t.Skipf("PASSED WITH %d CONNECTIONS ONLY, not %d: the limit of open files is %d", n, all, limit)
	}
}

// inUse returns the memory of heap and stacks.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse) //nolint:gosec // bytes of memory
}

// holdConnections opens connections, each with one request, says so, and holds them
// until standard input ends.
func holdConnections() error {
	n, err := strconv.Atoi(os.Getenv(idleCount))
	if err != nil {
		return err
	}
	pem, err := os.ReadFile(os.Getenv(idleAuthority))
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	config := &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
	const atOnce = 8
	conns, errs := make([]net.Conn, n), make([]error, atOnce)
	var opening sync.WaitGroup
	for w := range atOnce {
		opening.Go(func() {
			for i := w; i < n && errs[w] == nil; i += atOnce {
				conns[i], errs[w] = holdConnection(os.Getenv(idleVariable), config)
			}
		})
	}
	opening.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(os.Stdout, "open"); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	for _, c := range conns {
		_ = c.Close() // the end of the process closes it, too
	}
	return err
}

func holdConnection(addr string, config *tls.Config) (net.Conn, error) {
	c, err := (&tls.Dialer{Config: config}).DialContext(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(c, "GET /webhook HTTP/1.1\r\nHost: door\r\n\r\n"); err != nil {
		return nil, err
	}
	status, closed := readAnswer(c)
	if status != http.StatusMethodNotAllowed || closed {
		return nil, fmt.Errorf("the answer is %d, closed: %t", status, closed)
	}
	return c, nil
}
