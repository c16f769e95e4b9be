package engine

// A wireRatio estimates how much of a request is left on the wire, after compression, from
// the requests before it. The zero value knows of none.
type wireRatio struct {
	worst float64 // bytes on the wire for each byte before compression, of late
}

const (
	// minTellingBytes is the size of a request before compression from which it tells
	// something of larger ones. With small limits it is half of what surely fits.
	minTellingBytes = 32 << 10

	// wireMargin is by how much the next request may compress worse than the worst.
	wireMargin = 1.25
)

// observe records what a request took. One that compresses worse than those before it
// counts at once, and is forgotten slowly.
func (w *wireRatio) observe(before, written int, limits sendLimits) {
	if before < limits.telling || written <= 0 {
		return
	}
	ratio := float64(written) / float64(before)
	w.worst = max(ratio, w.worst+(ratio-w.worst)/16)
}

// most returns how many bytes, before compression, the next request may gather: what
// surely fits on the wire, or what most likely does.
func (w *wireRatio) most(limits sendLimits) int {
	likely := 0
	if w.worst > 0 {
		likely = int(float64(limits.onWire) / (wireMargin * w.worst))
	}
	return min(limits.request, max(limits.fitting, likely))
}
