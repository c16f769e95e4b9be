package apachekafka

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/eventferry/eventferry/settings"
)

// Grant lets a user of [WithUser] do something with a topic, which need not
// exist, and returns when every broker knows of it. Brokers that do not answer
// within 10 seconds are not waited for. It takes [WithACLs].
func (c *Cluster) Grant(ctx context.Context, user, topic string, operations ...kadm.ACLOperation) error {
	rules := accessRules(user, topic, operations)
	distinct := len(slices.Compact(slices.Sorted(slices.Values(operations))))
	err := c.admin(func(a *kadm.Client) error {
		results, err := a.CreateACLs(ctx, rules)
		if err != nil {
			return fmt.Errorf("apachekafka: granting %s on topic %s to %s: %w", operations, topic, user, err)
		}
		for _, r := range results {
			if r.Err != nil {
				return fmt.Errorf("apachekafka: granting %s on topic %s to %s: %w", operations, topic, user, r.Err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.awaitBrokers(ctx, "the rights of "+user, func(ctx context.Context, b *kgo.Broker) (bool, error) {
		n, err := rights(ctx, b, user, topic, operations)
		return n >= distinct, err
	})
}

// Revoke takes back what [Cluster.Grant] gave, and returns when every
// broker knows of it, as Grant does.
func (c *Cluster) Revoke(ctx context.Context, user, topic string, operations ...kadm.ACLOperation) error {
	rules := accessRules(user, topic, operations)
	err := c.admin(func(a *kadm.Client) error {
		results, err := a.DeleteACLs(ctx, rules)
		if err != nil {
			return fmt.Errorf("apachekafka: withdrawing %s on topic %s from %s: %w", operations, topic, user, err)
		}
		for _, r := range results {
			if r.Err != nil {
				return fmt.Errorf("apachekafka: withdrawing %s on topic %s from %s: %w", operations, topic, user, r.Err)
			}
			if len(r.Deleted) == 0 {
				return fmt.Errorf("apachekafka: %s has no %s on topic %s to withdraw", user, r.Operation, topic)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.awaitBrokers(ctx, "the withdrawn rights of "+user, func(ctx context.Context, b *kgo.Broker) (bool, error) {
		n, err := rights(ctx, b, user, topic, operations)
		return n == 0, err
	})
}

// rights is how many of the operations a broker lets a user do.
func rights(ctx context.Context, b *kgo.Broker, user, topic string, operations []kadm.ACLOperation) (int, error) {
	principal := principal(user)
	req := kmsg.NewPtrDescribeACLsRequest()
	req.ResourceType = kmsg.ACLResourceTypeTopic
	req.ResourceName = &topic
	req.ResourcePatternType = kadm.ACLPatternLiteral
	req.Principal = &principal
	req.Operation = kadm.OpAny
	req.PermissionType = kmsg.ACLPermissionTypeAllow
	resp, err := req.RequestWith(ctx, b)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, r := range resp.Resources {
		for _, rule := range r.ACLs {
			if slices.Contains(operations, rule.Operation) {
				n++
			}
		}
	}
	return n, kerr.ErrorForCode(resp.ErrorCode)
}

func principal(user string) string { return "User:" + user }

func accessRules(user, topic string, operations []kadm.ACLOperation) *kadm.ACLBuilder {
	return kadm.NewACLs().Allow(principal(user)).AllowHosts().Topics(topic).
		ResourcePatternType(kadm.ACLPatternLiteral).Operations(operations...)
}

// SetPassword gives a user, new or not, a password for SCRAM-SHA-256 or
// SCRAM-SHA-512, of which brokers learn a moment later. Connections that are
// authenticated stay so. For users of PLAIN there is [Cluster.SetPlainPassword].
func (c *Cluster) SetPassword(ctx context.Context, user, password string, m settings.Method) error {
	mechanism, err := scramMechanism(m)
	if err != nil {
		return err
	}
	return c.alterSCRAM(ctx, nil, []kadm.UpsertSCRAM{{User: user, Mechanism: mechanism, Iterations: scramIterations, Password: password}})
}

// SetPlainPassword gives a user of [WithUser] another password for PLAIN, which is in
// the brokers' files: each learns of it when it is started again. It must not be
// called while a broker is being started. It fails if there is no such user, or the
// cluster has [WithDocumentedSetup].
func (c *Cluster) SetPlainPassword(name, password string) error {
	i := slices.IndexFunc(c.opts.users, func(u user) bool { return u.name == name && u.has(settings.Plain) })
	if i < 0 || c.opts.documented {
		return fmt.Errorf("apachekafka: no user %q of PLAIN that can be changed", name)
	}
	changed := c.opts.users[i]
	changed.password = password
	if err := changed.check(); err != nil {
		return err
	}
	c.opts.users[i] = changed
	return c.writeConfigs()
}

// RemovePassword takes a user's credential for SCRAM-SHA-256 or SCRAM-SHA-512
// away, of which brokers learn a moment later.
func (c *Cluster) RemovePassword(ctx context.Context, user string, m settings.Method) error {
	mechanism, err := scramMechanism(m)
	if err != nil {
		return err
	}
	return c.alterSCRAM(ctx, []kadm.DeleteSCRAM{{User: user, Mechanism: mechanism}}, nil)
}

func (c *Cluster) alterSCRAM(ctx context.Context, remove []kadm.DeleteSCRAM, set []kadm.UpsertSCRAM) error {
	return c.admin(func(a *kadm.Client) error {
		users, err := a.AlterUserSCRAMs(ctx, remove, set)
		if err == nil {
			err = users.Error()
		}
		if err != nil {
			return fmt.Errorf("apachekafka: changing a SCRAM user: %w", err)
		}
		return nil
	})
}

func scramMechanism(m settings.Method) (kadm.ScramMechanism, error) {
	switch m {
	case settings.SCRAMSHA256:
		return kadm.ScramSha256, nil
	case settings.SCRAMSHA512:
		return kadm.ScramSha512, nil
	default:
		return 0, fmt.Errorf("apachekafka: %s has no password that can be changed", m)
	}
}
