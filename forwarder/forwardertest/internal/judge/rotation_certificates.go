package judge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/proxy"
	"github.com/eventferry/eventferry/settings"
)

// A certificateRotation has brokers show certificates of another authority, and demand
// client certificates of it.
type certificateRotation struct {
	servers []string
	proxies []*proxy.Proxy
	files   settings.TLS // that the process under test reads
	version int          // of what they hold
	config  atomic.Pointer[tls.Config]
}

// link makes the files links into a folder that a link names, as Kubernetes mounts a
// secret: so all of them are replaced in one step.
func (c *certificateRotation) link(files settings.TLS) error {
	c.files = files
	content := map[string][]byte{}
	names := []string{files.CertFile, files.KeyFile, files.CAFile}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("judge: %w", err)
		}
		content[name] = data
	}
	if err := c.publish(content); err != nil {
		return err
	}
	for _, name := range names {
		if err := replaceLink(name, filepath.Join(c.current(), filepath.Base(name))); err != nil {
			return err
		}
	}
	return nil
}

// current is the link that names the folder with the files.
func (c *certificateRotation) current() string {
	return filepath.Join(filepath.Dir(c.files.CertFile), "current")
}

// publish replaces what the files hold.
func (c *certificateRotation) publish(content map[string][]byte) error {
	c.version++
	folder := fmt.Sprintf("%s-%d", c.current(), c.version)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return fmt.Errorf("judge: %w", err)
	}
	for name, data := range content {
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(name)), data, 0o600); err != nil {
			return fmt.Errorf("judge: %w", err)
		}
	}
	return replaceLink(c.current(), folder)
}

// replaceLink lets a name be a link to another one, whatever it was before.
func replaceLink(name, to string) error {
	next := name + ".next"
	if err := os.Symlink(to, next); err != nil {
		return fmt.Errorf("judge: %w", err)
	}
	if err := os.Rename(next, name); err != nil {
		return fmt.Errorf("judge: %w", err)
	}
	return nil
}

// option makes brokers follow the rotation.
func (c *certificateRotation) option() forwardertest.KafkaOption {
	return forwardertest.WithTLS(func(tc *tls.Config) {
		tc.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.config.Load(), nil }
	})
}

func (c *certificateRotation) fault(*rand.Rand) fault {
	return fault{faultCertificate, 0, func(ctx context.Context) (effect, error) {
		before, err := c.files.Config()
		if err != nil {
			return effect{}, fmt.Errorf("judge: %w", err)
		}
		if err := c.replace(); err != nil {
			return effect{}, err
		}
		for _, server := range c.servers {
			conn, err := (&tls.Dialer{Config: before}).DialContext(ctx, "tcp", server)
			if err == nil {
				return effect{}, errors.Join(fmt.Errorf("judge: %s shows what was replaced", server), conn.Close())
			}
		}
		return cut(faultCertificate, c.proxies...).begin(ctx)
	}}
}

// replace issues certificates of a new authority, for brokers and then for clients.
// For a moment clients have only those that no broker takes.
func (c *certificateRotation) replace() error {
	ca, err := forwardertest.NewCA()
	if err != nil {
		return err
	}
	server, err := ca.IssueServer()
	if err != nil {
		return err
	}
	client, err := ca.IssueClient("renewed")
	if err != nil {
		return err
	}
	pair, err := server.TLS()
	if err != nil {
		return err
	}
	c.config.Store(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: ca.Pool(), ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12,
	})
	return c.publish(map[string][]byte{c.files.CertFile: client.CertPEM, c.files.KeyFile: client.KeyPEM, c.files.CAFile: ca.PEM()})
}
