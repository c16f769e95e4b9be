package forwardertest

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/eventferry/eventferry/settings"
)

// Grant lets a user of [ApacheUser] do something with a topic, which need not
// exist. It takes [ApacheACLs]. Brokers learn of it a moment after Grant has
// returned.
func (c *ApacheCluster) Grant(ctx context.Context, user, topic string, operations ...kadm.ACLOperation) error {
	rules := accessRules(user, topic, operations)
	return c.admin(func(a *kadm.Client) error {
		results, err := a.CreateACLs(ctx, rules)
		if err != nil {
			return fmt.Errorf("forwardertest: granting %s on topic %s to %s: %w", operations, topic, user, err)
		}
		for _, r := range results {
			if r.Err != nil {
				return fmt.Errorf("forwardertest: granting %s on topic %s to %s: %w", operations, topic, user, r.Err)
			}
		}
		return nil
	})
}

// Withdraw takes back what [ApacheCluster.Grant] gave, of which brokers learn a
// moment later, too.
func (c *ApacheCluster) Withdraw(ctx context.Context, user, topic string, operations ...kadm.ACLOperation) error {
	rules := accessRules(user, topic, operations)
	return c.admin(func(a *kadm.Client) error {
		results, err := a.DeleteACLs(ctx, rules)
		if err != nil {
			return fmt.Errorf("forwardertest: withdrawing %s on topic %s from %s: %w", operations, topic, user, err)
		}
		for _, r := range results {
			if r.Err != nil {
				return fmt.Errorf("forwardertest: withdrawing %s on topic %s from %s: %w", operations, topic, user, r.Err)
			}
			if len(r.Deleted) == 0 {
				return fmt.Errorf("forwardertest: %s has no %s on topic %s to withdraw", user, r.Operation, topic)
			}
		}
		return nil
	})
}

func accessRules(user, topic string, operations []kadm.ACLOperation) *kadm.ACLBuilder {
	return kadm.NewACLs().Allow("User:" + user).AllowHosts().Topics(topic).
		ResourcePatternType(kadm.ACLPatternLiteral).Operations(operations...)
}

// SetPassword gives a user, new or not, a password for SCRAM-SHA-256 or
// SCRAM-SHA-512. Connections that are authenticated stay so. Users of PLAIN
// are in the brokers' files and cannot be changed.
func (c *ApacheCluster) SetPassword(ctx context.Context, user, password string, m settings.Method) error {
	mechanism, err := scramMechanism(m)
	if err != nil {
		return err
	}
	return c.alterSCRAM(ctx, nil, []kadm.UpsertSCRAM{{User: user, Mechanism: mechanism, Iterations: scramIterations, Password: password}})
}

// RemovePassword takes a user's credential for SCRAM-SHA-256 or SCRAM-SHA-512
// away.
func (c *ApacheCluster) RemovePassword(ctx context.Context, user string, m settings.Method) error {
	mechanism, err := scramMechanism(m)
	if err != nil {
		return err
	}
	return c.alterSCRAM(ctx, []kadm.DeleteSCRAM{{User: user, Mechanism: mechanism}}, nil)
}

func (c *ApacheCluster) alterSCRAM(ctx context.Context, remove []kadm.DeleteSCRAM, set []kadm.UpsertSCRAM) error {
	return c.admin(func(a *kadm.Client) error {
		users, err := a.AlterUserSCRAMs(ctx, remove, set)
		if err == nil {
			err = users.Error()
		}
		if err != nil {
			return fmt.Errorf("forwardertest: changing a SCRAM user: %w", err)
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
		return 0, fmt.Errorf("forwardertest: %s has no password that can be changed", m)
	}
}
