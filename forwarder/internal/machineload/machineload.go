// Package machineload measures how busy the machine is while a test runs, so
// that what the test demands can be relative to it.
package machineload

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"sync"
	"time"
)

const (
	// atRest is more than a TLS handshake within one process takes on a machine
	// that has nothing else to do.
	atRest      = 5 * time.Millisecond
	samplePause = 20 * time.Millisecond
)

// A Load is being measured. Its methods may be called from any number of
// goroutines.
type Load struct {
	config *tls.Config
	stop   chan struct{}
	ended  chan struct{}

	mu      sync.Mutex
	samples []sample // in the order of their times
}

// A sample is a handshake: when it ended, and how long it took.
type sample struct {
	at   time.Time
	took time.Duration
}

// Watch measures until Stop: it makes TLS handshakes one after another, with
// pauses. They need processor time and switches between goroutines, as what is
// tested does. It panics when the machine gives it no random bytes.
func Watch() *Load {
	l := &Load{
		stop: make(chan struct{}), ended: make(chan struct{}),
		config: &tls.Config{
			Certificates: []tls.Certificate{certificate()}, MinVersion: tls.VersionTLS13,
			InsecureSkipVerify: true, //nolint:gosec // what is measured is the time
		},
	}
	go func() {
		defer close(l.ended)
		for {
			l.measure()
			select {
			case <-l.stop:
				return
			case <-time.After(samplePause):
			}
		}
	}()
	return l
}

// Stop ends the measurement and waits for its goroutines.
func (l *Load) Stop() {
	close(l.stop)
	<-l.ended
}

// Allow returns how long something may take that began at start and takes at most
// d on a machine at rest: as many times d as the slowest handshake since then
// took times what it takes at rest.
func (l *Load) Allow(d time.Duration, start time.Time) time.Duration {
	l.measure() // one at least
	l.mu.Lock()
	defer l.mu.Unlock()
	var slowest time.Duration
	for i := len(l.samples) - 1; i >= 0 && !l.samples[i].at.Before(start); i-- {
		slowest = max(slowest, l.samples[i].took)
	}
	return allow(d, slowest)
}

// InTime reports whether do takes at most d on a machine at rest. What took
// longer, for as busy as the machine is, is done again, twice at most: what waits
// for something is late each time.
func (l *Load) InTime(d time.Duration, do func()) bool {
	for range 3 {
		start := time.Now()
		do()
		if took := time.Since(start); took <= d || took <= l.Allow(d, start) {
			return true
		}
	}
	return false
}

func allow(d, slowest time.Duration) time.Duration {
	return time.Duration(float64(d) * max(1, float64(slowest)/float64(atRest)))
}

func (l *Load) measure() {
	begun := time.Now()
	client, server := net.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() { _ = tls.Server(server, l.config).Handshake() }) //nolint:noctx // within this process
	_ = tls.Client(client, l.config).Handshake()                   //nolint:noctx // within this process
	_ = client.Close()
	wg.Wait()
	_ = server.Close()
	s := sample{time.Now(), time.Since(begun)}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.samples = append(l.samples, s)
}

func certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
