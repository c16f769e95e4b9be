package results

import (
	"fmt"
	"slices"
)

// profilePlot has a bar for each codec, made of the shares of the kinds.
func (r *Results) profilePlot() string {
	s := new(svg)
	s.heading("Where the processor time of our process goes", "9 KB, shares of all samples in %.")
	if len(r.Profiles) == 0 {
		return nothing(s)
	}
	kinds := r.kinds()
	top := s.legend(legendTop, kinds, func(kind string) string { return paint(slices.Index(kinds, kind)) })
	for i, p := range r.Profiles {
		y, x := top+8+float64(i)*46, left
		s.text(x-6, y+22, 12, "end", dark, p.Codec)
		for j, kind := range kinds {
			w := plotWidth * min(max(p.Shares[kind], 0), 1)
			s.rect(x, y, w, 34, paint(j))
			if w > 28 { // else the number has no room
				s.text(x+w/2, y+22, 11, "middle", dark, fmt.Sprintf("%.0f", 100*p.Shares[kind]))
			}
			x += w
		}
	}
	return s.document(top + 16 + float64(len(r.Profiles))*46)
}

// paint is light enough for dark numbers on it.
func paint(i int) string {
	list := []string{"#8ecae6", "#f4a261", "#a3d9a5", "#e9c46a", "#d7a9e3", "#f2a6a6", "#b8c4ce", "#9ad5ca", "#e0d3b8", "#c9cba3"}
	return list[i%len(list)]
}
