package results

import (
	"maps"
	"slices"
)

// Together returns the rounds of several whole runs of the same code as one
// Results, with the runs themselves in Runs. The same index stays the same round
// of the same run, so ratios never compare one run with another. It takes what
// the runs hold and must not be changed while they are used.
func Together(runs []*Results) *Results {
	all := &Results{Runs: runs, Versions: Versions{}}
	for _, r := range runs {
		before := all.rounds()
		all.Quick = all.Quick || r.Quick
		all.Machine.Noise = max(all.Machine.Noise, r.Machine.Noise)
		for name, version := range r.Versions {
			all.Versions[name] = joined(all.Versions[name], version)
		}
		for _, c := range r.Cells {
			into := entry(&all.Cells, func(o Cell) bool {
				return o.Cluster == c.Cluster && o.Size == c.Size && o.Codec == c.Codec && o.Shape == c.Shape
			}, Cell{Cluster: c.Cluster, Size: c.Size, Codec: c.Codec, Shape: c.Shape, Rounds: map[string][]Measurement{}})
			addRounds(into.Rounds, c.Rounds, before)
		}
		for _, f := range r.Floor {
			into := entry(&all.Floor, func(o Floor) bool { return o.Size == f.Size && o.Codec == f.Codec && o.BatchKiB == f.BatchKiB },
				Floor{Size: f.Size, Codec: f.Codec, BatchKiB: f.BatchKiB})
			into.CPUMicros = append(upTo(into.CPUMicros, before), f.CPUMicros...)
		}
		for _, g := range r.Growth {
			into := entry(&all.Growth, func(o Growth) bool { return o.Of == g.Of && o.At == g.At },
				Growth{Of: g.Of, At: g.At, Rounds: map[string][]Measurement{}})
			addRounds(into.Rounds, g.Rounds, before)
		}
	}
	all.Profiles = meanShares(runs)
	return all
}

// rounds is the number of rounds of what has most.
func (r *Results) rounds() int {
	most := 0
	longest := func(rounds map[string][]Measurement) {
		for _, list := range rounds {
			most = max(most, len(list))
		}
	}
	for _, c := range r.Cells {
		longest(c.Rounds)
	}
	for _, g := range r.Growth {
		longest(g.Rounds)
	}
	for _, f := range r.Floor {
		most = max(most, len(f.CPUMicros))
	}
	return most
}

// entry returns the one of list that is meant, which is added if it is not there.
func entry[T any](list *[]T, is func(T) bool, added T) *T {
	i := slices.IndexFunc(*list, is)
	if i < 0 {
		i = len(*list)
		*list = append(*list, added)
	}
	return &(*list)[i]
}

func addRounds(into, rounds map[string][]Measurement, before int) {
	for name, list := range rounds {
		into[name] = append(upTo(into[name], before), list...)
	}
}

// upTo fills list with zeros, which count for nothing, to the length of former
// runs.
func upTo[T any](list []T, length int) []T {
	return append(slices.Clip(list), make([]T, length-len(list))...)
}

func joined(former, version string) string {
	if former == "" || former == version {
		return version
	}
	return former + " and " + version
}

// meanShares has the shares of each codec, the means of the runs that have it.
func meanShares(runs []*Results) []Shares {
	var list []Shares
	number := map[string]int{}
	for _, r := range runs {
		for _, p := range r.Profiles {
			into := entry(&list, func(o Shares) bool { return o.Codec == p.Codec }, Shares{Codec: p.Codec, Shares: map[string]float64{}})
			number[p.Codec]++
			for kind, share := range p.Shares {
				into.Shares[kind] += share
			}
		}
	}
	for _, p := range list {
		for kind := range maps.Keys(p.Shares) {
			p.Shares[kind] /= float64(number[p.Codec])
		}
	}
	return list
}
