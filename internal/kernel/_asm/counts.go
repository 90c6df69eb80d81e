package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// counts generates the convolutions of spike counts and what neurons do with the
// sums.
func counts() {
	for _, size := range []int{1, 2} {
		for _, n := range []int{1, 2} {
			for bases := 1; bases <= 2; bases++ {
				// As many sums as registers hold beside the weights and one source.
				convolver{v: avx512, name: "VNNI", size: size, vectors: n, bases: bases, most: min(8, 28/(n*bases)), dot: true}.generate()
			}
		}
		convolver{v: avx2, name: "AVX2", size: size, vectors: 2, bases: 1, most: 6}.generate()
	}
	convolver{v: avx2, name: "AVX2", size: 1, vectors: 2, bases: 1, most: 5, chain: true}.generate()
	for _, v := range []vector{avx2, avx512} {
		for _, size := range []int{1, 2} {
			fireCounts(v, size)
			addCounts(v, size)
		}
		addRemainders(v)
	}
	for _, size := range []int{1, 2} {
		maxCounts(size)
		equalCounts(size)
	}
	tallySixteen()
}

// convolver emits one function that adds products of counts and weights.
//
// Lanes are output channels. A lane takes 32 bits of counts at a time, four or two
// source channels, which are broadcast and meet as many weights of every output.
// Sums of some positions stay in registers while the window is walked, and each
// vector of weights meets them all.
type convolver struct {
	v       vector
	name    string
	size    int  // Bytes of a count.
	vectors int  // Of output channels.
	bases   int  // Groups of positions: one or two.
	most    int  // Positions in a group.
	dot     bool // Whether one instruction multiplies and adds.
	chain   bool // Whether the products of four groups are added in 16 bits first.

	ones, x, product reg.VecVirtual
}

// convSignature has all lengths and steps in bytes. A tile is n positions from src
// on and, in functions for two groups, n more baseStep further on; tiles of them
// follow each other. A window is rows times runs times groups of counts, or chains of
// four groups.
const convSignature = "func(v *int32, src, weight *byte, n, tiles, tileStep, baseStep, step, vTile, vBase, vStep, rows, rowStep, runs, runStep, groups, weightStep int)"

