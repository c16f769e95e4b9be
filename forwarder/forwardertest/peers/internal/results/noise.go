package results

import "fmt"

// MaxNoise is the noise of the machine beyond which a run says too little to be
// published.
const MaxNoise = 0.1

// CheckNoise reports an error for a run on a machine that was too noisy.
func (r *Results) CheckNoise() error {
	if r.Machine.Noise <= MaxNoise {
		return nil
	}
	return fmt.Errorf("results: the machine's noise was %.1f %%, more than %.0f: not published; run it again while nothing else runs",
		100*r.Machine.Noise, 100*MaxNoise)
}
