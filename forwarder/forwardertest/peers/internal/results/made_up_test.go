package results_test

import (
	"maps"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/results"
)

// rounds of one contender that needs so much processor time; everything else
// follows from that, and the machine gets slower with each round.
func rounds(cpu float64) []results.Measurement {
	var list []results.Measurement
	for i := range 3 {
		v := cpu * (1 + 0.1*float64(i))
		list = append(list, results.Measurement{Rate: 1e6 / v, CPUMicros: v, Allocations: 3, AllocBytes: 100,
			PeakKiB: 90 << 10, P50Micros: 100 * v, P99Micros: 300 * v, P999Micros: 2000 * v})
	}
	return list
}

func failed(reason string) []results.Measurement {
	return []results.Measurement{{Error: reason}, {Error: reason}}
}

func producers() map[string][]results.Measurement {
	return map[string][]results.Measurement{
		peer.Forward: rounds(44), peer.Stock: rounds(55), peer.Engine: rounds(30), peer.Seam: rounds(36), peer.Franz: rounds(50), peer.FranzWait: rounds(40), peer.FranzLong: rounds(48),
		peer.Sarama: rounds(60), peer.Confluent: rounds(200), peer.Java: rounds(70),
	}
}

func everybody() map[string][]results.Measurement {
	all := producers()
	maps.Copy(all, map[string][]results.Measurement{
		peer.FromBytes: rounds(52), peer.Structs: rounds(260), peer.StructsWait: rounds(208),
		peer.JSONv2: rounds(130), peer.JSONv2Wait: rounds(104), peer.Sonic: rounds(80), peer.SonicWait: rounds(90),
		peer.Webhook: rounds(60), peer.StructsPosted: rounds(240), peer.StructsPostedWait: rounds(300),
	})
	return all
}

// madeUp has all that a run can have, with some failures.
func madeUp() *results.Results {
	r := &results.Results{
		Began: "2026-01-02T03:04:05Z", Minutes: 61, Command: "go run .",
		Machine:  results.Machine{CPU: "Some <CPU> & more", Cores: 2, Noise: 0.031, OS: "linux"},
		Versions: results.Versions{"go": "1.26.0", "java": "21"},
		Growth: []results.Growth{
			{Of: "callers", At: 64, Rounds: producers()},
			{Of: "callers", At: 1, Rounds: map[string][]results.Measurement{
				peer.Engine: rounds(31), peer.Forward: failed("no leader"), peer.FranzWait: rounds(45)}},
			{Of: "brokers", At: 3, Rounds: producers()},
		},
		Floor: []results.Floor{{Size: "9 KB", Codec: "zstd", BatchKiB: 90, CPUMicros: []float64{10, 11, 12}}},
		Profiles: []results.Shares{
			{Codec: "lz4", Shares: map[string]float64{"codec": 0.5, "TLS": 0.3, "system calls": 0.2}},
			{Codec: "zstd", Shares: map[string]float64{"codec": 0.8, "TLS": 0.1, "system calls": 0.08, "GC": 0.02}},
		},
	}
	for _, cluster := range []string{"1 x 3.9.2", "3 x 4.3.1"} {
		for _, codec := range []string{"none", "lz4", "zstd"} {
			for _, size := range []string{"1 KiB", "9 KB", "64 KB"} {
				group := "64 x 10"
				if size == "1 KiB" {
					group = "64 x 100"
				}
				for _, shape := range []string{"64 x 1", group, "pipeline"} {
					r.Cells = append(r.Cells, results.Cell{Cluster: cluster, Size: size, Codec: codec, Shape: shape, Rounds: everybody()})
				}
			}
		}
	}
	r.Cells[1].Rounds[peer.Sarama] = failed("broker | gone\n<twice>")
	r.Cells[2].Rounds[peer.Java][1] = results.Measurement{Error: "out of memory"}
	return r
}
