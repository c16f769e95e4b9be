package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

const session = `{"mpid":%d,"message_id":"%d","n":%d,"events":[{"event_type":"session_start","data":{}}]}`

// Both doors take batches while the gateway is killed again and again. Who gets no
// answer posts again. Each batch is in Kafka once, and those of a user are in order.
func TestGateway_killed(t *testing.T) {
	kills := 6
	if testing.Short() {
		kills = 3
	}
	k := forwardertest.NewKafka(t)
	c := configure(t, k, nil)
	p, doors, _ := c.serve(t)
	const posts = 50 // to a process
	n, unanswered := 0, 0
	for kill := 0; kill < kills || unanswered == 0; kill++ { // one kill at least hits a post that has no answer yet
		for range posts - 1 {
			require.NoError(t, post(t.Context(), t, doors, n))
			n++
		}
		end := p.cmd.Process.Kill
		hit := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) {
			time.AfterFunc(time.Duration(kill%6)*500*time.Microsecond, func() { _ = end() }) // at first at its begin
		}})
		err := post(hit, t, doors, n)
		require.Error(t, p.wait(t), "it was killed")
		p, doors, _ = c.serve(t)
		if err != nil {
			unanswered++
			err = post(t.Context(), t, doors, n)
		}
		require.NoError(t, err)
		n++
	}
	t.Logf("of %d posts, %d had no answer when the gateway was killed", n, unanswered)
	p.end(t)
	member, messages := forwardertest.Member("n"), k.Messages(t, "events")
	var want []string
	for i := range n {
		want = append(want, strconv.Itoa(i))
	}
	forwardertest.NoLoss(t, messages, want, member)
	assert.Len(t, messages, len(want)+len(want)/10, "once, and every tenth through each door")
	forwardertest.OrderedPerUser(t, messages, member)
}

// post posts batch n to the webhook's door, and every tenth to the door of server SDKs
// as well, for another user.
func post(ctx context.Context, t *testing.T, doors string, n int) error {
	t.Helper()
	status, text, err := tryCall(ctx, t, http.DefaultClient, http.MethodPost, doors+"/webhook", fmt.Sprintf(session, 1+n%5, n, n), hookSecret)
	if err != nil {
		return err
	}
	require.Equal(t, http.StatusOK, status, text)
	if n%10 != 0 {
		return nil
	}
	body := fmt.Sprintf(`{"mpid":"9","environment":"production","source_request_id":"r-%d","n":%d,"events":[{"event_type":"session_start","data":{}}]}`, n, n)
	status, text, err = tryCall(ctx, t, http.DefaultClient, http.MethodPost, doors+"/v2/events", body, shopSecret)
	if err == nil {
		require.Equal(t, http.StatusAccepted, status, text)
	}
	return err
}

// The gateway starts while Kafka is away, and stores. What it refused for ever is kept.
func TestGateway_kafkaIsDown(t *testing.T) {
	k := forwardertest.NewKafka(t)
	down := k.Unreachable()
	c := configure(t, k, nil)
	p, doors, admin := c.serve(t)
	assert.Contains(t, p.out.String(), "failed   connect", "the report")
	assert.Contains(t, p.out.String(), "batches are stored until Kafka can be reached")
	for path, want := range map[string]string{"/readyz": "ok\n", "/healthz": "ok\n"} {
		status, text := call(t, http.DefaultClient, http.MethodGet, admin+path, "", "")
		assert.Equal(t, http.StatusOK, status, text)
		assert.Equal(t, want, text)
	}
	for n := range 10 {
		status, text := call(t, http.DefaultClient, http.MethodPost, doors+"/webhook", fmt.Sprintf(session, 7, n, n), hookSecret)
		require.Equal(t, http.StatusOK, status, text)
	}
	status, text := call(t, http.DefaultClient, http.MethodPost, doors+"/webhook", `{"mpid":"x"}`, hookSecret)
	assert.Equal(t, http.StatusBadRequest, status, text)
	kept, err := filepath.Glob(filepath.Join(c.quarantine, "*-hook-*.json"))
	require.NoError(t, err)
	assert.Len(t, kept, 1)
	_, text = call(t, http.DefaultClient, http.MethodGet, admin+"/metrics", "", "")
	assert.Regexp(t, `(?m)^eventferry_spool_messages(\{[^}]*\})? 10$`, text)
	assert.Regexp(t, `(?m)^eventferry_receiver_posts_total\{code="200",door="webhook",feed="hook",[^}]*\} 10$`, text)
	assert.Regexp(t, `(?m)^eventferry_receiver_refused_total\{[^}]*feed="hook",[^}]*outcome="quarantined"[^}]*\} 1$`, text)

	down.Stop()
	p.end(t) // it sends what it has
	forwardertest.OrderedPerUser(t, k.Messages(t, "events"), forwardertest.Member("n"))
	assert.Len(t, k.Messages(t, "events"), 10)
}

