package results

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
)

const (
	width = 900
	dark  = "#24292f"
	grey  = "#6e7781"
	pale  = "#d0d7de"
	red   = "#b00020"
)

// An svg is a drawing that grows. Its text uses whatever sans-serif the reader
// has: a picture in a README may load nothing.
type svg struct{ strings.Builder }

func (s *svg) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(s, format, args...) // a Builder takes everything
}

func (s *svg) rect(x, y, w, h float64, fill string) {
	s.printf(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, y, w, h, fill)
}

func (s *svg) line(x1, y1, x2, y2 float64, stroke string, dashed bool) {
	dash := ""
	if dashed {
		dash = ` stroke-dasharray="4 3"`
	}
	s.printf(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"%s/>`+"\n", x1, y1, x2, y2, stroke, dash)
}

// whisker from one quartile to the other.
func (s *svg) whisker(x, y1, y2 float64) {
	s.line(x, y1, x, y2, dark, false)
	s.line(x-3, y1, x+3, y1, dark, false)
	s.line(x-3, y2, x+3, y2, dark, false)
}

// text at a point; anchor is start, middle or end. Its white edge keeps it
// readable over lines.
func (s *svg) text(x, y, size float64, anchor, fill, words string) {
	s.printf(`<text x="%.1f" y="%.1f" font-size="%.0f" text-anchor="%s" fill="%s" stroke="#ffffff" stroke-width="2" paint-order="stroke">`, x, y, size, anchor, fill)
	_ = xml.EscapeText(s, []byte(words)) // a Builder takes everything
	s.WriteString("</text>\n")
}

// heading of a plot, with what a reader must know below it.
func (s *svg) heading(title, note string) {
	s.text(12, 24, 16, "start", dark, title)
	s.text(12, 42, 11, "start", grey, note)
}

// cut marks a bar that runs out of the picture: a slanted gap across it.
func (s *svg) cut(x, y, w float64) {
	s.printf(`<polygon points="%.1f,%.1f %.1f,%.1f %.1f,%.1f %.1f,%.1f" fill="#ffffff"/>`+"\n",
		x, y+3, x+w, y-5, x+w, y, x, y+8)
}

// legend of names and their colours, in as many lines as they need. It returns
// the height at which the next thing may begin.
func (s *svg) legend(y float64, names []string, colour func(string) string) (below float64) {
	const lineHigh = 16
	x := 12.0
	for _, name := range names {
		words := label(name)
		w := 14 + 6.2*float64(len(words))
		if x+w > width-12 {
			x, y = 12, y+lineHigh
		}
		s.rect(x, y-9, 10, 10, colour(name))
		s.text(x+14, y, 11, "start", dark, words)
		x += w + 16
	}
	return y + 18
}

// document is the finished file. The white ground keeps it readable where the
// page around it is dark.
func (s *svg) document(height float64) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%.0f" viewBox="0 0 %d %.0f" font-family="Helvetica, Arial, sans-serif">
<rect width="100%%" height="100%%" fill="#ffffff"/>
%s</svg>
`, width, height, width, height, s.String())
}

// An axis turns values into a part of its length.
type axis struct {
	low, high float64
	log       bool
	ticks     []float64
}

// linear starts at 0, so that lengths can be compared, and ends at a round
// number above the highest value.
func linear(values []float64) axis {
	_, high := bounds(values)
	if !(high > 0) { // NaN too
		high = 1
	}
	step := math.Pow(10, math.Floor(math.Log10(high)))
	for _, part := range []float64{0.2, 0.25, 0.5, 1} {
		if part*step*5 >= high {
			step *= part
			break
		}
	}
	if high > 5*step {
		step *= 2
	}
	a := axis{high: step * math.Ceil(high/step)}
	for i := 0.0; i*step <= a.high*1.001; i++ {
		a.ticks = append(a.ticks, i*step)
	}
	return a
}

// decades is for values that are far apart.
func decades(values []float64) axis {
	low, high := bounds(values)
	if !(low > 0) {
		low, high = 1, 10
	}
	first, last := math.Floor(math.Log10(low)), math.Ceil(math.Log10(high))
	last = max(last, first+1)
	a := axis{low: math.Pow(10, first), high: math.Pow(10, last), log: true}
	for i := first; i <= last; i++ {
		a.ticks = append(a.ticks, math.Pow(10, i))
	}
	return a
}

func (a axis) at(v float64) float64 {
	v = min(max(v, a.low), a.high)
	if a.log {
		return math.Log(v/a.low) / math.Log(a.high/a.low)
	}
	return (v - a.low) / (a.high - a.low)
}

// bounds are the least and the greatest; NaN where there is none.
func bounds(list []float64) (low, high float64) {
	low, high = math.NaN(), math.NaN()
	for i, v := range list {
		if i == 0 {
			low, high = v, v
		}
		low, high = min(low, v), max(high, v)
	}
	return low, high
}
