package apachekafka

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

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/proxy"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/jvm"
	"github.com/eventferry/eventferry/settings"
)

// RequireEnv names the environment variable that turns skipping for want of
// Java or Maven into failing.
const RequireEnv = "EVENTFERRY_REQUIRE_APACHE_KAFKA"

const (
	defaultUserName = "mparticle"
	defaultPassword = "mparticle-secret"
	folderPrefix    = "eventferry-kafka"

	startTimeout = 4 * time.Minute // when ctx has no deadline; three brokers took more than 90 seconds at a load of 50
	portAttempts = 3
)

// A Cluster is one or three brokers of Apache Kafka (each also a controller, or
// before version 3 with ZooKeeper) with a CA of its own and the listeners [ListenerSASL],
// [ListenerTLS], [ListenerMTLS] and [ListenerInternal]. Its methods may be
// called from any number of goroutines, those that control one broker from one
// at a time.
type Cluster struct {
	opts      options
	java      jvm.Java
	classpath string
	folder    *jvm.Folder
	ports     *portBlock
	ca        *forwardertest.CA // nil when keytool made it
	caFile    string
	server    forwardertest.Certificate
	client    *certificateFiles // nil when no listener asks for one
	brokers   []*broker
	ways      map[int]*proxy.Proxy // to the one controller, by broker
	zooKeeper *zooKeeper           // nil: KRaft
	life      context.Context      // of the child processes
	end       context.CancelFunc
	close     sync.Once
}

// New starts Apache Kafka for one test and stops it with the test, whose log
// gets the ends of the brokers' logs when it fails. It skips the test where
// Java or Maven is missing, which go test shows with -v only, or fails it when
// the environment variable [RequireEnv] is set.
func New(t testing.TB, opts ...Option) *Cluster {
	t.Helper()
	c, err := Start(t.Context(), opts...)
	SkipOrFail(t, err)
	t.Cleanup(c.Close)
	c.LogOnFailure(t)
	return c
}

// SkipOrFail does with an error of [Start] what [New] does: it skips the test
// when something is not installed, and fails it otherwise. Nil is fine.
func SkipOrFail(t testing.TB, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if what, ok := jvm.IsMissing(err); ok && os.Getenv(RequireEnv) == "" {
		t.Skipf("APACHE KAFKA SUITES SKIPPED: %s", what)
	}
	t.Fatalf("starting Apache Kafka: %v", err)
}

// Start starts Apache Kafka and returns once every broker serves.
// ctx governs the start only, which takes 3 to 30 seconds, longer the first
// time, when Maven fetches 55 MB; without a deadline it gives up after four
// minutes. Close the cluster when done. Should this process end without, the
// brokers end with it, and the next start removes their files.
func Start(ctx context.Context, opts ...Option) (*Cluster, error) {
	o := options{version: Version43, brokers: 1, ports: func(ctx context.Context, b *portBlock, n int) ([]int, error) { return b.free(ctx, n) }}
	o.users = []user{{defaultUserName, defaultPassword, []settings.Method{settings.Plain, settings.SCRAMSHA256, settings.SCRAMSHA512}}}
	for _, opt := range opts {
		opt.apply(&o)
	}
	for _, u := range o.users {
		if err := u.check(); err != nil {
			return nil, err
		}
	}
	if err := o.checkController(); err != nil {
		return nil, err
	}
	java, err := jvm.FindJava(ctx)
	if err != nil {
		return nil, err
	}
	classpath, err := jvm.KafkaJars(ctx, o.version)
	if err != nil {
		return nil, err
	}
	ports, err := claimPorts()
	if err != nil {
		return nil, err
	}
	folder, err := jvm.NewFolder(os.TempDir(), folderPrefix)
	if err != nil {
		ports.close()
		return nil, fmt.Errorf("apachekafka: %w", err)
	}
	c := &Cluster{opts: o, java: java, classpath: classpath, folder: folder, ports: ports}
	c.life, c.end = context.WithCancel(context.WithoutCancel(ctx))
	host := "127.0.0.1"
	if o.documented {
		host = "localhost"
	}
	for id := 1; id <= o.brokers; id++ {
		dir := filepath.Join(folder.Path, fmt.Sprintf("broker-%d", id))
		c.brokers = append(c.brokers, &broker{id: id, host: host, dir: dir})
	}
	if c.before("3.0") {
		c.zooKeeper = &zooKeeper{dir: filepath.Join(folder.Path, "zookeeper")}
	}
	if err := c.start(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close stops the brokers and removes their files. A second call does nothing.
func (c *Cluster) Close() {
	c.close.Do(func() {
		c.all((*broker).stop)
		c.zooKeeper.kill()
		c.closeWays()
		c.end()
		c.ports.close()
		_ = c.folder.Remove() // the next start tries again
	})
}

// start formats and starts all brokers. Ports are free when they are chosen;
// when another process took one since, it chooses others.
func (c *Cluster) start(ctx context.Context) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, startTimeout)
		defer cancel()
	}
	var err error
	if c.classpath, err = compile(ctx, c.java, c.opts.classes, c.classpath, filepath.Join(c.folder.Path, "classes")); err != nil {
		return err
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
		err := c.boot(ctx)
		if err == nil || attempt == portAttempts || !c.bindFailed() {
			return err
		}
		c.all((*broker).kill)
		c.zooKeeper.kill()
	}
}