// The report at the start has one patience for all topics: a Kafka that takes connections
// and says nothing does not keep the doors closed for each of them.
func TestGateway_kafkaIsSilent(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 20 seconds, and -short is set")
	}
	k := forwardertest.NewKafka(t)
	c := configure(t, k, func(file, settings map[string]any) {
		delete(settings, "topic_name")
		var routes []any
		for _, of := range []string{"session_start", "screen_view", "commerce_event", "custom_event", "session_end"} {
			routes = append(routes, map[string]any{"topic": of, "types": []string{of}})
		}
		file["routes"] = append(routes, map[string]any{"topic": "events"})
	})
	k.Silence()
	p, _, admin := c.serve(t)
	status, text := call(t, http.DefaultClient, http.MethodGet, admin+"/healthz", "", "")
	assert.Equal(t, http.StatusOK, status, text)
	var waited time.Duration
	for _, silence := range regexp.MustCompile(`failed   tls .*\((\S+)\)\n`).FindAllStringSubmatch(p.out.String(), -1) {
		took, err := time.ParseDuration(silence[1])
		require.NoError(t, err)
		waited += took
	}
	assert.Positive(t, waited)
	assert.Less(t, waited, 3*patience, "six topics with half a minute each would be told to have taken a minute and more")
	assert.Equal(t, 6, strings.Count(p.out.String(), `skipped  topic          "`), "each topic is told of")
}

// Each event goes to the topic of its route, past the filters of the settings.
func TestGateway_routes(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("events", 2), forwardertest.WithTopic("commerce", 2))
	c := configure(t, k, func(file, settings map[string]any) {
		delete(settings, "topic_name")
		settings["filters"] = []any{map[string]any{"environment": []string{"production"}}}
		file["routes"] = []any{map[string]any{"topic": "commerce", "types": []string{"commerce_event"}}, map[string]any{"topic": "events"}}
	})
	const two = `{"mpid":1,"environment":%q,"message_id":%q,"events":[{"event_type":"screen_view"},{"event_type":"commerce_event"}]}`
	out, err := command(t, c.env, fmt.Sprintf(two, "production", "a")+fmt.Sprintf(two, "development", "b"), "explain", "-config", c.file)
	require.NoError(t, err, out)
	assert.Contains(t, out, "commerce")
	assert.Contains(t, out, "filters[0].environment")

	p, doors, _ := c.serve(t)
	for i, environment := range []string{"production", "development"} {
		status, text := call(t, http.DefaultClient, http.MethodPost, doors+"/webhook", fmt.Sprintf(two, environment, fmt.Sprint(i)), hookSecret)
		require.Equal(t, http.StatusOK, status, text)
	}
	p.end(t)
	assert.Len(t, k.Messages(t, "events"), 1)
	assert.Len(t, k.Messages(t, "commerce"), 1)
}

// The events of a device leave as one batch, also those that a gateway which was killed
// has taken.
func TestGateway_window(t *testing.T) {
	k := forwardertest.NewKafka(t)
	c := configure(t, k, func(_, settings map[string]any) {
		settings["spool"] = map[string]any{"window": "1h", "max_bytes": 64 << 20}
	})
	c.env = append(c.env, "EVENTFERRY_SPOOL_DIR="+c.spool)
	for n := range 2 {
		p, doors, _ := c.serve(t)
		for i := range 3 {
			body := fmt.Sprintf(`{"mpid":1,"mp_deviceid":"d","message_id":"%d-%d","events":[{"event_type":"screen_view"}]}`, n, i)
			status, text := call(t, http.DefaultClient, http.MethodPost, doors+"/webhook", body, hookSecret)
			require.Equal(t, http.StatusOK, status, text)
		}
		p.kill(t)
	}
	assert.Empty(t, k.Messages(t, "events"))
	out, err := command(t, c.env, "", "drain", "-config", c.file, c.spool)
	require.NoError(t, err, out)
	messages := k.Messages(t, "events")
	require.Len(t, messages, 1)
	assert.Equal(t, 6, strings.Count(string(messages[0].Value), "screen_view"))
}

// With a certificate the gateway needs no proxy. It shows the one that the files have
// by now.
func TestGateway_certificate(t *testing.T) {
	k := forwardertest.NewKafka(t)
	dir := t.TempDir()
	issue := func(ca *forwardertest.CA) (cert, key, authority string) {
		issued, err := ca.IssueServer()
		require.NoError(t, err)
		cert, key, err = issued.WriteFiles(dir, "door")
		require.NoError(t, err)
		authority, err = ca.WriteFile(t.TempDir())
		require.NoError(t, err)
		return cert, key, authority
	}
	cert, key, authority := issue(k.CA())
	c := configure(t, k, func(file, _ map[string]any) {
		delete(file, "trusted_proxies")
		file["cert_file"], file["key_file"] = cert, key
	})
	p := start(t, dir, c.env, "serve", "-config", c.file)
	url := "https://" + p.find(t, `doors at (\S+),`)[1] + "/webhook"
	status, text := call(t, trusting(t, authority), http.MethodPost, url, fmt.Sprintf(session, 1, 1, 1), hookSecret)
	assert.Equal(t, http.StatusOK, status, text)

	other, err := forwardertest.NewCA()
	require.NoError(t, err)
	_, _, authority = issue(other)
	status, text = call(t, trusting(t, authority), http.MethodPost, url, fmt.Sprintf(session, 1, 2, 2), hookSecret)
	assert.Equal(t, http.StatusOK, status, text)
	p.end(t)
	assert.NoDirExists(t, filepath.Join(dir, "gateway-demo"))
}

