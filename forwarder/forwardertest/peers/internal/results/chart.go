package results

import (
	"fmt"
	"math"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
)

// A chart is rows of panels, of groups of bars, one bar for each contender.
type chart struct {
	title, note string
	panels      []panel
	log         bool
	one         bool // draws where 1 is: values are ratios
}

type panel struct {
	title  string
	groups []group
}

type group struct {
	name string
	bars []bar
}

// A bar without a value stands for a failure, or for a ratio to one.
type bar struct {
	name             string
	low, value, high float64
	failed           bool
}

// Bars above this ratio are cut, so that one slow contender does not make the
// others' bars too small to be told apart. The number over the bar is not cut.
const highestRatio = 3

// label names a contender to a reader who has seen nothing but the plot.
func label(name string) string {
	switch name {
	case peer.Forward:
		return "eventferry: Forward, every switch on"
	case peer.Stock:
		return "eventferry: Forward with WithSaramaProducer"
	case peer.Engine:
		return "eventferry: its producer alone"
	case peer.Seam:
		return "eventferry: its adapter to AsyncProducer alone"
	case peer.Franz:
		return "franz-go, linger 0"
	case peer.FranzWait:
		return "franz-go, linger 5 ms"
	case peer.FranzLong:
		return "franz-go, linger 10 ms"
	case peer.Sarama:
		return "Sarama's AsyncProducer"
	case peer.Confluent:
		return "librdkafka (confluent-kafka-go)"
	case peer.Java:
		return "Java producer"
	}
	return name
}

// colour of a contender: related contenders have related colours, and readers who
// see few colours can distinguish all.
func colour(name string) string {
	switch name {
	case peer.Forward:
		return "#0072b2"
	case peer.Stock:
		return "#7a8fd1"
	case peer.Engine:
		return "#56b4e9"
	case peer.Seam:
		return "#b3c7f7"
	case peer.Franz:
		return "#00664b"
	case peer.FranzWait:
		return "#3fbf9b"
	case peer.FranzLong:
		return "#a6e3cf"
	case peer.Sarama:
		return "#e69f00"
	case peer.Confluent:
		return "#cc79a7"
	case peer.Java:
		return "#d55e00"
	}
	return "#999999"
}

const (
	left      = 52.0 // room for the numbers of an axis
	plotWidth = width - left - 12
	plotHigh  = 130.0
	panelHigh = 196.0
	legendTop = 62.0
)

func (c chart) svg() string {
	s := new(svg)
	s.heading(c.title, c.note)
	names := map[string]bool{}
	var values []float64
	for _, p := range c.panels {
		for _, g := range p.groups {
			for _, b := range g.bars {
				names[b.name] = true
				if !math.IsNaN(b.value) {
					values = append(values, b.value, b.high)
				}
			}
		}
	}
	if len(names) == 0 {
		return nothing(s)
	}
	top := s.legend(legendTop, sortedBy(names, order()), colour)
	scale := linear(values)
	switch {
	case c.log:
		scale = decades(values)
	case c.one && scale.high > highestRatio:
		scale = linear([]float64{highestRatio})
	}
	for i, p := range c.panels {
		p.draw(s, top+float64(i)*panelHigh, scale, c.one)
	}
	return s.document(top + float64(len(c.panels))*panelHigh)
}

// nothing is the plot of a run that has no such numbers.
func nothing(s *svg) string {
	s.text(width/2, 90, 12, "middle", grey, "not measured in this run")
	return s.document(120)
}

// ground draws an axis and its ticks for a plot whose upper left corner is x, y.
func (s *svg) ground(x, y, w, h float64, scale axis) {
	for _, tick := range scale.ticks {
		at := y + h*(1-scale.at(tick))
		s.line(x, at, x+w, at, pale, false)
		s.text(x-5, at+4, 10, "end", grey, fmt.Sprintf("%.4g", tick))
	}
}

func (p panel) draw(s *svg, y float64, scale axis, one bool) {
	s.text(left, y+8, 12, "start", dark, p.title)
	y += 28
	s.ground(left, y, plotWidth, plotHigh, scale)
	if one {
		at := y + plotHigh*(1-scale.at(1))
		s.line(left, at, left+plotWidth, at, dark, true)
	}
	room := plotWidth / float64(max(1, len(p.groups)))
	for i, g := range p.groups {
		middle := left + (float64(i)+0.5)*room
		s.text(middle, y+plotHigh+16, 11, "middle", dark, g.name)
		w := min(36, 0.94*room/float64(max(1, len(g.bars))))
		for j, b := range g.bars {
			b.draw(s, middle+(float64(j)-float64(len(g.bars))/2)*w, y, w, scale)
		}
	}
}

func (b bar) draw(s *svg, x, y, w float64, scale axis) {
	middle := x + w/2
	if math.IsNaN(b.value) {
		word := none
		if b.failed {
			word = "failed"
		}
		s.text(middle, y+plotHigh-4, 9, "middle", red, word)
		return
	}
	long := plotHigh * scale.at(b.value)
	s.rect(x+1.5, y+plotHigh-long, w-3, long, colour(b.name))
	upper := y + plotHigh*(1-scale.at(b.high))
	switch {
	case b.value > scale.high:
		s.cut(x, y+12, w)
	case b.low < b.high:
		s.whisker(middle, y+plotHigh*(1-scale.at(b.low)), upper)
	}
	number := fmt.Sprintf("%.2f", b.value)
	if b.value >= 10 {
		number = fmt.Sprintf("%.0f", b.value)
	}
	s.text(middle, upper-4, 9, "middle", dark, number)
}
