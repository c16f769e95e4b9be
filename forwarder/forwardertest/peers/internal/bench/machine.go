package bench

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/results"
)

func machine() results.Machine {
	m := results.Machine{Cores: cores(), OS: runtime.GOOS + "/" + runtime.GOARCH}
	text, _ := os.ReadFile("/proc/cpuinfo") // then the name stays empty
	if found := regexp.MustCompile(`(?m)^model name\s*:\s*(.*)$`).FindSubmatch(text); found != nil {
		m.CPU = string(found[1])
	}
	return m
}

// versions are those of the programs, and of the modules that the contenders
// are made of.
func versions(ctx context.Context) results.Versions {
	_, librdkafka := kafka.LibraryVersion()
	v := results.Versions{"go": runtime.Version(), "librdkafka": librdkafka,
		"Kafka": apachekafka.Version39 + " and " + apachekafka.Version43, "Java client": apachekafka.Version43}
	if out, err := exec.CommandContext(ctx, "java", "-version").CombinedOutput(); err == nil {
		v["java"] = strings.Trim(strings.SplitN(string(out), "\n", 2)[0], `"`)
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, m := range info.Deps {
		if slices.Contains([]string{"github.com/IBM/sarama", "github.com/twmb/franz-go", "github.com/confluentinc/confluent-kafka-go/v2",
			"github.com/klauspost/compress", "github.com/pierrec/lz4/v4"}, m.Path) {
			v[m.Path] = m.Version
		}
	}
	return v
}

// spreadOf is (p90-p10)/median.
func spreadOf(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(list))
	at := func(p float64) float64 { return s[int(p*float64(len(s)-1)+0.5)] }
	return (at(0.9) - at(0.1)) / at(0.5)
}