// What somebody has to mend keeps the gateway from starting, with a reason.
func TestGateway_refusesToStart(t *testing.T) {
	k := forwardertest.NewKafka(t)
	for want, change := range map[string]func(file, settings map[string]any){
		"no_such_topic":                func(_, settings map[string]any) { settings["topic_name"] = "no_such_topic" },
		"unknown authority":            func(_, settings map[string]any) { settings["tls"] = map[string]any{} },
		"settings.spool.dir: missing":  func(_, settings map[string]any) { delete(settings, "spool") },
		"there is no feed":             func(file, _ map[string]any) { delete(file, "feeds") },
		`unknown member "feed"`:        func(file, _ map[string]any) { file["feed"] = 1 },
		"include_locations":            func(_, settings map[string]any) { settings["include_locations"] = true },
		"topic_name must be empty":     func(file, _ map[string]any) { file["routes"] = []any{map[string]any{"topic": "events"}} },
		"cert_file, key_file":          func(file, _ map[string]any) { delete(file, "trusted_proxies") },
		`feeds 0 ("other"): no secret`: func(file, _ map[string]any) { file["feeds"] = []any{map[string]any{"name": "other"}} },
	} {
		c := configure(t, k, change)
		out, err := command(t, c.env, "", "serve", "-config", c.file)
		assert.Error(t, err, want)
		assert.Contains(t, out, want)
	}
	c := configure(t, k, nil)
	out, err := command(t, append(c.env, "EVENTFERRY_PASSWORD=wrong"), "", "serve", "-config", c.file)
	assert.Error(t, err)
	assert.Contains(t, out, "failed   authenticate", "the report")
	assert.Regexp(t, `gateway: .*refuse`, out)
	for want, args := range map[string][]string{
		"usage: gateway":       {},
		"usage: gateway serve": {"server"},
		"-config is missing: gateway doctor -config FILE": {"doctor"},
		"-config /none: open":                             {"serve", "-config", "/none"},
		"flag provided but not ":                          {"serve", "-listen", ":1"},
		"not defined: -rate":                              {"serve", "-rate", "1"},
		`serve does not take ["/etc/gateway.json"]`:       {"serve", "/etc/gateway.json"}, // no demo then
		`doctor does not take ["more"`:                    {"doctor", "more", "-config", "/none"},
		"explain does not take":                           {"explain", "-config", c.file, "a", "b"},
		"drain does not take":                             {"drain", "-config", c.file, "a", "b"},
	} {
		out, err := command(t, nil, "", args...)
		assert.Error(t, err, want)
		assert.Contains(t, out, want)
	}
	out, err = command(t, []string{"EVENTFERRY_BOOTSTRAP_SERVERS=b:9093"}, "", "serve")
	assert.Error(t, err)
	assert.Contains(t, out, "-config is missing", "no demo in the place of a service that lacks its file")
}

// The probe is behind no spool: whatever that takes, credentials that a broker refuses
// are told, and nothing is stored with them.
func TestGateway_probesFirst(t *testing.T) {
	k := forwardertest.NewKafka(t)
	c := configure(t, k, nil)
	wrong := append(c.env[:len(c.env):len(c.env)], "EVENTFERRY_PASSWORD=wrong")
	out, err := command(t, wrong, "", "serve", "-config", c.file)
	assert.Error(t, err)
	assert.Regexp(t, `gateway: .*refuse`, out)
	assert.NoDirExists(t, c.spool)
	_, _, _ = c.serve(t)
	out, err = command(t, c.env, "", "serve", "-config", c.file)
	assert.Error(t, err)
	assert.Regexp(t, `gateway: .*another process`, out, "one spool, one process")
	out, err = command(t, wrong, "", "serve", "-config", c.file)
	assert.Error(t, err)
	assert.Regexp(t, `gateway: .*refuse`, out)
	assert.NotRegexp(t, `gateway: .*another process`, out)
}

// No error about the file holds anything of it: there may be secrets in it.
func TestGateway_noSecretInErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gateway.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"feeds":[{"name":"hook","secrets":["x"hush]}]}`), 0o600))
	out, err := command(t, nil, "", "doctor", "-config", file)
	assert.Error(t, err)
	assert.Contains(t, out, "no valid JSON at byte 40")
	assert.NotContains(t, out, "hush")
}
