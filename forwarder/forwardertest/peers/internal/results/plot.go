package results

import "math"

// Plots are the pictures of a run, SVG by file name.
func (r *Results) Plots() map[string]string {
	return map[string]string{
		"cpu.svg": r.ratioChart(cpu, "Processor time of a message",
			"Relative to franz-go with its better linger (= 1). One broker, 64 callers, each with N messages at once (64 x N). Less is better. "+cutNote).svg(),
		"rate.svg": r.ratioChart(rate, "Messages a second",
			"Relative to franz-go with the linger that needs less CPU (= 1). One broker, 64 callers, each with N messages at once (64 x N). More is better. "+cutNote).svg(),
		"latency.svg": r.latencyChart().svg(),
		"growth.svg":  r.growthPlot(),
		"profile.svg": r.profilePlot(),
	}
}

// cutNote explains the marks of bars of ratios.
const cutNote = "Whiskers: quartiles; a gap: cut."

// ratioChart has a panel for each codec and a group of bars for each size.
func (r *Results) ratioChart(of func(Measurement) float64, title, note string) chart {
	cells := r.cellsWhere(func(c Cell) bool { return c.oneBroker() && c.grouped() })
	ch := chart{title: title, note: note, one: true}
	for _, codec := range distinct(cells, codecOf) {
		p := panel{title: "codec " + codec}
		for _, c := range cells {
			if c.Codec != codec {
				continue
			}
			g := group{name: c.Size + ", " + c.Shape}
			base := franz(c.Rounds)
			for _, name := range sortedBy(withoutWholeWay(c.Rounds), producers()) {
				b := bar{name: name, value: math.NaN()}
				_, b.failed = failures(c.Rounds[name])
				if ratio := RatioOf(c.Rounds[name], c.Rounds[base], of); ratio.N > 0 {
					b.low, b.value, b.high = ratio.Low, ratio.Median, ratio.High
				}
				g.bars = append(g.bars, b)
			}
			p.groups = append(p.groups, g)
		}
		ch.panels = append(ch.panels, p)
	}
	return ch
}

// latencyChart is of callers that wait for one message at a time.
func (r *Results) latencyChart() chart {
	ch := chart{
		title: "Milliseconds until the acknowledgement",
		note:  "9 KB, one broker, 64 callers that each wait for one message at a time. Logarithmic. Less is better. Whiskers are quartiles.",
		log:   true,
	}
	for _, c := range r.cellsWhere(func(c Cell) bool { return c.oneBroker() && c.Size == "9 KB" && c.Shape == "64 x 1" }) {
		p := panel{title: "codec " + c.Codec}
		for _, kind := range []struct {
			name string
			of   func(Measurement) float64
		}{{"p50", p50}, {"p99", p99}, {"p999", p999}} {
			g := group{name: kind.name}
			for _, name := range sortedBy(withoutWholeWay(c.Rounds), producers()) {
				b := bar{name: name}
				_, b.failed = failures(c.Rounds[name])
				b.low, b.value, b.high = quartiles(valuesOf(c.Rounds[name], kind.of))
				g.bars = append(g.bars, b)
			}
			p.groups = append(p.groups, g)
		}
		ch.panels = append(ch.panels, p)
	}
	return ch
}
