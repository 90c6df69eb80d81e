package kernel

import "math/bits"

// The kernels of this file let neurons fire that have all of their input: a window
// of T steps of which none brings a current. They take [FireParams] without a
// shortcut, for neurons that reset by subtraction.

// FireWindow lets neurons fire for T = len(masks) steps without input, and adds the
// number of spikes of step t to spikes[t]. For channel c of N of every position p,
// with u = v[p*Pitch+First+c]:
//
//	for t in 0..T:
//		bit First+c of position p of masks[t] = u >= Threshold[c]
//		if it is set: u -= Threshold[c]; spikes[t]++
//
// Other bits of the masks are unchanged.
func FireWindow(masks [][]uint64, spikes []uint32, v []float32, par *FireParams) {
	if checkWindow("FireWindow", masks, spikes, v, par) {
		fireWindow(masks, spikes, v, par)
	}
}

// FireOnce is [FireWindow] for neurons that fire once at most, the earlier the
// higher their potential is:
//
//	for t in 0..T:
//		bit First+c of position p of masks[t] = u has not fired, and u >= float32(T-t) * Threshold[c]
//		if it is set: u -= float32(T-t) * Threshold[c]; spikes[t]++
//
// Thresholds must not be negative.
func FireOnce(masks [][]uint64, spikes []uint32, v []float32, par *FireParams) {
	if checkWindow("FireOnce", masks, spikes, v, par) {
		fireOnce(masks, spikes, v, par)
	}
}

// checkWindow reports whether there is anything to do; it panics if lengths differ.
func checkWindow(name string, masks [][]uint64, spikes []uint32, v []float32, par *FireParams) bool {
	n := par.N
	if n < 1 || n%Lanes != 0 || len(par.Threshold) != n || par.First < 0 || par.First%Lanes != 0 ||
		par.First+n > min(par.Pitch, par.Words*64) || len(v)%par.Pitch != 0 || len(spikes) < len(masks) {
		panic("kernel: " + name + ": length mismatch")
	}
	if par.ResetZero {
		panic("kernel: " + name + ": neurons that reset to zero")
	}
	for _, mask := range masks {
		if len(mask) != len(v)/par.Pitch*par.Words {
			panic("kernel: " + name + ": length mismatch")
		}
	}
	return len(masks) > 0 && len(v) > 0
}

func fireWindowGeneric(masks [][]uint64, spikes []uint32, v []float32, par *FireParams) {
	eachLanes(v, par, func(u, th *[Lanes]float32, word, shift int) {
		z := uint64(1)
		for t, mask := range masks {
			if z != 0 { // Who does not fire now never will.
				z = subtractLanes(u, th, 1, 1<<Lanes-1)
			}
			setLanes(&mask[word], shift, z)
			spikes[t] += uint32(bits.OnesCount64(z))
		}
	})
}

func fireOnceGeneric(masks [][]uint64, spikes []uint32, v []float32, par *FireParams) {
	eachLanes(v, par, func(u, th *[Lanes]float32, word, shift int) {
		var left uint64 // Those that will fire: at the last step, if not before.
		for c := range u {
			if u[c] >= th[c] {
				left |= 1 << c
			}
		}
		for t, mask := range masks {
			var z uint64
			if left != 0 {
				z = subtractLanes(u, th, float32(len(masks)-t), left)
				left &^= z
			}
			setLanes(&mask[word], shift, z)
			spikes[t] += uint32(bits.OnesCount64(z))
		}
	})
}

// eachLanes calls f for every Lanes channels of every position, with their
// potentials, their thresholds and where their bits are in a mask.
func eachLanes(v []float32, par *FireParams, f func(u, th *[Lanes]float32, word, shift int)) {
	for p := 0; len(v) > 0; p++ {
		for c := 0; c < par.N; c += Lanes {
			bit := par.First + c
			f((*[Lanes]float32)(v[bit:]), (*[Lanes]float32)(par.Threshold[c:]), p*par.Words+bit/64, bit%64)
		}
		v = v[par.Pitch:]
	}
}

// subtractLanes lets those of some neurons fire whose potential is factor times
// their threshold or more, and subtracts that.
func subtractLanes(u, th *[Lanes]float32, factor float32, of uint64) (z uint64) {
	for ; of != 0; of &= of - 1 {
		c := bits.TrailingZeros64(of)
		if x := float32(factor * th[c%Lanes]); u[c%Lanes] >= x {
			u[c%Lanes] -= x
			z |= 1 << c
		}
	}
	return z
}

// setLanes sets Lanes bits of a word of a mask.
func setLanes(word *uint64, shift int, z uint64) {
	*word = *word&^((1<<Lanes-1)<<shift) | z<<shift
}