func (c convolver) generate() {
	name := fmt.Sprintf("countConv%d%s%s", 8*c.size, []string{"One", "Two"}[c.vectors*c.v.bytes/64-1], c.name)
	if c.bases == 2 {
		name += "Pairs"
	}
	if c.chain {
		name += "Chain"
	}
	lanes := c.vectors * c.v.bytes / 4
	function(name, fmt.Sprintf("CountConv.Rows for %d output channels and up to %d times %d positions a tile.", lanes, c.bases, c.most), convSignature)
	c.x = c.v.new()
	if !c.dot {
		c.product = c.v.new()
		if c.size == 1 {
			c.ones = c.v.new()
			one := GP32()
			MOVL(U32(1<<16|1), one)
			VMOVD(one, c.ones.AsX())
			VPBROADCASTD(c.ones.AsX(), c.ones)
		}
	}
	tiles, src, v := AllocLocal(8), AllocLocal(8), AllocLocal(8)
	for _, copied := range []struct {
		from string
		to   Mem
	}{{"tiles", tiles}, {"src", src}, {"v", v}} {
		tmp := Load(Param(copied.from), GP64())
		MOVQ(tmp, copied.to)
	}
	rows, runs := AllocLocal(8), AllocLocal(8)
	for n := c.most; n > 0; n-- {
		label := fmt.Sprintf("n%d", n)
		which := Load(Param("n"), GP64())
		CMPQ(which, U8(n))
		JNE(LabelRef(label + "_end"))
		step := GP64()
		Load(Param("step"), step)
		at := multiples(step, n)
		Label(label)

		sums := make([][][]reg.VecVirtual, c.bases)
		c.eachSum(v, n, func(base, i, j int, m Mem) {
			if i == 0 && j == 0 {
				sums[base] = make([][]reg.VecVirtual, n)
			}
			if j == 0 {
				sums[base][i] = make([]reg.VecVirtual, c.vectors)
			}
			sums[base][i][j] = c.v.new()
			c.v.load(m, sums[base][i][j])
		})
		row, run, w, tmp := GP64(), GP64(), GP64(), GP64()
		MOVQ(src, row)
		Load(Param("weight"), w)
		Load(Param("rows"), tmp)
		MOVQ(tmp, rows)
		Label(label + "_row")
		MOVQ(row, run)
		Load(Param("runs"), tmp)
		MOVQ(tmp, runs)
		Label(label + "_run")
		var chain []Mem // Weights of the groups of a chain.
		if c.chain {
			weightStep := GP64()
			Load(Param("weightStep"), weightStep)
			chain = multiples(weightStep, 4)(w)
		}
		x, left := make([]reg.GPVirtual, c.bases), GP64()
		for base := range x {
			x[base] = GP64()
			MOVQ(run, x[base])
			if base > 0 {
				ADDQ(memory(Param("baseStep")), x[base])
			}
		}
		Load(Param("groups"), left)
		Label(label + "_group")
		if c.chain {
			c.groups(at(x[0]), chain, sums[0])
		} else {
			c.group(x, at, w, sums)
		}
		for _, p := range x {
			ADDQ(U8(4*max(1, len(chain))), p)
		}
		switch {
		case c.chain:
			LEAQ(Mem{Base: w, Index: chain[1].Index, Scale: 4}, w)
		case c.v.bytes == 32:
			ADDQ(memory(Param("weightStep")), w) // Of a block, which may be twice as wide.
		default:
			SUBQ(I8(-c.v.bytes*c.vectors), w) // 128 would take four bytes.
		}
		DECQ(left)
		JNZ(LabelRef(label + "_group"))
		ADDQ(memory(Param("runStep")), run)
		DECQ(runs)
		JNZ(LabelRef(label + "_run"))
		ADDQ(memory(Param("rowStep")), row)
		DECQ(rows)
		JNZ(LabelRef(label + "_row"))
		c.eachSum(v, n, func(base, i, j int, m Mem) { c.v.load(sums[base][i][j], m) })

		Load(Param("tileStep"), tmp)
		ADDQ(tmp, src)
		Load(Param("vTile"), tmp)
		ADDQ(tmp, v)
		DECQ(tiles)
		JNZ(LabelRef(label))
		Label(label + "_end")
	}
	VZEROUPPER()
	RET()
}

// eachSum calls f with the addresses of the sums of a tile.
func (c convolver) eachSum(v Mem, n int, f func(base, i, j int, m Mem)) {
	p, step := GP64(), GP64()
	MOVQ(v, p)
	Load(Param("vStep"), step)
	at := multiples(step, n)
	for base := range c.bases {
		if base > 0 {
			ADDQ(memory(Param("vBase")), p)
		}
		for i, m := range at(p) {
			for j := range c.vectors {
				f(base, i, j, m.Offset(c.v.bytes*j))
			}
		}
	}
}

// multiples returns a function that gives the addresses of n <= 9 elements that lie
// step bytes apart: with its odd multiples in registers, an address reaches each.
func multiples(step reg.GPVirtual, n int) func(base reg.GPVirtual) []Mem {
	times := map[int]reg.GPVirtual{1: step}
	for i := 3; i < n; i += 2 {
		times[i] = GP64()
		LEAQ(Mem{Base: times[i-2], Index: step, Scale: 2}, times[i])
	}
	return func(base reg.GPVirtual) []Mem {
		list := []Mem{{Base: base}}
		for i := 1; i < n; i++ {
			odd, scale := i, 1
			for odd%2 == 0 {
				odd, scale = odd/2, scale*2
			}
			list = append(list, Mem{Base: base, Index: times[odd], Scale: uint8(scale)})
		}
		return list
	}
}

