package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/examples/internal/demo"
)

// A stranger's first run, in an empty folder: the line for curl works, what it posts is
// printed, and after a kill -9 and another start it is there once. With another Kafka the
// same line works again.
func TestGateway_firstRun(t *testing.T) {
	dir := t.TempDir()
	kafka := ""
	t.Cleanup(func() { // the Kafka is a process of its own, which ends with its folder
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "gateway-demo")))
		if kafka != "" {
			require.Eventually(t, func() bool { return !listens(kafka) }, time.Minute, 10*time.Millisecond, "the Kafka ends")
		}
	})
	p := start(t, dir, nil, "serve")
	curl := `curl --cacert '(\S+)' -H 'Authorization: (.+)' \\\n  -d '(.+)' (https://\S+/webhook)\n`
	line := p.find(t, curl)
	kafka = regexp.MustCompile(`connect +(\S+)`).FindStringSubmatch(p.out.String())[1]
	client := trusting(t, line[1])
	status, text := call(t, client, http.MethodPost, line[4], line[3], line[2])
	require.Equal(t, http.StatusOK, status, text)
	arrived := p.find(t, `arrived: partition \d+ offset 0 key 7346244611012968789\n(.*)\n`)
	assert.Equal(t, demo.Sample, arrived[1])
	p.kill(t)

	p = start(t, dir, nil, "serve")
	assert.Equal(t, line, p.find(t, curl), "the same line works again")
	assert.True(t, listens(kafka), "the Kafka has outlived the gateway")
	again := strings.Replace(line[3], "m-1", "m-2", 1)
	status, text = call(t, client, http.MethodPost, line[4], again, line[2])
	require.Equal(t, http.StatusOK, status, text)
	p.find(t, `arrived: .*\n\Q`+again+`\E\n`)
	assert.Equal(t, 2, strings.Count(p.out.String(), "arrived: "), "%s", &p.out)
	p.end(t)

	require.NoError(t, os.Remove(filepath.Join(dir, "gateway-demo", "gateway.json")))
	require.Eventually(t, func() bool { return !listens(kafka) }, time.Minute, 10*time.Millisecond, "the Kafka ends")
	p = start(t, dir, nil, "serve")
	line = p.find(t, curl)
	kafka = regexp.MustCompile(`connect +(\S+)`).FindStringSubmatch(p.out.String())[1]
	status, text = call(t, trusting(t, line[1]), http.MethodPost, line[4], line[3], line[2])
	require.Equal(t, http.StatusOK, status, text)
	p.find(t, `arrived: .*\n\Q`+demo.Sample+`\E\n`)
	p.end(t)
}

// listens reports whether something takes connections.
func listens(address string) bool {
	c, err := net.DialTimeout("tcp", address, time.Minute) //nolint:noctx // of this machine
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
