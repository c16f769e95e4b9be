package forwardertest

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/eventferry/eventferry/settings"
)

const (
	protocolSASL      = "SASL_SSL"
	protocolTLS       = "SSL"
	protocolPlaintext = "PLAINTEXT"
)

// scramIterations is twice what Kafka takes by default and eventferry demands.
const scramIterations = 8192

// allListeners returns those of every broker and then those of the options.
func (o *apacheOptions) allListeners() []ApacheListener {
	if o.documented {
		return []ApacheListener{{Name: ListenerSASL, Protocol: protocolSASL}}
	}
	fixed := []ApacheListener{
		{Name: ListenerSASL, Protocol: protocolSASL},
		{Name: ListenerTLS, Protocol: protocolTLS},
		{Name: ListenerMTLS, Protocol: protocolTLS, Properties: map[string]string{"ssl.client.auth": "required"}},
		{Name: ListenerInternal, Protocol: protocolPlaintext},
	}
	return append(fixed, o.listeners...)
}

// config returns the properties of one broker.
func (c *ApacheCluster) config(b *apacheBroker) (properties, error) {
	var p properties
	n := len(c.brokers)
	replicas := min(n, 3)
	p.set("process.roles", "broker,controller")
	p.setf("node.id", "%d", b.id)
	p.set("log.dirs", filepath.Join(b.dir, "data"))
	p.set("controller.listener.names", listenerController)
	voters := make([]string, n)
	for i, b := range c.brokers {
		voters[i] = fmt.Sprintf("%d@%s", b.id, b.address(listenerController))
	}
	p.set("controller.quorum.voters", strings.Join(voters, ","))
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
	p.set("broker.heartbeat.interval.ms", "500")
	p.set("broker.session.timeout.ms", "3000") // a killed broker loses its partitions
	if c.opts.acls {
		p.set("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer")
		p.set("super.users", "User:ANONYMOUS;User:"+c.opts.users[0].name)
	}
	if err := c.configListeners(&p, b); err != nil {
		return nil, err
	}
	return append(p, c.opts.properties...), nil
}

func (c *ApacheCluster) configListeners(p *properties, b *apacheBroker) error {
	p.set("ssl.client.auth", "none")
	p.set("ssl.keystore.type", "PEM")
	p.set("ssl.keystore.location", c.keyStore)
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
	listen = append(listen, listenerController+"://"+b.address(listenerController))
	p.set("listeners", strings.Join(listen, ","))
	p.set("advertised.listeners", strings.Join(advertised, ","))
	p.set("listener.security.protocol.map", strings.Join(protocols, ","))
	return nil
}

func (c *ApacheCluster) configListener(p *properties, l ApacheListener) error {
	prefix := "listener.name." + strings.ToLower(l.Name) + "."
	if l.Protocol == protocolSASL {
		p.set(prefix+"plain.sasl.jaas.config", c.plainUsers())
		for _, m := range []settings.Method{settings.SCRAMSHA256, settings.SCRAMSHA512} {
			p.set(prefix+strings.ToLower(string(m))+".sasl.jaas.config",
				"org.apache.kafka.common.security.scram.ScramLoginModule required;")
		}
	}
	if l.Certificate.CertPEM != nil {
		file := filepath.Join(c.folder.Path, l.Name+".pem")
		if err := writeKeyStore(file, l.Certificate); err != nil {
			return err
		}
		p.set(prefix+"ssl.keystore.type", "PEM")
		p.set(prefix+"ssl.keystore.location", file)
	}
	for _, key := range slices.Sorted(maps.Keys(l.Properties)) {
		p.set(prefix+key, l.Properties[key])
	}
	return nil
}

// plainUsers is the login module that knows the users of PLAIN.
func (c *ApacheCluster) plainUsers() string {
	var b strings.Builder
	b.WriteString("org.apache.kafka.common.security.plain.PlainLoginModule required")
	for _, u := range c.opts.users {
		if u.has(settings.Plain) {
			fmt.Fprintf(&b, " user_%s=%q", u.name, u.password)
		}
	}
	return b.String() + ";"
}

// scramUsers returns the arguments that put SCRAM users into a new cluster.
func (c *ApacheCluster) scramUsers() []string {
	var args []string
	for _, u := range c.opts.users {
		for _, m := range []settings.Method{settings.SCRAMSHA256, settings.SCRAMSHA512} {
			if u.has(m) {
				args = append(args, "--add-scram", fmt.Sprintf("%s=[name=%s,iterations=%d,password=%s]", m, u.name, scramIterations, u.password))
			}
		}
	}
	return args
}

// writeKeyStore writes a key store of type PEM.
func writeKeyStore(file string, c Certificate) error {
	if err := os.WriteFile(file, bytes.Join([][]byte{c.KeyPEM, c.CertPEM}, nil), 0o600); err != nil {
		return fmt.Errorf("forwardertest: %w", err)
	}
	return nil
}
