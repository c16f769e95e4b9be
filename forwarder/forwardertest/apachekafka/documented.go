package apachekafka

import (
	"context"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/jvm"
	"github.com/eventferry/eventferry/settings"
)

// recipe holds the three files that examples/broker/README.md shows.
//
//go:embed recipe
var recipe embed.FS

const (
	recipeKeys       = "make-keys.sh"
	recipeProperties = "server.properties"
	recipeUsers      = "jaas.conf"
)

// The addresses in the recipe, which become free ports.
const (
	recipeListener   = "localhost:9093"
	recipeController = "localhost:9094"
)

// WithDocumentedSetup starts one broker as mParticle's page tells its users to
// set it up, from the files in the folder recipe: JKS key store and trust
// store made by keytool, a jaas.conf with an entry user_mparticle, PLAIN and
// nothing else. They differ from the page where KRaft takes ZooKeeper's place,
// and in the subject alternative name, which Go's TLS asks for. Of the
// listeners there is only [ListenerSASL]; other options than [WithVersion]
// have no effect.
func WithDocumentedSetup() Option {
	return optionFunc(func(o *options) {
		o.documented, o.brokers = true, 1
		o.users = []user{{"mparticle", "mparticle-secret", []settings.Method{settings.Plain}}}
	})
}

// certifyDocumented runs the recipe's commands in the broker's folder.
func (c *Cluster) certifyDocumented(ctx context.Context) error {
	dir := c.brokers[0].dir
	if err := os.CopyFS(dir, recipe); err != nil {
		return fmt.Errorf("apachekafka: %w", err)
	}
	keytool, err := c.java.Tool("keytool")
	if err != nil {
		return err
	}
	script, err := filepath.Abs(filepath.Join(dir, "recipe", recipeKeys))
	if err != nil {
		return fmt.Errorf("apachekafka: %w", err)
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", "-e", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(),
		"PATH="+filepath.Dir(keytool)+string(filepath.ListSeparator)+os.Getenv("PATH"),
		"JAVA_TOOL_OPTIONS=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC") // for programs that run half a second
	if _, err := jvm.Output(cmd); err != nil {
		return fmt.Errorf("apachekafka: making the key stores: %w", err)
	}
	c.caFile = filepath.Join(dir, "ca.pem")
	return nil
}

// configDocumented returns the recipe's properties, with this run's ports.
func (c *Cluster) configDocumented(b *broker) (properties, error) {
	text, err := recipe.ReadFile("recipe/" + recipeProperties)
	if err != nil {
		return nil, fmt.Errorf("apachekafka: %w", err)
	}
	here := strings.NewReplacer(
		recipeListener, b.address(ListenerSASL),
		recipeController, b.address(listenerController),
	)
	return properties{here.Replace(string(text))}, nil
}

// documentedFlags say where the users are: Kafka does not read that from
// server.properties, although mParticle's page has it there.
func (c *Cluster) documentedFlags() []string {
	return []string{"-Djava.security.auth.login.config=" + filepath.Join(c.brokers[0].dir, "recipe", recipeUsers)}
}
