package kernel

import (
	"math"
	"math/bits"
)

// FireParams are what [Fire] needs beside the state of the neurons. They cover a
// layer, or a tile of its channels.
type FireParams struct {
	First     int       // First channel, a multiple of [Lanes].
	N         int       // Channels, a multiple of [Lanes].
	Pitch     int       // Channels of the whole layer, padded: from one position's potentials to the next.
	Words     int       // 64-bit words per position of the mask: channels of the layer / 64, rounded up.
	Threshold []float32 // θ, per channel, length N; +Inf for padding.
	ResetZero bool      // Set the potential of a neuron that fires to zero instead of subtracting θ.
	Shortcut  []float32 // Weights of a shortcut, one to one, per channel, length N; nil for none.
}

// Fire advances a row of integrate-and-fire neurons by one timestep, clears the
// current for the next, and returns the number of spikes. For position p and
// channel c of N:
//
//	i := cur[p*N+c]
//	if bit First+c of position p of shortcut is set: i += Shortcut[c]
//	v[p*Pitch+First+c] += i + constant[(p*N+c) % len(constant)]
//	bit First+c of position p of mask = v[p*Pitch+First+c] >= Threshold[c]
//	if it is set: v[p*Pitch+First+c] -= Threshold[c], or = 0 for ResetZero
//	cur[p*N+c] = 0
//
// constant is one current per neuron, or N long for one per channel. shortcut is a
// mask like the layer's own, or nil. Other bits of mask are unchanged.
func Fire(mask, shortcut []uint64, v, cur, constant []float32, par *FireParams) int {
	n := par.N
	if n < 1 || n%Lanes != 0 || n > MaxChannels || len(cur)%n != 0 || len(v) != len(cur)/n*par.Pitch || len(par.Threshold) != n ||
		par.First < 0 || par.First%Lanes != 0 || par.First+n > min(par.Pitch, par.Words*64) ||
		len(constant) != n && len(constant) != len(cur) || len(mask) != len(cur)/n*par.Words || !shortcutFits(shortcut, mask, par.Shortcut, n) {
		panic("kernel: Fire: length mismatch")
	}
	if len(cur) == 0 {
		return 0
	}
	return fire(mask, shortcut, v, cur, constant, par)
}

// shortcutFits reports whether shortcut is nil, or as long as mask with a weight
// for each of n channels.
func shortcutFits(shortcut, mask []uint64, weight []float32, n int) bool {
	return shortcut == nil || len(shortcut) == len(mask) && len(weight) == n
}

func fireGeneric(mask, shortcut []uint64, v, cur, constant []float32, par *FireParams) int {
	n, spikes := par.N, 0
	step := 0
	if len(constant) > n {
		step = n
	}
	for p := 0; len(cur) > 0; p++ {
		for c := 0; c < n; c += Lanes {
			word, shift := p*par.Words+(par.First+c)/64, (par.First+c)%64
			if shortcut != nil {
				addLanes(cur[c:], par.Shortcut[c:], shortcut[word]>>shift)
			}
			u, i := (*[Lanes]float32)(v[p*par.Pitch+par.First+c:]), (*[Lanes]float32)(cur[c:])
			k, th := (*[Lanes]float32)(constant[p*step+c:]), (*[Lanes]float32)(par.Threshold[c:])
			var z uint64
			if par.ResetZero {
				z = fireLanesToZero(u, i, k, th)
			} else {
				z = fireLanes(u, i, k, th)
			}
			clear(i[:])
			spikes += bits.OnesCount64(z)
			setLanes(&mask[word], shift, z)
		}
		cur = cur[n:]
	}
	return spikes
}

// addLanes adds the weights of a few channels whose bit is set.
func addLanes(cur, weight []float32, spikes uint64) {
	for b := spikes & (1<<Lanes - 1); b != 0; b &= b - 1 {
		c := bits.TrailingZeros64(b)
		cur[c] += weight[c]
	}
}

// fireLanes is Fire for a few channels of one position whose shortcut has been
// added, without clearing the current; it returns their spikes. It has no branches,
// which nobody could foretell: who does not fire subtracts zero.
func fireLanes(v, cur, k, th *[Lanes]float32) (z uint64) {
	for c := range v {
		u := v[c] + (cur[c] + k[c])
		var fires uint32
		if u >= th[c] {
			fires = 1
		}
		v[c] = u - math.Float32frombits(math.Float32bits(th[c])&-fires)
		z = z>>1 | uint64(fires)<<(Lanes-1)
	}
	return z
}

// fireLanesToZero is fireLanes for neurons that reset to zero.
func fireLanesToZero(v, cur, k, th *[Lanes]float32) (z uint64) {
	for c := range v {
		u := v[c] + (cur[c] + k[c])
		if u >= th[c] {
			z |= 1 << c
			u = 0
		}
		v[c] = u
	}
	return z
}
