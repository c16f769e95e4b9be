package forwardertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/jvm"
)

const (
	stopPatience = 3 * time.Second // then SIGKILL; a broker without its quorum would wait for minutes
	logLines     = 40
)

// An apacheBroker is one child process and its files.
type apacheBroker struct {
	id    int // node.id
	host  string
	dir   string
	ports map[string]int // by listener

	mu      sync.Mutex
	process *jvm.Process // nil before the first start
}

func (b *apacheBroker) file() string    { return filepath.Join(b.dir, "server.properties") }
func (b *apacheBroker) logFile() string { return filepath.Join(b.dir, "broker.log") }

func (b *apacheBroker) address(listener string) string {
	return fmt.Sprintf("%s:%d", b.host, b.ports[listener])
}

// launch starts the broker's process. Its output goes to the end of its log.
func (c *ApacheCluster) launch(b *apacheBroker) error {
	log, err := os.OpenFile(b.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("forwardertest: %w", err)
	}
	defer log.Close()
	flags := []string{
		"-XX:+UseSerialGC",
		"-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
		// Of the rest only what helps a failed test: starts, stops and refused clients.
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
		"-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
		"-Dorg.slf4j.simpleLogger.log.kafka.server.BrokerLifecycleManager=info",
		"-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.network=info",
	}
	if c.opts.fast {
		flags = append(flags, "-Xms256m", "-Xmx512m")
	} else {
		flags = append(flags, "-Xms128m", "-Xmx384m", "-XX:TieredStopAtLevel=1")
	}
	if c.opts.documented {
		flags = append(flags, c.documentedFlags()...)
	}
	if len(c.opts.security) > 0 {
		file := filepath.Join(b.dir, "java.security")
		if err := os.WriteFile(file, c.opts.security.text(), 0o600); err != nil {
			return fmt.Errorf("forwardertest: %w", err)
		}
		flags = append(flags, "-Djava.security.properties="+file)
	}
	cmd := c.java.Command(c.life, c.classpath, flags, "kafka.Kafka", b.file())
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.dir, log, log
	p, err := jvm.Start(cmd)
	if err != nil {
		return fmt.Errorf("forwardertest: starting broker %d: %w", b.id, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.process = p
	return nil
}

// toolFlags are for programs that run for a second.
func toolFlags() []string {
	return []string{"-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"}
}

func (b *apacheBroker) running() *jvm.Process {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.process
}

func (b *apacheBroker) stop() {
	if p := b.running(); p != nil {
		_ = p.Resume() // a paused one hears nothing
		p.Stop(stopPatience)
	}
}

func (b *apacheBroker) kill() {
	if p := b.running(); p != nil {
		p.Kill()
	}
}

func (b *apacheBroker) logText() string {
	data, err := os.ReadFile(b.logFile())
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// freePorts returns ports of 127.0.0.1 at which nobody listens. They are below
// those that Linux gives to outgoing connections, so that none of these takes
// one while a broker is down.
func freePorts(ctx context.Context, n int) ([]int, error) {
	const lowest, highest, attempts = 20000, 32000, 1000
	var (
		lc    net.ListenConfig
		held  []net.Listener // until all are chosen
		ports []int
		last  error
	)
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for range attempts {
		if len(ports) == n {
			return ports, nil
		}
		port := lowest + rand.N(highest-lowest)
		l, err := lc.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			last = err
			continue
		}
		held, ports = append(held, l), append(ports, port)
	}
	return nil, fmt.Errorf("forwardertest: no %d free ports between %d and %d: %w", n, lowest, highest, last)
}