// group adds the products of one group of counts at every position.
func (c convolver) group(x []reg.GPVirtual, at func(reg.GPVirtual) []Mem, w reg.GPVirtual, sums [][][]reg.VecVirtual) {
	weights := make([]Op, c.vectors)
	for j := range weights {
		from := Mem{Base: w, Disp: c.v.bytes * j}
		weights[j] = from // No registers to spare.
		if c.dot {
			to := c.v.new()
			c.v.load(from, to)
			weights[j] = to
		}
	}
	for base, p := range x {
		for i, from := range at(p) {
			VPBROADCASTD(from, c.x)
			for j, w := range weights {
				c.multiply(w, sums[base][i][j])
			}
		}
	}
}

// groups adds the products of a chain of groups of bytes.
func (c convolver) groups(x, weights []Mem, sums [][]reg.VecVirtual) {
	first := []reg.VecVirtual{c.v.new(), c.v.new()}
	for i, from := range x {
		for g, w := range weights {
			VPBROADCASTD(from.Offset(4*g), c.x)
			for j, sum := range first {
				if g == 0 {
					VPMADDUBSW(w.Offset(c.v.bytes*j), c.x, sum)
					continue
				}
				VPMADDUBSW(w.Offset(c.v.bytes*j), c.x, c.product)
				VPADDW(c.product, sum, sum)
			}
		}
		for j, sum := range first {
			VPMADDWD(c.ones, sum, sum)
			VPADDD(sum, sums[i][j], sums[i][j])
		}
	}
}

// multiply adds the products of the counts x with weights to a sum.
func (c convolver) multiply(w Op, sum reg.VecVirtual) {
	switch {
	case c.dot && c.size == 1:
		VPDPBUSD(w, c.x, sum)
	case c.dot:
		VPDPWSSD(w, c.x, sum)
	case c.size == 1:
		VPMADDUBSW(w, c.x, c.product)
		VPMADDWD(c.ones, c.product, c.product)
		VPADDD(c.product, sum, sum)
	default:
		VPMADDWD(w, c.x, c.product)
		VPADDD(c.product, sum, sum)
	}
}

// positions emits a loop over the channels of every position, a vector of 32-bit
// lanes at a time. v and n are parameters of the function; body gets the address of
// the potentials, of the counts, and the index of the first channel.
func positions(v vector, n string, size int, channels string, body func(u, n Mem, c reg.GPVirtual)) {
	lanes := v.bytes / 4
	u := Load(Param("v").Base(), GP64())
	end := Load(Param("v").Len(), GP64())
	x := Load(Param(n), GP64())
	LEAQ(Mem{Base: u, Index: end, Scale: 4}, end)
	c, all := GP64(), Load(Param(channels), GP64())
	Label("position")
	XORQ(c, c)
	Label("channels")
	body(Mem{Base: u}, Mem{Base: x}, c)
	ADDQ(U8(v.bytes), u)
	ADDQ(U8(lanes*size), x)
	ADDQ(U8(lanes), c)
	CMPQ(c, all)
	JLT(LabelRef("channels"))
	CMPQ(u, end)
	JLT(LabelRef("position"))
	VZEROUPPER()
	RET()
}

// broadcast returns a vector of a parameter of 32 bits.
func broadcast(v vector, param string) reg.VecVirtual {
	x := v.new()
	VBROADCASTSS(memory(Param(param)), x)
	return x
}

