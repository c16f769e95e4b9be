package apachekafka

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/proxy"
	"github.com/eventferry/eventferry/settings"
)

const (
	protocolSASL      = "SASL_SSL"
	protocolTLS       = "SSL"
	protocolPlaintext = "PLAINTEXT"
)

// checkController refuses versions of which CutOff would not hold.
func (o *options) checkController() error {
	c := Cluster{opts: *o}
	if o.oneController && (c.before("3.0") || !c.before("3.9")) {
		return fmt.Errorf("apachekafka: WithOneController needs a version from 3.0 to 3.8, not %s", o.version)
	}
	return nil
}

// allListeners returns those of every broker and then those of the options.
func (o *options) allListeners() []Listener {
	if o.documented {
		return []Listener{{Name: ListenerSASL, Protocol: protocolSASL}}
	}
	fixed := []Listener{
		{Name: ListenerSASL, Protocol: protocolSASL},
		{Name: ListenerTLS, Protocol: protocolTLS},
		{Name: ListenerMTLS, Protocol: protocolTLS, Properties: map[string]string{"ssl.client.auth": "required"}},
		{Name: ListenerInternal, Protocol: protocolPlaintext},
	}
	return append(fixed, o.listeners...)
}

// config returns the properties of one broker.
func (c *Cluster) config(b *broker) (properties, error) {
	var p properties
	n := len(c.brokers)
	replicas := min(n, 3)
	p.set("log.dirs", filepath.Join(b.dir, "data"))
	if c.zooKeeper != nil {
		p.setf("broker.id", "%d", b.id)
		p.set("zookeeper.connect", c.zooKeeper.address())
		p.set("zookeeper.session.timeout.ms", "3000") // a killed broker loses its partitions
	} else {
		c.configController(&p, b)
	}
	p.set("inter.broker.listener.name", ListenerInternal)
	p.set("auto.create.topics.enable", "false")
	p.setf("default.replication.factor", "%d", replicas)
	p.setf("min.insync.replicas", "%d", max(1, replicas-1))
	for _, topic := range []string{"offsets.topic", "transaction.state.log", "share.coordinator.state.topic"} {
		p.setf(topic+".replication.factor", "%d", replicas)
		p.set(topic+".num.partitions", "1")
	}
	p.setf("transaction.state.log.min.isr", "%d", max(1, replicas-1))
	p.set("group.initial.rebalance.delay.ms", "0")
	// Small and quick: several such brokers share a machine with the tests.
	p.set("num.network.threads", "2")
	p.set("num.io.threads", "4")
	p.set("log.cleaner.dedupe.buffer.size", "4194304")
	p.set("log.segment.delete.delay.ms", "100") // files of deleted topics
	if c.opts.acls {
		authorizer := "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
		if c.zooKeeper != nil {
			authorizer = "kafka.security.authorizer.AclAuthorizer"
		}
		p.set("authorizer.class.name", authorizer)
		p.set("super.users", "User:ANONYMOUS;User:"+c.opts.users[0].name)
	}
	if err := c.configListeners(&p, b); err != nil {
		return nil, err
	}
	return append(p, c.opts.properties...), nil
}

// isController reports whether a broker is a controller, too.
func (c *Cluster) isController(b *broker) bool {
	return c.zooKeeper == nil && (!c.opts.oneController || b == c.brokers[0])
}

// configController makes the broker a controller, or tells it where they are.
func (c *Cluster) configController(p *properties, b *broker) {
	roles := "broker"
	if c.isController(b) {
		roles = "broker,controller"
	}
	p.set("process.roles", roles)
	p.setf("node.id", "%d", b.id)
	p.set("controller.listener.names", listenerController)
	var voters []string
	for _, controller := range c.brokers {
		if !c.isController(controller) {
			continue
		}
		address := controller.address(listenerController)
		if way := c.ways[b.id]; way != nil {
			address = way.Addr()
		}
		voters = append(voters, fmt.Sprintf("%d@%s", controller.id, address))
	}
	p.set("controller.quorum.voters", strings.Join(voters, ","))
	p.set("broker.heartbeat.interval.ms", "500")
	p.set("broker.session.timeout.ms", "3000") // a killed broker loses its partitions
}

// openWays opens the ports through which brokers reach the one controller.
func (c *Cluster) openWays() error {
	c.closeWays()
	if !c.opts.oneController {
		return nil
	}
	c.ways = map[int]*proxy.Proxy{}
	for _, b := range c.brokers[1:] {
		way, err := proxy.New(c.brokers[0].address(listenerController))
		if err != nil {
			return fmt.Errorf("apachekafka: %w", err)
		}
		c.ways[b.id] = way
	}
	return nil
}

func (c *Cluster) closeWays() {
	for _, way := range c.ways {
		way.Close()
	}
}

func (c *Cluster) configListeners(p *properties, b *broker) error {
	p.set("ssl.client.auth", "none")
	p.setKeyStore("", c.server)
	p.set("ssl.truststore.type", "PEM")
	p.set("ssl.truststore.location", c.caFile)
	p.setf("sasl.enabled.mechanisms", "%s,%s,%s", settings.Plain, settings.SCRAMSHA256, settings.SCRAMSHA512)
	var listen, advertised []string
	protocols := []string{listenerController + ":" + protocolPlaintext}
	for _, l := range c.opts.allListeners() {
		address := b.address(l.Name)
		listen = append(listen, l.Name+"://"+address)
		if l.Advertised != "" {
			address = l.Advertised
		}
		advertised = append(advertised, l.Name+"://"+address)
		if l.Protocol == "" {
			l.Protocol = protocolSASL
		}
		protocols = append(protocols, l.Name+":"+l.Protocol)
		if err := c.configListener(p, l); err != nil {
			return err
		}
	}
	if c.isController(b) {
		listen = append(listen, listenerController+"://"+b.address(listenerController))
	}
	p.set("listeners", strings.Join(listen, ","))
	p.set("advertised.listeners", strings.Join(advertised, ","))
	p.set("listener.security.protocol.map", strings.Join(protocols, ","))
	return nil
}

func (c *Cluster) configListener(p *properties, l Listener) error {
	prefix := "listener.name." + strings.ToLower(l.Name) + "."
	if l.Protocol == protocolSASL {
		p.set(prefix+"plain.sasl.jaas.config", c.plainUsers())
		for _, m := range []settings.Method{settings.SCRAMSHA256, settings.SCRAMSHA512} {
			p.set(prefix+strings.ToLower(string(m))+".sasl.jaas.config",
				"org.apache.kafka.common.security.scram.ScramLoginModule required;")
		}
	}
	if l.Certificate.CertPEM != nil {
		p.setKeyStore(prefix, l.Certificate)
	}
	for _, key := range slices.Sorted(maps.Keys(l.Properties)) {
		p.set(prefix+key, l.Properties[key])
	}
	return nil
}

// setKeyStore has the certificate and its key in the properties themselves: in
// a file, older versions want the key encrypted.
func (p *properties) setKeyStore(prefix string, c forwardertest.Certificate) {
	p.set(prefix+"ssl.keystore.type", "PEM")
	p.set(prefix+"ssl.keystore.certificate.chain", string(c.CertPEM))
	p.set(prefix+"ssl.keystore.key", string(c.KeyPEM))
}
