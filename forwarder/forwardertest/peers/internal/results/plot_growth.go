package results

import (
	"fmt"
	"strings"
)

// growthPlot has a small plot for each thing that grows, two in a row.
func (r *Results) growthPlot() string {
	s := new(svg)
	s.heading("Processor time of a message as one thing grows, in µs",
		"Medians, with quartiles as whiskers. Each plot has its own scale.")
	if len(r.Growth) == 0 {
		return nothing(s)
	}
	top := s.legend(legendTop, contendersOf(r.Growth), colour)
	all := r.growing()
	for i, of := range all {
		steps := r.growthOf(of)
		drawGrowth(s, left+float64(i%2)*width/2, top+float64(i/2)*panelHigh, of, steps)
	}
	return s.document(top + float64((len(all)+1)/2)*panelHigh)
}

// drawGrowth puts the steps at equal distances: they are powers, more or less.
func drawGrowth(s *svg, x, y float64, of string, steps []Growth) {
	const w = width/2 - left - 20
	s.text(x, y+8, 12, "start", dark, of)
	y += 22
	var values []float64
	for _, g := range steps {
		for _, rounds := range g.Rounds {
			values = append(values, valuesOf(rounds, cpu)...)
		}
	}
	scale := linear(values)
	s.ground(x, y, w, plotHigh, scale)
	room := w / float64(len(steps))
	for i, g := range steps {
		s.text(x+(float64(i)+0.5)*room, y+plotHigh+16, 11, "middle", dark, fmt.Sprint(g.At))
	}
	for j, name := range contendersOf(steps) {
		var points []string
		for i, g := range steps {
			list := valuesOf(g.Rounds[name], cpu)
			// Beside each other, so that whiskers do not hide one another.
			px := x + (float64(i)+0.5)*room + float64(j*8-8)
			if len(list) == 0 {
				if len(g.Rounds[name]) > 0 { // else it had no part in this step
					s.text(px, y+plotHigh-4-float64(j)*10, 9, "middle", red, label(name)+" failed")
				}
				continue
			}
			low, median, high := quartiles(list)
			at := func(v float64) float64 { return y + plotHigh*(1-scale.at(v)) }
			s.whisker(px, at(low), at(high))
			s.printf(`<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n", px, at(median), colour(name))
			points = append(points, fmt.Sprintf("%.1f,%.1f", px, at(median)))
		}
		s.printf(`<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n",
			strings.Join(points, " "), colour(name))
	}
}