// boot starts the processes and returns when all brokers serve.
func (c *Cluster) boot(ctx context.Context) error {
	if c.zooKeeper != nil {
		if err := c.launchZooKeeper(); err != nil {
			return err
		}
	}
	if err := c.each(c.launch); err != nil {
		return err
	}
	if c.zooKeeper != nil {
		if err := c.addSCRAMUsers(ctx); err != nil {
			return err
		}
	}
	return c.each(func(b *broker) error { return c.await(ctx, b) })
}

// certify makes what TLS needs, save for listeners with a certificate of their
// own.
func (c *Cluster) certify(ctx context.Context) error {
	if c.opts.documented {
		return c.certifyDocumented(ctx)
	}
	ca, err := forwardertest.NewCA()
	if err != nil {
		return err
	}
	c.ca = ca
	if c.caFile, err = ca.WriteFile(c.folder.Path); err != nil {
		return err
	}
	if c.server, err = ca.IssueServer(); err != nil {
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
func (c *Cluster) configure(ctx context.Context) error {
	listeners := append(c.opts.allListeners(), Listener{Name: listenerController})
	ports, err := c.opts.ports(ctx, c.ports, len(listeners)*len(c.brokers)+1)
	if err != nil {
		return err
	}
	if c.zooKeeper != nil {
		c.zooKeeper.port = ports[len(ports)-1]
		if err := c.zooKeeper.configure(); err != nil {
			return err
		}
	}
	for _, b := range c.brokers {
		b.ports = map[string]int{}
		for _, l := range listeners {
			b.ports[l.Name], ports = ports[0], ports[1:]
		}
	}
	if err := c.openWays(); err != nil {
		return err
	}
	return c.writeConfigs()
}

// writeConfigs writes each broker's properties, which it reads when it starts.
func (c *Cluster) writeConfigs() error {
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
			return fmt.Errorf("apachekafka: %w", err)
		}
		if err := os.WriteFile(b.file(), p.text(), 0o600); err != nil {
			return fmt.Errorf("apachekafka: %w", err)
		}
	}
	return nil
}

// format prepares the brokers' data folders and puts the SCRAM users into them.
// ZooKeeper needs none of that.
func (c *Cluster) format(ctx context.Context) error {
	if c.zooKeeper != nil {
		return nil
	}
	id := clusterID()
	users, err := c.scramUsers()
	if err != nil {
		return err
	}
	return c.each(func(b *broker) error {
		args := append([]string{"format", "-t", id, "-c", b.file()}, users...)
		cmd := c.java.Command(ctx, c.classpath, toolFlags(), "kafka.tools.StorageTool", args...)
		cmd.Dir = b.dir
		if _, err := jvm.Output(cmd); err != nil {
			return fmt.Errorf("apachekafka: formatting broker %d: %w", b.id, err)
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
func (c *Cluster) each(f func(*broker) error) error {
	var wg sync.WaitGroup
	errs := make([]error, len(c.brokers))
	for i, b := range c.brokers {
		wg.Go(func() { errs[i] = f(b) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// all does f, which cannot fail, with all brokers at once.
func (c *Cluster) all(f func(*broker)) {
	_ = c.each(func(b *broker) error { f(b); return nil })
}

func (c *Cluster) bindFailed() bool {
	const taken = "java.net.BindException"
	return strings.Contains(c.zooKeeper.logText(), taken) ||
		slices.ContainsFunc(c.brokers, func(b *broker) bool { return strings.Contains(b.logText(), taken) })
}