// fireCounts divides potentials by thresholds. A product with the reciprocal, which
// is rounded down, gives the quotient or one less; what remains tells.
func fireCounts(v vector, size int) {
	function(fmt.Sprintf("fireCounts%d%s", 8*size, v.name), "fireCountsGeneric for len(v) > 0.",
		"func(v []int32, n *byte, floor, threshold *int32, reciprocal *float32, channels int, t int32, limit float32)")
	floor := Load(Param("floor"), GP64())
	threshold := Load(Param("threshold"), GP64())
	reciprocal := Load(Param("reciprocal"), GP64())
	t, limit, zero := broadcast(v, "t"), broadcast(v, "limit"), v.new()
	VXORPS(zero.AsX(), zero.AsX(), zero.AsX())
	minusOne, th, u, q, product := v.new(), v.new(), v.new(), v.new(), v.new()
	if v.bytes == 64 {
		VPTERNLOGD(U8(0xff), minusOne, minusOne, minusOne)
	}
	positions(v, "n", size, "channels", func(pot, n Mem, c reg.GPVirtual) {
		v.load(Mem{Base: floor, Index: c, Scale: 4}, u)
		VPMAXSD(pot, u, u)
		v.load(Mem{Base: threshold, Index: c, Scale: 4}, th)
		VCVTDQ2PS(u, q)
		VMULPS(Mem{Base: reciprocal, Index: c, Scale: 4}, q, q)
		VMAXPS(zero, q, q)
		VMINPS(limit, q, q)
		VCVTTPS2DQ(q, q)
		VPMULLD(th, q, product)
		VPSUBD(product, u, u)
		if v.bytes == 64 {
			one, more := K(), K()
			VPCMPD(U8(5), th, u, one) // 5: not less.
			VPCMPD(U8(1), t, q, one, more)
			VPSUBD(th, u, more, u)
			v.load(u, pot)
			VPSUBD(minusOne, q, more, q)
		} else {
			less, more := v.new(), v.new()
			VPCMPGTD(u, th, less)
			VPCMPGTD(q, t, more)
			VPANDN(more, less, more)
			VPAND(th, more, less)
			VPSUBD(less, u, u)
			v.load(u, pot)
			VPSUBD(more, q, q)
		}
		narrow(v, size, q, n)
	})
}

// narrow stores the lanes of q as counts.
func narrow(v vector, size int, q reg.VecVirtual, to Mem) {
	switch {
	case v.bytes == 64 && size == 1:
		VPMOVDB(q, to)
	case v.bytes == 64:
		VPMOVDW(q, to)
	default:
		high := XMM()
		VEXTRACTI128(U8(1), q, high)
		VPACKUSDW(high, q.AsX(), q.AsX())
		if size == 2 {
			VMOVUPS(q.AsX(), to)
			return
		}
		VPACKUSWB(q.AsX(), q.AsX(), q.AsX())
		VMOVQ(q.AsX(), to)
	}
}

// addCounts multiplies counts by weights.
func addCounts(v vector, size int) {
	function(fmt.Sprintf("addCounts%d%s", 8*size, v.name), "addCountsGeneric for len(v) > 0.", "func(v []int32, n *byte, weight *int32, channels int)")
	weight := Load(Param("weight"), GP64())
	x := v.new()
	positions(v, "n", size, "channels", func(u, n Mem, c reg.GPVirtual) {
		if size == 1 {
			VPMOVZXBD(n, x)
		} else {
			VPMOVZXWD(n, x)
		}
		VPMULLD(Mem{Base: weight, Index: c, Scale: 4}, x, x)
		VPADDD(u, x, x)
		v.load(x, u)
	})
}

