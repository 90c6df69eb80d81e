package main

import "fmt"

// neonElementwise generates the kernels that treat every element on its own.
func neonElementwise(f *armFile) {
	neonEach(f, "addNEON", "func(dst, x, y []float32)", []string{"x", "y"}, func(a *armFunc, v []vec, _ vec) {
		a.fadd(v[1], v[0], v[0])
	})
	neonEach(f, "mulAddNEON", "func(dst, x, w []float32)", []string{"dst", "x", "w"}, func(a *armFunc, v []vec, _ vec) {
		a.fmul(v[2], v[1], v[1])
		a.fadd(v[1], v[0], v[0])
	})
	neonEach(f, "scaleShiftNEON", "func(dst, x, scale, shift []float32)", []string{"x", "scale", "shift"}, func(a *armFunc, v []vec, _ vec) {
		a.fmul(v[1], v[0], v[0])
		a.fadd(v[2], v[0], v[0])
	})
	// Comparisons with NaN are false.
	neonEach(f, "clipNEON", "func(dst, x []float32, limit float32)", []string{"x"}, func(a *armFunc, v []vec, limit vec) {
		m := a.vec()
		a.fcmltZero(v[0], m)
		a.bic(m, v[0], v[0])
		a.fcmgt(limit, v[0], m)
		a.bit(m, limit, v[0])
	})
}

// neonEach emits a loop over the named slices, eight elements a turn and then one a
// turn. compute takes the elements, and the parameter limit if there is one, and
// leaves what goes to dst in v[0].
func neonEach(f *armFile, name, signature string, slices []string, compute func(a *armFunc, v []vec, limit vec)) {
	f.function(name, fmt.Sprintf("%sGeneric for slices that are not empty.", name[:len(name)-len("NEON")]), signature, func(a *armFunc) {
		dst, n := a.arg("dst_base"), a.arg("dst_len")
		base := make([]gpr, len(slices))
		for i, s := range slices {
			base[i] = dst
			if s != "dst" {
				base[i] = a.arg(s + "_base")
			}
		}
		var limit vec
		if name == "clipNEON" {
			limit = a.vec()
			a.ins("FMOVS", a.frame("limit"), limit.f())
			a.ins("VDUP", limit.lane("S", 0), limit.s4())
		}
		v, high := a.vecs(len(slices)), a.vecs(len(slices))
		// Of dst the address moves on with the store.
		next := func(i, bytes int) (string, string) {
			if base[i] == dst {
				return "", ptr(dst)
			}
			return ".P", mem(base[i], bytes)
		}
		a.label("vector")
		a.ins("SUBS", imm(8), n)
		a.ins("BLT", "rest")
		for i := range v {
			suffix, from := next(i, 32)
			a.ldp(suffix, from, v[i], high[i])
		}
		compute(a, v, limit)
		compute(a, high, limit)
		a.stp(".P", v[0], high[0], mem(dst, 32))
		a.ins("B", "vector")
		a.label("rest")
		a.ins("ADDS", imm(8), n)
		a.ins("BEQ", "done")
		a.label("tail")
		for i := range v {
			suffix, from := next(i, 4)
			a.ins("FMOVS"+suffix, from, v[i].f())
		}
		compute(a, v, limit)
		a.ins("FMOVS.P", v[0].f(), mem(dst, 4))
		a.ins("SUBS", imm(1), n)
		a.ins("BNE", "tail")
		a.label("done")
	})
}
