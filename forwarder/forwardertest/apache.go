package forwardertest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/jvm"
	"github.com/eventferry/eventferry/settings"
)

// RequireApacheKafka names the environment variable that turns skipping for
// want of Java or Maven into failing.
const RequireApacheKafka = "EVENTFERRY_REQUIRE_APACHE_KAFKA"

const (
	apacheUserName = "mparticle"
	apachePassword = "mparticle-secret"
	apacheFolder   = "eventferry-kafka"

	startPatience = 90 * time.Second // when ctx has no deadline
	portAttempts  = 3
)

// An ApacheCluster is Apache Kafka itself: one or three brokers (KRaft, each
// also a controller) as child processes on 127.0.0.1, with a CA of its own and
// the listeners [ListenerSASL], [ListenerTLS], [ListenerMTLS] and
// [ListenerInternal]. Its methods may be called from any number of goroutines,
// those that control one broker from one at a time.
type ApacheCluster struct {
	opts      apacheOptions
	java      jvm.Java
	classpath string
	folder    *jvm.Folder
	ca        *CA // nil when keytool made it
	caFile    string
	keyStore  string
	client    *certificateFiles // nil when no listener asks for one
	brokers   []*apacheBroker
	life      context.Context // of the child processes
	end       context.CancelFunc
	close     sync.Once
}

// ApacheKafka starts Apache Kafka for one test and stops it with the test,
// whose log gets the ends of the brokers' logs when it fails. It skips the
// test where Java or Maven is missing, which go test shows with -v only, or
// fails it when the environment variable [RequireApacheKafka] is set.
func ApacheKafka(t testing.TB, opts ...ApacheOption) *ApacheCluster {
	t.Helper()
	c, err := StartApacheKafka(t.Context(), opts...)
	SkipWithoutApacheKafka(t, err)
	t.Cleanup(c.Close)
	c.LogOnFailure(t)
	return c
}

// SkipWithoutApacheKafka does with an error of [StartApacheKafka] what
// [ApacheKafka] does: it skips the test when something is not installed, and
// fails it otherwise. Nil is fine.
func SkipWithoutApacheKafka(t testing.TB, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if what, ok := jvm.IsMissing(err); ok && os.Getenv(RequireApacheKafka) == "" {
		t.Skipf("APACHE KAFKA SUITES SKIPPED: %s", what)
	}
	t.Fatalf("starting Apache Kafka: %v", err)
}

// StartApacheKafka starts Apache Kafka and returns once every broker serves.
// ctx governs the start only, which takes 3 to 30 seconds, longer the first
// time, when Maven fetches 55 MB; without a deadline it gives up after 90
// seconds. Close the cluster when done. Should this process end without, the
// brokers end with it, and the next start removes their files.
func StartApacheKafka(ctx context.Context, opts ...ApacheOption) (*ApacheCluster, error) {
	o := apacheOptions{version: Apache43, brokers: 1, ports: freePorts}
	o.users = []apacheUser{{apacheUserName, apachePassword, []settings.Method{settings.Plain, settings.SCRAMSHA256, settings.SCRAMSHA512}}}
	for _, opt := range opts {
		opt.apply(&o)
	}
	java, err := jvm.FindJava(ctx)
	if err != nil {
		return nil, err
	}
	classpath, err := jvm.KafkaJars(ctx, o.version)
	if err != nil {
		return nil, err
	}
	folder, err := jvm.NewFolder(os.TempDir(), apacheFolder)
	if err != nil {
		return nil, fmt.Errorf("forwardertest: %w", err)
	}
	c := &ApacheCluster{opts: o, java: java, classpath: classpath, folder: folder}
	c.life, c.end = context.WithCancel(context.WithoutCancel(ctx))
	host := "127.0.0.1"
	if o.documented {
		host = "localhost"
	}
	for id := 1; id <= o.brokers; id++ {
		dir := filepath.Join(folder.Path, fmt.Sprintf("broker-%d", id))
		c.brokers = append(c.brokers, &apacheBroker{id: id, host: host, dir: dir})
	}
	if err := c.start(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close stops the brokers and removes their files. A second call does nothing.
func (c *ApacheCluster) Close() {
	c.close.Do(func() {
		c.all((*apacheBroker).stop)
		c.end()
		_ = c.folder.Remove() // the next start tries again
	})
}

// start formats and starts all brokers. Ports are free when they are chosen;
// when somebody else took one since, it chooses others.
func (c *ApacheCluster) start(ctx context.Context) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, startPatience)
		defer cancel()
	}
	if err := c.certify(ctx); err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		if err := c.configure(ctx); err != nil {
			return err
		}
		if attempt == 1 {
			if err := c.format(ctx); err != nil {
				return err
			}
		}
		err := c.each(func(b *apacheBroker) error {
			if err := c.launch(b); err != nil {
				return err
			}
			return c.await(ctx, b)
		})
		if err == nil || attempt == portAttempts || !c.bindFailed() {
			return err
		}
		c.all((*apacheBroker).kill)
	}
}