// addRemainders multiplies in float64, half a vector at a time; conversions round to
// even.
func addRemainders(v vector) {
	function("addRemainders"+v.name, "addRemaindersGeneric for len(v) > 0.", "func(v []int32, u, start *int32, factor *float64, channels int)")
	start := Load(Param("start"), GP64())
	factor := Load(Param("factor"), GP64())
	half := func(x reg.VecVirtual) reg.VecVirtual {
		if v.bytes == 64 {
			return x.AsY().(reg.VecVirtual)
		}
		return x.AsX().(reg.VecVirtual)
	}
	positions(v, "u", 4, "channels", func(pot, u Mem, c reg.GPVirtual) {
		for i := range 2 {
			at := v.bytes / 2 * i
			x := v.new()
			VMOVUPS(u.Offset(at), half(x))
			VPSUBD(Mem{Base: start, Index: c, Scale: 4, Disp: at}, half(x), half(x))
			VCVTDQ2PD(half(x), x)
			VMULPD(Mem{Base: factor, Index: c, Scale: 8, Disp: 2 * at}, x, x)
			if v.bytes == 64 {
				VCVTPD2DQ(x, half(x))
			} else {
				VCVTPD2DQY(x, half(x))
			}
			VPADDD(pot.Offset(at), half(x), half(x))
			VMOVUPS(half(x), pot.Offset(at))
		}
	})
}

// maxCounts takes the larger of two counts, 32 bytes a turn. What is left of a slice
// is done by a last turn that ends with it, or count by count in a short one.
func maxCounts(size int) {
	function(fmt.Sprintf("maxCounts%dAVX2", 8*size), "maxCountsGeneric for at least 32 bytes.", "func(dst, src *byte, n int)")
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	n := Load(Param("n"), GP64())
	i, x := GP64(), YMM()
	turn := func() {
		VMOVDQU(Mem{Base: src, Index: i, Scale: 1}, x)
		if size == 1 {
			VPMAXUB(Mem{Base: dst, Index: i, Scale: 1}, x, x)
		} else {
			VPMAXUW(Mem{Base: dst, Index: i, Scale: 1}, x, x)
		}
		VMOVDQU(x, Mem{Base: dst, Index: i, Scale: 1})
	}
	XORQ(i, i)
	SUBQ(U8(32), n)
	Label("vector")
	turn()
	ADDQ(U8(32), i)
	CMPQ(i, n)
	JLE(LabelRef("vector"))
	MOVQ(n, i) // To take the larger again changes nothing.
	turn()
	VZEROUPPER()
	RET()
}

