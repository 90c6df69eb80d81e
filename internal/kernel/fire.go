package kernel

// FireParams are what [Fire] needs beside the state of the neurons.
type FireParams struct {
	N         int       // Channels a position, a multiple of [Lanes].
	Words     int       // 64-bit words a position of the mask: channels / 64, rounded up.
	Threshold []float32 // θ, per channel, length N; +Inf for padding.
	ResetZero bool      // Set the potential of a neuron that fires to zero instead of subtracting θ.
}

// Fire advances a row of integrate-and-fire neurons by one timestep, clears the
// current for the next, and returns the number of spikes. For position p and
// channel c:
//
//	v[p*N+c] += cur[p*N+c] + constant[(p*N+c) % len(constant)]
//	bit c of position p of mask = v[p*N+c] >= Threshold[c]
//	if it is set: v[p*N+c] -= Threshold[c], or = 0 for ResetZero
//	cur[p*N+c] = 0
//
// constant is one current per neuron, or N long for one per channel. Bits of mask
// above N stay zero.
func Fire(mask []uint64, v, cur, constant []float32, par *FireParams) int {
	n := par.N
	if n%Lanes != 0 || len(v)%n != 0 || len(cur) != len(v) || len(par.Threshold) != n ||
		len(constant) != n && len(constant) != len(v) || len(mask) != len(v)/n*par.Words || n > par.Words*64 {
		panic("kernel: Fire: length mismatch")
	}
	if len(v) == 0 {
		return 0
	}
	return fire(mask, v, cur, constant, par)
}

func fireGeneric(mask []uint64, v, cur, constant []float32, par *FireParams) int {
	n, spikes := par.N, 0
	broadcast := len(constant) == n
	for p := 0; len(v) > 0; p++ {
		k := constant
		if !broadcast {
			k = constant[p*n:]
		}
		spikes += firePosition(mask[p*par.Words:(p+1)*par.Words], v[:n], cur[:n], k[:n], par)
		v, cur = v[n:], cur[n:]
	}
	return spikes
}

func firePosition(mask []uint64, v, cur, k []float32, par *FireParams) int {
	n, spikes := len(v), 0
	th := par.Threshold[:n]
	cur, k = cur[:n], k[:n]
	for j := range mask {
		var b uint64
		for c := j * 64; c < min(n, j*64+64); c++ {
			u := v[c] + (cur[c] + k[c])
			cur[c] = 0
			if u >= th[c] {
				b |= 1 << (c & 63)
				spikes++
				if par.ResetZero {
					u = 0
				} else {
					u -= th[c]
				}
			}
			v[c] = u
		}
		mask[j] = b
	}
	return spikes
}
