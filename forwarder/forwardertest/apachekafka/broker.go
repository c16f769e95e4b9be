package apachekafka

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/jvm"
)

const (
	stopTimeout = 3 * time.Second // then SIGKILL; a broker without its quorum would wait for minutes
	logLines    = 40
)

// An broker is one child process and its files.
type broker struct {
	id    int // node.id
	host  string
	dir   string
	ports map[string]int // by listener

	mu      sync.Mutex
	process *jvm.Process // nil before the first start
}

func (b *broker) file() string    { return filepath.Join(b.dir, "server.properties") }
func (b *broker) logFile() string { return filepath.Join(b.dir, "broker.log") }

func (b *broker) address(listener string) string {
	return fmt.Sprintf("%s:%d", b.host, b.ports[listener])
}

// launch starts the broker's process. Its output goes to the end of its log.
func (c *Cluster) launch(b *broker) error {
	log, err := os.OpenFile(b.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("apachekafka: %w", err)
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
	if c.opts.fullJIT {
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
			return fmt.Errorf("apachekafka: %w", err)
		}
		flags = append(flags, "-Djava.security.properties="+file)
	}
	flags = append(flags, c.opts.system...)
	cmd := c.java.Command(c.life, c.classpath, flags, "kafka.Kafka", b.file())
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.dir, log, log
	p, err := jvm.Start(cmd)
	if err != nil {
		return fmt.Errorf("apachekafka: starting broker %d: %w", b.id, err)
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

func (b *broker) running() *jvm.Process {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.process
}

func (b *broker) stop() {
	if p := b.running(); p != nil {
		_ = p.Resume() // a paused one awaitBroker nothing
		p.Stop(stopTimeout)
	}
}

func (b *broker) kill() {
	if p := b.running(); p != nil {
		p.Kill()
	}
}

func (b *broker) logText() string {
	data, err := os.ReadFile(b.logFile())
	if err != nil {
		return err.Error()
	}
	return string(data)
}
