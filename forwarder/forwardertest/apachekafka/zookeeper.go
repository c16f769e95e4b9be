package apachekafka

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/jvm"
)

// A zooKeeper is the process in which brokers before version 3 keep what their
// controllers keep now. A nil one is none.
type zooKeeper struct {
	dir     string
	port    int
	process *jvm.Process
}

func (z *zooKeeper) address() string { return fmt.Sprintf("127.0.0.1:%d", z.port) }
func (z *zooKeeper) file() string    { return filepath.Join(z.dir, "zookeeper.properties") }
func (z *zooKeeper) logFile() string { return filepath.Join(z.dir, "zookeeper.log") }

func (z *zooKeeper) configure() error {
	if err := os.MkdirAll(z.dir, 0o700); err != nil {
		return fmt.Errorf("apachekafka: %w", err)
	}
	var p properties
	p.set("dataDir", filepath.Join(z.dir, "data"))
	p.set("clientPortAddress", "127.0.0.1")
	p.setf("clientPort", "%d", z.port)
	p.set("maxClientCnxns", "0")
	p.set("tickTime", "500")
	p.set("admin.enableServer", "false")
	if err := os.WriteFile(z.file(), p.text(), 0o600); err != nil {
		return fmt.Errorf("apachekafka: %w", err)
	}
	return nil
}

func (c *Cluster) launchZooKeeper() error {
	z := c.zooKeeper
	log, err := os.OpenFile(z.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("apachekafka: %w", err)
	}
	defer log.Close()
	cmd := c.java.Command(c.life, c.classpath, toolFlags(), "org.apache.zookeeper.server.ZooKeeperServerMain", z.file())
	cmd.Dir, cmd.Stdout, cmd.Stderr = z.dir, log, log
	if z.process, err = jvm.Start(cmd); err != nil {
		return fmt.Errorf("apachekafka: starting ZooKeeper: %w", err)
	}
	return nil
}

func (z *zooKeeper) kill() {
	if z != nil && z.process != nil {
		z.process.Kill()
	}
}

func (z *zooKeeper) logText() string {
	if z == nil {
		return ""
	}
	text, err := os.ReadFile(z.logFile())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// addSCRAMUsers has a broker keep the SCRAM users, over the one listener that
// needs none: before version 3.5 they cannot be there when it starts. It gives
// up when a broker ends, whose end [Cluster.await] reports.
func (c *Cluster) addSCRAMUsers(ctx context.Context) error {
	client, err := c.InternalClient()
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		users, err := kadm.NewClient(client).AlterUserSCRAMs(ctx, nil, c.upserts())
		if err == nil {
			err = users.Error()
		}
		if err == nil {
			return nil
		}
		for _, b := range c.brokers {
			select {
			case <-b.running().Done():
				return nil
			default:
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("apachekafka: adding SCRAM users: %w: last: %w; end of ZooKeeper's log:\n%s",
				ctx.Err(), err, strings.TrimSpace(jvm.Tail([]byte(c.zooKeeper.logText()), logLines)))
		case <-time.After(poll):
		}
	}
}

// upserts are made anew for each attempt: the client salts them where they are.
func (c *Cluster) upserts() []kadm.UpsertSCRAM {
	var all []kadm.UpsertSCRAM
	for _, u := range c.opts.users {
		for _, m := range u.methods {
			if mechanism, err := scramMechanism(m); err == nil {
				all = append(all, kadm.UpsertSCRAM{User: u.name, Mechanism: mechanism, Iterations: scramIterations, Password: u.password})
			}
		}
	}
	return all
}