// certify makes what TLS needs, save for listeners with a certificate of their
// own.
func (c *ApacheCluster) certify(ctx context.Context) error {
	if c.opts.documented {
		return c.certifyDocumented(ctx)
	}
	ca, err := NewCA()
	if err != nil {
		return err
	}
	c.ca = ca
	if c.caFile, err = ca.WriteFile(c.folder.Path); err != nil {
		return err
	}
	server, err := ca.IssueServer()
	if err != nil {
		return err
	}
	c.keyStore = filepath.Join(c.folder.Path, "server.pem")
	if err := writeKeyStore(c.keyStore, server); err != nil {
		return err
	}
	client, err := ca.IssueClient("eventferry")
	if err != nil {
		return err
	}
	c.client = new(certificateFiles)
	c.client.cert, c.client.key, err = client.WriteFiles(c.folder.Path, "client")
	return err
}

// configure chooses ports and writes each broker's properties.
func (c *ApacheCluster) configure(ctx context.Context) error {
	listeners := append(c.opts.allListeners(), ApacheListener{Name: listenerController})
	ports, err := c.opts.ports(ctx, len(listeners)*len(c.brokers))
	if err != nil {
		return err
	}
	for _, b := range c.brokers {
		b.ports = map[string]int{}
		for _, l := range listeners {
			b.ports[l.Name], ports = ports[0], ports[1:]
		}
	}
	for _, b := range c.brokers {
		write := c.config
		if c.opts.documented {
			write = c.configDocumented
		}
		p, err := write(b)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(b.dir, 0o700); err != nil {
			return fmt.Errorf("forwardertest: %w", err)
		}
		if err := os.WriteFile(b.file(), p.text(), 0o600); err != nil {
			return fmt.Errorf("forwardertest: %w", err)
		}
	}
	return nil
}

// format prepares the brokers' data folders and puts the SCRAM users into them.
func (c *ApacheCluster) format(ctx context.Context) error {
	id := clusterID()
	return c.each(func(b *apacheBroker) error {
		args := append([]string{"format", "-t", id, "-c", b.file()}, c.scramUsers()...)
		cmd := c.java.Command(ctx, c.classpath, toolFlags(), "kafka.tools.StorageTool", args...)
		cmd.Dir = b.dir
		if _, err := jvm.Output(cmd); err != nil {
			return fmt.Errorf("forwardertest: formatting broker %d: %w", b.id, err)
		}
		return nil
	})
}

// clusterID is what Kafka calls a UUID: 16 bytes in base64 for URLs, not
// beginning with what a command line takes for an option.
func clusterID() string {
	for {
		var id [16]byte
		rand.Read(id[:]) // never fails
		if text := base64.RawURLEncoding.EncodeToString(id[:]); !strings.HasPrefix(text, "-") {
			return text
		}
	}
}

// each does f with all brokers at once.
func (c *ApacheCluster) each(f func(*apacheBroker) error) error {
	var wg sync.WaitGroup
	errs := make([]error, len(c.brokers))
	for i, b := range c.brokers {
		wg.Go(func() { errs[i] = f(b) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// all does f, which cannot fail, with all brokers at once.
func (c *ApacheCluster) all(f func(*apacheBroker)) {
	_ = c.each(func(b *apacheBroker) error { f(b); return nil })
}

func (c *ApacheCluster) bindFailed() bool {
	return slices.ContainsFunc(c.brokers, func(b *apacheBroker) bool {
		return strings.Contains(b.logText(), "java.net.BindException")
	})
}
