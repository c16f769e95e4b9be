package refusals

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/settings"
)

// diagnosed: what Apache Kafka tells beyond the embedded one, to a user who may see
// all and to one who may only write.
func (a apache) diagnosed(t *testing.T, version string) {
	release := version[:strings.LastIndex(version, ".")]
	all := forwarder.Diagnose(t.Context(), a.SettingsFor("events", settings.SCRAMSHA256))
	assert.Equal(t, int32(3), all.Partitions)
	assert.Equal(t, forwarder.CheckWarning, all.Status(), "one replica: %v", all)
	for step, found := range map[string]string{
		"authenticate":  "offered: ",
		"versions":      "as those of Kafka " + release + "; ",
		"cluster":       ", controller 1, 1 broker",
		"topic":         "3 partitions on 1 leader, 1 replica each",
		"producer id":   "given",
		"broker config": "24h0m0s",
		"clock":         " the controller (give or take ",
	} {
		assert.Contains(t, check(t, all, step, "").Found, found)
	}
	for _, c := range all.Checks {
		if c.Step != "topic" {
			assert.Equal(t, forwarder.CheckOK, c.Status, "%s %s: %s", c.Step, c.Target, c.Found)
		}
	}
	for _, name := range []string{"message.timestamp.after.max.ms", "message.timestamp.before.max.ms", "cleanup.policy", "min.insync.replicas"} {
		check(t, all, "topic config", name)
	}

	little := forwarder.Diagnose(t.Context(), a.at(apachekafka.ListenerSASL, writer, ourSecret, settings.SCRAMSHA512))
	assert.Equal(t, "WRITE, DESCRIBE", check(t, little, "rights", "").Found)
	for _, step := range []string{"topic config", "broker config", "clock"} {
		c := check(t, little, step, "")
		assert.Equal(t, forwarder.CheckSkipped, c.Status, c.Found)
		assert.Contains(t, c.Do, "grant DESCRIBE")
	}
	assert.Equal(t, forwarder.CheckOK, check(t, little, "producer id", "").Status)
}
