package judge

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/proxy"
	"github.com/eventferry/eventferry/settings"
)

// A testbed is a Kafka to judge on, with a proxy before each broker.
type testbed struct {
	name       string
	settings   settings.Settings      // of the process under test
	reader     settings.Settings      // for reading back
	partitions []int32                // the numbers that the topic has
	topics     []string               // with routes
	tooNew     []*forwardertest.Fault // all the time, brokers refuse what is dated more than an hour ahead
	proxies    []*proxy.Proxy
	dial       map[string]string // from a broker's address to its proxy's
	// passwordFile is read by the process under test. It is known when that has begun.
	passwordFile string
	fault        func(*rand.Rand) fault
	every        time.Duration                     // at which faults begin
	overlap      bool                              // though the one before has not healed
	script       func(context.Context, *run) error // what happens instead of faults by chance; may be nil
	required     []string                          // names of faults that are to hit before the run ends
	// maxMessageBytes is what the forwarder's messages may have.
	maxMessageBytes int
	close           func()
	spool           bool // the process under test has one
	window          time.Duration
	spoolBytes      int64      // bounds it, and nothing waits for Kafka; 0: neither
	killed          func() int // brokers so far; may be nil
	// tell sends a line to the process under test, if there is one.
	tell func(line string)
}

// addProxies puts a proxy before each server.
func (g *testbed) addProxies(servers []string) error {
	g.dial = map[string]string{}
	for _, s := range servers {
		p, err := proxy.New(s)
		if err != nil {
			g.closeProxies()
			return err
		}
		g.proxies = append(g.proxies, p)
		g.dial[s] = p.Addr()
	}
	return nil
}

func (g *testbed) closeProxies() {
	for _, p := range g.proxies {
		p.Close()
	}
}

// subjectSettings are those of the process under test, in dir, which gets the
// password: it is in no argument and no environment.
func (g *testbed) subjectSettings(dir string, maxMessageBytes int) (json.RawMessage, error) {
	s := g.settings
	password, err := s.ReadPassword()
	if err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	g.passwordFile = filepath.Join(dir, "password")
	s.Password, s.PasswordFile = settings.Secret{}, g.passwordFile
	if err := os.WriteFile(s.PasswordFile, []byte(password.Reveal()), 0o600); err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	s.Delivery.MaxMessageBytes = maxMessageBytes
	s.Delivery.MaxBufferedBytes = 16 << 20
	if s.Spool.Window = g.window; g.window != 0 {
		s.IncludeMPDeviceID = settings.On // messages show whose window they were
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	return text, nil
}

// secrets are what no output may contain.
func (g *testbed) secrets() (map[string]string, error) {
	password, err := g.settings.ReadPassword()
	if err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	p := password.Reveal()
	return map[string]string{
		"the password":           p,
		"the password in base64": base64.StdEncoding.EncodeToString([]byte(p)),
		"a frame of SASL PLAIN":  base64.StdEncoding.EncodeToString([]byte("\x00" + g.settings.UserName + "\x00" + p)),
		"payload":                load.Canary,
	}, nil
}

// refusedDates is how often brokers have refused what was dated ahead, in all topics.
func (g *testbed) refusedDates() (n int) {
	for _, f := range g.tooNew {
		n += f.Hits()
	}
	return n
}

// brokersKilled is how many brokers were killed by SIGKILL.
func (g *testbed) brokersKilled() int {
	if g.killed == nil {
		return 0
	}
	return g.killed()
}

// nameTopics gives the testbed its topics, and returns those that are not there yet.
func (g *testbed) nameTopics(o Options) (more []string) {
	g.name = fmt.Sprintf("%s, routes to %d topics", g.name, o.Routes)
	g.topics = load.Params{Topics: o.Routes}.TopicNames(topic)
	return g.topics[1:]
}