// equalCounts counts the counts that equal one, in the bytes or words of four vectors
// of sums, so that at most 255 vectors may go into each. As no sum takes a second
// byte, the sum of all bytes is the answer for words as well.
func equalCounts(size int) {
	function(fmt.Sprintf("equalCounts%dAVX2", 8*size), "the number of counts that equal x in bytes bytes, a multiple of 128 from there to 4 * 255 * 32.",
		"func(n *byte, bytes int, x uint32) int")
	n := Load(Param("n"), GP64())
	end := Load(Param("bytes"), GP64())
	x := YMM()
	VBROADCASTSS(memory(Param("x")), x)
	if size == 1 {
		VPBROADCASTB(x.AsX(), x)
	} else {
		VPBROADCASTW(x.AsX(), x)
	}
	ADDQ(n, end)
	var sums, equal [4]reg.VecVirtual
	for i := range sums {
		sums[i], equal[i] = YMM(), YMM()
		VPXOR(sums[i], sums[i], sums[i])
	}
	Label("vectors")
	for i := range sums {
		if size == 1 {
			VPCMPEQB(Mem{Base: n, Disp: 32 * i}, x, equal[i])
			VPSUBB(equal[i], sums[i], sums[i]) // Minus -1.
		} else {
			VPCMPEQW(Mem{Base: n, Disp: 32 * i}, x, equal[i])
			VPSUBW(equal[i], sums[i], sums[i])
		}
	}
	SUBQ(I8(-128), n)
	CMPQ(n, end)
	JLT(LabelRef("vectors"))
	VPXOR(x, x, x)
	for i := range sums {
		VPSADBW(x, sums[i], sums[i])
		if i > 0 {
			VPADDQ(sums[i], sums[0], sums[0])
		}
	}
	high, sum := XMM(), GP64()
	VEXTRACTI128(U8(1), sums[0], high)
	VPADDQ(high, sums[0].AsX(), high)
	VPSHUFD(U8(0xee), high, sums[1].AsX()) // The upper half.
	VPADDQ(high, sums[1].AsX(), high)
	VMOVQ(high, sum)
	Store(sum, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// tallyBlock is the number of vectors whose one-hot bytes go into carry-save adders before
// the sixteens they make are counted bit by bit.
const tallyBlock = 16

// tallySixteen counts sixteen values at once. A byte becomes a bit among eight, in one of two
// tables, and carry-save adders sum bits of equal place over vectors: ones, twos, fours, eights,
// and sixteens, of which each place is counted at the end of a block.
func tallySixteen() {
	function("tallySixteenAVX512", "how many bytes are first, first + 1 and so on up to first + 15, added to counts, in blocks times 1024 bytes, blocks > 0.",
		"func(n *byte, blocks int, first uint32, counts *uint64)")
	n := Load(Param("n"), GP64())
	blocks := Load(Param("blocks"), GP64())
	counts := Load(Param("counts"), GP64())
	first, offset := ZMM(), ZMM()
	VBROADCASTSS(memory(Param("first")), first.AsX())
	VPBROADCASTB(first.AsX(), first)
	constant := func(x uint32) reg.GPVirtual {
		r := GP32()
		MOVL(U32(x), r)
		return r
	}
	// An index that has its highest bit set finds nothing: what is not within sixteen of first.
	VPBROADCASTD(constant(0x70707070), offset)
	var tables [2]reg.VecVirtual
	for i := range tables {
		// Bytes 1, 2, 4, ... 128 in the low half of one and the high half of the other.
		low := GP64()
		MOVQ(U64(0x8040201008040201), low)
		tables[i] = ZMM()
		VMOVQ(low, tables[i].AsX())
		if i == 1 {
			VPSLLDQ(U8(8), tables[i].AsX(), tables[i].AsX())
		}
		VSHUFI32X4(U8(0), tables[i], tables[i], tables[i])
	}
	var sums [2][4]reg.VecVirtual
	for i := range sums {
		for j := range sums[i] {
			sums[i][j] = ZMM()
			VPXORD(sums[i][j], sums[i][j], sums[i][j])
		}
	}
	x, bits, found := ZMM(), K(), GP64()
	place := func(v reg.VecVirtual, table, weight int) {
		for j := 7; j >= 0; j-- {
			VPMOVB2M(v, bits)
			KMOVQ(bits, found)
			POPCNTQ(found, found)
			if weight > 0 {
				SHLQ(U8(weight), found)
			}
			ADDQ(found, Mem{Base: counts, Disp: 8 * (8*table + j)})
			if j > 0 {
				VPADDB(v, v, v) // The next bit is the highest one of its byte.
			}
		}
	}
	vector := 0
	// sum returns the carries of 1 << level vectors out of sums up to that level.
	var sum func(level int) [2]reg.VecVirtual
	sum = func(level int) (carry [2]reg.VecVirtual) {
		if level == 0 {
			VMOVDQU8(Mem{Base: n, Disp: 64 * vector}, x)
			VPSUBB(first, x, x)
			VPADDUSB(offset, x, x)
			for i := range carry {
				carry[i] = ZMM()
				VPSHUFB(x, tables[i], carry[i])
			}
			vector++
			return carry
		}
		a, b := sum(level-1), sum(level-1)
		for i := range carry {
			carry[i] = ZMM()
			s := sums[i][level-1]
			VMOVDQA64(s, carry[i])
			VPTERNLOGD(U8(0xe8), a[i], b[i], carry[i]) // The majority.
			VPTERNLOGD(U8(0x96), a[i], b[i], s)
		}
		return carry
	}
	Label("block")
	for i, v := range sum(4) {
		place(v, i, 4)
	}
	ADDQ(U32(64*tallyBlock), n)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	for i := range sums {
		for j, v := range sums[i] {
			place(v, i, j)
		}
	}
	VZEROUPPER()
	RET()
}
