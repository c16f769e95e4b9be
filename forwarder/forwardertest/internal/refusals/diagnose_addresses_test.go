package refusals

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// TestDiagnose_addresses: of a name with several addresses each one is walked to, and
// one that is of use suffices.
func TestDiagnose_addresses(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3), forwardertest.WithBrokerConfig("min.insync.replicas", "2"),
		forwardertest.WithCertificate(forwardertest.WithCertHosts("kafka.example.com", "127.0.0.1")))
	_, port, _ := net.SplitHostPort(k.Servers()[0])
	s := k.Settings()
	s.BootstrapServers = "kafka.example.com:" + port
	answerNames(t, "127.0.0.1", "127.0.0.1", "127.255.255.254") // nothing listens at the last

	report := forwarder.Diagnose(t.Context(), s)
	const server = "kafka.example.com:"
	assert.Equal(t, "127.0.0.1:"+port+", 127.0.0.1:"+port+", 127.255.255.254:"+port, check(t, report, "resolve", server).Found)
	var statuses []forwarder.CheckStatus
	for _, c := range report.Checks {
		if c.Step == "connect" && strings.HasPrefix(c.Target, server) {
			statuses = append(statuses, c.Status)
		}
	}
	assert.Equal(t, []forwarder.CheckStatus{forwarder.CheckOK, forwarder.CheckOK, forwarder.CheckWarning}, statuses)
	assert.Equal(t, forwarder.CheckWarning, report.Status(), report)
	assert.Equal(t, "1 of 1 server can be used", check(t, report, "bootstrap", "").Found)
	assert.Eventually(t, func() bool { return k.Connections() == 0 }, time.Minute, 10*time.Millisecond, "those that are not needed are closed, too")
}

// answerNames has this process resolve every name to these addresses, until the test
// ends.
func answerNames(t *testing.T, addresses ...string) {
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go answerQueries(theirs, addresses)
		return ours, nil
	}}
}

// answerQueries answers the questions of a DNS client (RFC 1035, with the lengths of
// its section 4.2.2).
func answerQueries(c net.Conn, addresses []string) {
	defer c.Close()
	be := binary.BigEndian
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		query := make([]byte, be.Uint16(size[:]))
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		const head, a, in = 12, 1, 1
		end := head + strings.IndexByte(string(query[head:]), 0) + 1 + 4 // behind name, type and class
		answer := append([]byte(nil), query[:end]...)
		be.PutUint16(answer[2:], 0x8180) // an answer without an error
		list := addresses
		if be.Uint16(query[end-4:]) != a {
			list = nil
		}
		be.PutUint16(answer[6:], uint16(len(list)))
		be.PutUint32(answer[8:], 0) // nothing else
		for _, address := range list {
			answer = be.AppendUint16(answer, 0xc00c) // the name, as in the question
			answer = be.AppendUint16(answer, a)
			answer = be.AppendUint16(answer, in)
			answer = be.AppendUint32(answer, 0) // not to be kept
			answer = be.AppendUint16(answer, 4)
			answer = append(answer, netip.MustParseAddr(address).AsSlice()...)
		}
		if _, err := c.Write(append(be.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}
