package diagnose

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
)

// TestSequence: a check that lacks another one is skipped with the name of the first
// that failed, and so is what lacks it in turn.
func TestSequence(t *testing.T) {
	var s sequence
	good, bad := func() finding { return fine("yes") }, func() finding { return failedFor(errors.New("no"), "mend it") }
	s.run(t.Context(), "a", "", nil, good)
	s.run(t.Context(), "b", "x", []string{"a"}, bad)
	s.run(t.Context(), "c", "", []string{"a", "b"}, good)
	s.run(t.Context(), "d", "", []string{"c"}, good)
	s.run(t.Context(), "e", "", []string{"a"}, func() finding { return warn("so so", "look") })
	s.run(t.Context(), "f", "", []string{"e"}, good)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s.run(ended, "g", "", nil, good)
	s.run(t.Context(), "h", "", []string{"g"}, good)
	for i, want := range []Check{
		{Step: "a", Found: "yes"},
		{Step: "b", Target: "x", Status: Failed, Found: "no", Do: "mend it", Err: errors.New("no")},
		{Step: "c", Status: Skipped, Found: "needs b x, which failed"},
		{Step: "d", Status: Skipped, Found: "needs b x, which failed"},
		{Step: "e", Status: Warning, Found: "so so", Do: "look"},
		{Step: "f", Found: "yes"},
		{Step: "g", Status: Skipped, Found: "the context has ended: context canceled"},
		{Step: "h", Status: Skipped, Found: "the context has ended: context canceled"},
	} {
		s.checks[i].Took = 0
		assert.Equal(t, want, s.checks[i])
	}
}

// TestTLSFinding: of several chains that verify, the one that is valid for longest
// counts.
func TestTLSFinding(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	cert := func(name string, days int) *x509.Certificate {
		return &x509.Certificate{Subject: pkix.Name{CommonName: name}, NotAfter: now.Add(time.Duration(days)*day + time.Hour), DNSNames: []string{"b1"}}
	}
	leaf, old, renewed := cert("leaf", 90), cert("old", 10), cert("new", 400)
	state := &tls.ConnectionState{
		Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256,
		VerifiedChains: [][]*x509.Certificate{{leaf, old}, {leaf, renewed}},
	}
	assert.Equal(t, fine(`TLS 1.3, TLS_AES_128_GCM_SHA256; certificate "CN=leaf" for "b1", 90 days left; "CN=new", 400 days left`), tlsFinding(state, nil, now))
	state.VerifiedChains = state.VerifiedChains[:1]
	assert.Equal(t, warn(`TLS 1.3, TLS_AES_128_GCM_SHA256; certificate "CN=leaf" for "b1", 90 days left; "CN=old", 10 days left`,
		`renew certificate "CN=old" before 2026-02-10 13:00:00`), tlsFinding(state, nil, now))
	gone := cert("gone", -6) // but for an hour
	assert.Equal(t, warn(`TLS 1.3, TLS_AES_128_GCM_SHA256; certificate "CN=leaf" for "b1", 90 days left; "CN=new", 400 days left; ours "CN=gone", expired 5 days ago`,
		`renew certificate "CN=gone", which expired on 2026-01-25 13:00:00`),
		tlsFinding(&tls.ConnectionState{Version: state.Version, CipherSuite: state.CipherSuite, VerifiedChains: [][]*x509.Certificate{{leaf, renewed}}}, gone, now))
	state.VerifiedChains, state.PeerCertificates = nil, []*x509.Certificate{cert("own checks", 30)}
	assert.Equal(t, OK, tlsFinding(state, nil, now).status, "30 days are enough")
	state.PeerCertificates = []*x509.Certificate{cert("own checks", 29)}
	assert.Equal(t, Warning, tlsFinding(state, nil, now).status)
}

func TestReplicasFinding(t *testing.T) {
	part := func(id, leader int32, replicas, inSync int) *sarama.PartitionMetadata {
		return &sarama.PartitionMetadata{ID: id, Leader: leader, Replicas: make([]int32, replicas), Isr: make([]int32, inSync)}
	}
	topic := func(list ...*sarama.PartitionMetadata) *sarama.TopicMetadata {
		return &sarama.TopicMetadata{Partitions: list}
	}
	assert.Equal(t, fine("2 partitions on 2 leaders, 3 replicas each, all in sync"), replicasFinding(topic(part(0, 1, 3, 3), part(1, 2, 3, 3))))
	assert.Equal(t, "2 partitions on 1 leader, 2 replicas each, not all in sync: partition 1", replicasFinding(topic(part(0, 1, 2, 2), part(1, 1, 2, 1))).found)
	assert.Equal(t, Warning, replicasFinding(topic(part(0, 1, 1, 1))).status)
	leaderless := part(1, 2, 3, 3)
	leaderless.Err = sarama.ErrLeaderNotAvailable
	f := replicasFinding(topic(part(0, 1, 3, 3), leaderless))
	assert.Equal(t, Failed, f.status)
	assert.EqualError(t, f.err, "2 partitions on 1 leader, 3 replicas each, without a leader: partition 1: start the brokers that have their replicas")
	var many []*sarama.PartitionMetadata
	for id := range int32(9) {
		many = append(many, part(id, 1, 2, 1))
	}
	assert.Contains(t, replicasFinding(topic(many...)).found, "partitions 0, 1, 2, 3, 4, 5, 6, 7 and 1 more")
}

func TestRightsFinding(t *testing.T) {
	topic := &sarama.TopicMetadata{Version: 8, TopicAuthorizedOperations: 1<<4 | 1<<8 | 1<<10}
	assert.Equal(t, fine("WRITE, DESCRIBE, DESCRIBE_CONFIGS"), rightsFinding(topic))
	topic.Version = 7
	assert.Equal(t, Skipped, rightsFinding(topic).status)
	topic.Version, topic.TopicAuthorizedOperations = 8, math.MinInt32
	assert.Equal(t, Skipped, rightsFinding(topic).status)
}

func TestClockFinding(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	ahead := func(by time.Duration) finding {
		return clockFinding(connect.ControllerTime{Before: at, Controller: at.Add(-by), After: at.Add(8 * time.Millisecond)})
	}
	assert.Equal(t, fine("this host is 25ms ahead of the controller (give or take 5ms)"), ahead(20*time.Millisecond))
	assert.Equal(t, OK, ahead(30*time.Second).status)
	assert.Equal(t, Warning, ahead(30*time.Second+time.Millisecond).status, "surely more than 30 seconds")
	assert.Equal(t, warn("this host is 59.995s behind the controller (give or take 5ms)", "set the clocks: messages are stamped by this host's"), ahead(-time.Minute))
}
