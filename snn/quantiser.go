package snn

import (
	"fmt"
	"math"
	"slices"

	"sresnet/internal/hint"
	"sresnet/tensor"
)

// Integers says how an integer network is made of a real one.
type Integers struct {
	Bits      int     // Of a weight, from MinBits to MaxBits.
	StateBits int     // Of a potential, from MinStateBits to MaxStateBits; 0 for as many as float32 holds.
	Timesteps int     // T. Without StateBits, potentials of a phased network cannot saturate within it.
	InputMax  float32 // Largest magnitude of a pixel; larger ones are clipped. Unused where spikes enter.

	// Power returns the mean square of what neurons of a channel of a layer emit per timestep,
	// on calibration images; nil takes it for the same everywhere. Where it is large, errors
	// of weights matter most.
	Power func(layer, channel int) float64
}

// Quantised returns n as an integer network; see [Network.Bits]. An error names the
// population and the channel that cannot be told in so many bits, and what can.
func (n *Network) Quantised(o Integers) (*Network, error) {
	q, err := n.Quantiser(o)
	if err != nil {
		return nil, err
	}
	layers := make([]Layer, len(n.Layers))
	for i := range layers {
		th, _, err := q.Thresholds(i, &n.Layers[i])
		if err != nil {
			return nil, err
		}
		l, err := q.Layer(i, &n.Layers[i], th)
		if err != nil {
			return nil, err
		}
		layers[i] = l
	}
	out := q.Network(layers)
	return out, out.Validate()
}

// Quantiser makes integer layers of real ones, in the order of the network.
type Quantiser struct {
	net   *Network // Whose shapes and order count.
	o     Integers
	input Input
	most  int64     // Largest magnitude of what a weight is, shift aside: 2^(Bits-1) - 1.
	th    [][]int64 // Per layer that is done, the thresholds of channels,
	reach [][]int64 // and the magnitude that potentials can have.
}

// Quantiser returns one for the layers of n.
func (n *Network) Quantiser(o Integers) (*Quantiser, error) {
	if o.Bits < MinBits || o.Bits > MaxBits {
		return nil, fmt.Errorf("snn: weights of %d bits: there may be %d to %d", o.Bits, MinBits, MaxBits)
	}
	if o.Timesteps < 1 {
		return nil, fmt.Errorf("snn: %d timesteps", o.Timesteps)
	}
	if o.StateBits != 0 && (o.StateBits < MinStateBits || o.StateBits > MaxStateBits) {
		return nil, fmt.Errorf("snn: potentials of %d bits: there may be %d to %d", o.StateBits, MinStateBits, MaxStateBits)
	}
	if n.Integer() {
		return nil, fmt.Errorf("snn: weights have %d bits already", n.Bits)
	}
	q := &Quantiser{net: n, o: o, input: n.Input, most: 1<<(o.Bits-1) - 1, th: make([][]int64, len(n.Layers)), reach: make([][]int64, len(n.Layers))}
	if n.Input.Encoding.Spikes() {
		q.input.Unit, q.input.Levels = n.Input.Amplitude, 1
	} else {
		q.input.Levels = q.levels()
		q.input.Unit = o.InputMax / float32(q.input.Levels)
		if !(q.input.Unit > 0) || tensor.CheckFinite([]float32{o.InputMax}) != nil {
			return nil, fmt.Errorf("snn: a largest pixel of %v gives pixels no unit", o.InputMax)
		}
	}
	return q, nil
}

// Input returns what enters the integer network: pixels of whole units.
func (q *Quantiser) Input() *Input { return &q.input }

// Network returns the integer network of layers that [Quantiser.Layer] returned.
func (q *Quantiser) Network(layers []Layer) *Network {
	out := *q.net
	out.Bits, out.StateBits, out.Input, out.Layers = q.o.Bits, q.o.StateBits, q.input, layers
	return &out
}

// maxThreshold bounds thresholds, in units of weights: the finest that a potential needs to be
// told, far finer than any number of timesteps tells rates.
const maxThreshold = 1 << 16

// Bounds of how many units a pixel has.
const (
	minLevels = 63
	maxLevels = 4095
)

// levels returns how many units a pixel has at most: as many as leave the weights of the image
// their bits, or share what potentials hold of products with them evenly.
func (q *Quantiser) levels() int {
	most := float64(maxLevels) * float64(q.most) // Units of a weight times those of a pixel.
	for i := range q.net.Layers {
		l := &q.net.Layers[i]
		if l.IsGate() || !slices.ContainsFunc(l.Synapses, func(s Synapse) bool { return s.From == FromInput }) {
			continue
		}
		as := *q // Its other sources are not yet known.
		as.input.Levels, as.input.Unit, as.o.Power = 1, q.o.InputMax, nil
		rows := as.rows(l)
		bounds := as.bounds(l, rows)
		largest := make([]float64, len(bounds))
		for c := range largest {
			for j, s := range rows {
				if l.Synapses[j].From == FromInput {
					largest[c] = max(largest[c], largestOf(s.of(c).w))
				}
			}
		}
		for c, b := range bounds {
			if w := largest[c]; w > slices.Max(largest)/1000 { // Others rest.
				most = min(most, w*as.limit(b, w))
			}
		}
	}
	return int(min(max(most/min(float64(q.most), math.Sqrt(most)), minLevels), maxLevels))
}

// Thresholds returns those of the channels of l, which stands in place of layer i of the
// network: those that make the error of the current least, if what arrives by different
// synapses is not related. lost is, per channel, the mean square of that error as a share of
// the mean square of the current. A gate has none. All layers before it must have been given to
// [Quantiser.Layer].
func (q *Quantiser) Thresholds(i int, l *Layer) (th []int64, lost []float64, err error) {
	if l.IsGate() {
		return nil, nil, nil
	}
	if a, ok := l.Neuron.Decay(); !ok || a != 1 {
		return nil, nil, fmt.Errorf("snn: layer %q: %v neurons multiply their potential, which leaves no whole number: weights of %d bits take IF neurons", l.Name, l.Neuron.model(), q.o.Bits)
	}
	rows := q.rows(l)
	bounds := q.bounds(l, rows)
	th, lost = make([]int64, l.Shape[0]), make([]float64, l.Shape[0])
	for c := range th {
		if th[c], lost[c], err = q.threshold(l, c, rows, bounds[c]); err != nil {
			return nil, nil, fmt.Errorf("snn: layer %q: %w", l.Name, err)
		}
	}
	if i == len(q.net.Layers)-1 { // Classes are compared, potentials and all, in one unit.
		one := slices.Min(th)
		for c := range th {
			th[c], lost[c] = one, q.lost(rows, c, one)
		}
	}
	return th, lost, nil
}

// lost returns the mean square of the error of the current into channel c with a threshold, as
// a share of that of the current.
func (q *Quantiser) lost(rows []synapseRows, c int, th int64) float64 {
	power, list := 0.0, []row(nil)
	for _, s := range rows {
		r := s.of(c)
		list = append(list, r)
		for j, w := range r.w {
			power += float64(w * w * r.power[j])
		}
	}
	return q.weightCost(list, th) / max(power, math.SmallestNonzeroFloat64)
}

// Layer returns l, in place of layer i of the network, in whole numbers with the thresholds
// th, or smaller ones where potentials could otherwise leave their type: all layers before it
// must have been given. The output keeps one for all channels. Weights that were whole numbers of such thresholds are again the same.
func (q *Quantiser) Layer(i int, l *Layer, th []int64) (whole Layer, err error) {
	whole = *l
	whole.Charge = 1
	if l.IsGate() {
		from := l.Synapses[0].From
		q.th[i], q.reach[i] = q.th[from], q.reach[from]
		return whole, nil
	}
	rows := q.rows(l)
	for { // Rounding may add to what a potential can reach.
		var current []int64
		whole, q.reach[i], current = q.rounded(l, rows, th)
		beyond := false
		for c, v := range q.reach[i] {
			over := float64(current[c]) / (MaxPotential - 1)
			if q.net.Schedule == Phased && q.o.StateBits == 0 {
				over = float64(v) / (MaxPotential - 1)
			}
			if over <= 1 {
				continue
			}
			if beyond = true; th[c] == 1 {
				return Layer{}, fmt.Errorf("snn: layer %q: %w", l.Name, q.tooLong(c, bound{float64(current[c]), float64(v)}))
			}
			th[c] = even(min(th[c]-1, int64(float64(th[c])/over)), startOf(l, c))
		}
		if !beyond {
			q.th[i] = th
			return whole, nil
		}
		if i == len(q.net.Layers)-1 {
			th = slices.Repeat([]int64{slices.Min(th)}, len(th))
		}
	}
}

// tooLong is the error of a channel whose threshold has less than a unit.
func (q *Quantiser) tooLong(c int, b bound) error {
	state := q.saturates()
	if b.current > MaxPotential/2 || q.net.Schedule == Synchronous || q.o.StateBits > 0 {
		return hint.Error(fmt.Errorf("channel %d: its current can reach %.3g thresholds: a potential that saturates at %.8g has no whole threshold for that", c, b.current, state), "give {state-bits} 0, or check the weights of the channel")
	}
	thresholds := b.potential
	T := int(float64(q.o.Timesteps) * MaxPotential / 2 / max(thresholds, 1))
	return hint.Error(fmt.Errorf("channel %d: in T = %d timesteps its potential can reach %.3g thresholds, more than the whole numbers that potentials have (2^24): its threshold would round to 0", c, q.o.Timesteps, thresholds),
		"give {timesteps} %d or less", max(T, 1))
}

// row is what one synapse brings a channel.
type row struct {
	from  int
	w     []float64 // Per spike, or unit of pixels, in thresholds.
	power []float64 // Mean square of what each is multiplied by.
	times int64     // What whole weights are multiples of.
}

// synapseRows are those of all channels of a layer by one synapse.
type synapseRows struct {
	of   func(c int) row
	put  func(w [][]float64) Connection // Of whole weights, per channel.
	main bool                           // It has a weight for each pair of channels or neurons.
}

// rows returns the weights of l, synapse by synapse.
func (q *Quantiser) rows(l *Layer) []synapseRows {
	var list []synapseRows
	for _, s := range l.Synapses {
		charge, power := float64(q.input.Unit), func(int) float64 { return 1 }
		if s.From != FromInput {
			charge = float64(q.net.Layers[s.From].Charge)
			if q.o.Power != nil {
				power = func(c int) float64 { return q.o.Power(s.From, c) }
			}
		}
		list = append(list, newRows(s, q.net.ShapeOf(s.From), l, charge, power))
	}
	return list
}

func newRows(s Synapse, in tensor.Shape, l *Layer, charge float64, power func(c int) float64) synapseRows {
	unit := func(w float32, c int) float64 {
		return float64(w) * charge / float64(l.Neuron.ThresholdOf(c))
	}
	single := func(c int, scale func(c int) float32, offset, times int) row {
		if c < offset || c >= offset+in[0] {
			return row{from: s.From}
		}
		return row{from: s.From, w: []float64{unit(scale(c-offset), c)}, power: []float64{power(c - offset)}, times: int64(times)}
	}
	switch k := s.Connection.(type) {
	case Weighted:
		w := k.Weights()
		each := len(w.Data) / l.Shape[0]
		return synapseRows{main: true, of: func(c int) row {
			r := row{from: s.From, w: make([]float64, each), power: make([]float64, each), times: 1}
			for j, x := range w.Data[c*each:][:each] {
				r.w[j], r.power[j] = unit(x, c), power(sourceOf(k, in, c, j))
			}
			return r
		}, put: func(rows [][]float64) Connection {
			y := tensor.New(w.Shape...)
			for c, row := range rows {
				for j, x := range row {
					y.Data[c*each+j] = float32(x)
				}
			}
			return k.WithWeights(y)
		}}
	case *Shortcut:
		return synapseRows{of: func(c int) row { return single(c, k.ScaleOf, k.Offset, 1) }, put: func(rows [][]float64) Connection {
			c := *k
			c.Scale, c.Scales = scalesOf(rows[k.Offset:][:in[0]])
			return &c
		}}
	case *AveragePool:
		times := k.Multiple(in, l.Shape)
		return synapseRows{of: func(c int) row { return single(c, k.ScaleOf, 0, times) }, put: func(rows [][]float64) Connection {
			c := *k
			c.Scale, c.Scales = scalesOf(rows)
			return &c
		}}
	}
	panic(fmt.Sprintf("snn: connection %T", s.Connection))
}

// sourceOf returns the source channel of weight j of output channel c.
func sourceOf(k Weighted, in tensor.Shape, c, j int) int {
	if k, ok := k.(*Conv); ok {
		ws := k.Weight.Shape
		return c/(ws[0]/k.Groups)*ws[1] + j/(ws[2]*ws[3])
	}
	return j / (in[1] * in[2])
}

// scalesOf returns rows of one weight each as one for all, if they are the same, or as all.
func scalesOf(rows [][]float64) (one float32, each []float32) {
	for _, r := range rows {
		each = append(each, float32(r[0]))
	}
	if slices.Min(each) == slices.Max(each) {
		return each[0], nil
	}
	return slices.Max(each), each
}

// bound is the magnitude that numbers of a channel can have, in thresholds.
type bound struct{ current, potential float64 }

// saturates returns the magnitude at which potentials do.
func (q *Quantiser) saturates() float64 {
	return float64((&Network{StateBits: q.o.StateBits}).Saturates())
}

// limit returns the largest threshold of a channel whose weights are w at most.
func (q *Quantiser) limit(b bound, w float64) float64 {
	const most = MaxPotential - 1
	T := float64(q.o.Timesteps)
	state := q.saturates()
	if q.net.Schedule == Phased {
		never := min(most, state) / b.potential
		// With so few bits that weights would have less than 7, potentials may saturate, but none
		// that make less than four times the spikes of a window.
		if q.o.StateBits == 0 || never*w >= 64 {
			return never
		}
		return max(never, min(state/(float64(4*T)+2), most/(1+b.current)))
	}
	// A neuron that holds 64 thresholds fires at every timestep, or hardly ever again.
	return min(state/64, most/(1+b.current))
}

// largestOf returns the largest magnitude of weights.
func largestOf(w []float64) (most float64) {
	for _, x := range w {
		most = max(most, math.Abs(x))
	}
	return most
}

// bounds returns what numbers of the channels of l can be.
func (q *Quantiser) bounds(l *Layer, rows []synapseRows) []bound {
	T, b := float64(q.o.Timesteps), make([]bound, l.Shape[0])
	for c := range b {
		sum := math.Abs(float64(biasOf(l, c))) / float64(l.Neuron.ThresholdOf(c))
		handed := 0.0
		for j, s := range rows {
			r := s.of(c)
			for _, w := range r.w {
				sum += float64(math.Abs(w) * q.largest(r.from))
			}
			if k, ok := l.Synapses[j].Connection.(*Shortcut); ok && k.Remainder && q.th[r.from] != nil {
				handed += math.Abs(r.w[0]) * float64(q.reach[r.from][c]) / float64(q.th[r.from][c])
			}
		}
		b[c] = bound{sum, 2 + float64(T*sum) + handed}
	}
	return b
}

// largest returns the magnitude of what a source emits in a timestep.
func (q *Quantiser) largest(from int) float64 {
	if from == FromInput {
		return float64(q.input.Levels)
	}
	return 1
}

func biasOf(l *Layer, c int) float32 {
	if l.Bias == nil {
		return 0
	}
	return l.Bias[c]
}

// threshold chooses that of channel c of l, whose potential can reach bound thresholds.
func (q *Quantiser) threshold(l *Layer, c int, rows []synapseRows, b bound) (best int64, lost float64, err error) {
	var list []row
	largest, power := math.Inf(1), 0.0
	mains := slices.ContainsFunc(rows, func(s synapseRows) bool { return s.main })
	var candidates []int64
	finest := -1 // The synapse of the smallest weights, which have no shift.
	for _, s := range rows {
		r := s.of(c)
		list = append(list, r)
		most := 0.0
		for j, w := range r.w {
			most = max(most, math.Abs(w))
			power += float64(w * w * r.power[j])
		}
		if most > 0 && (s.main || !mains) {
			if most < largest {
				largest, finest = most, len(list)-1
			}
			if !s.main { // A threshold that such weights divide without a rest.
				for m := int64(1); m <= min(q.most, 64); m++ {
					candidates = append(candidates, int64(math.RoundToEven(float64(m*r.times)/most)))
				}
			}
		}
	}
	if math.IsInf(largest, 1) {
		largest = 0
	}
	limit := int64(q.limit(b, largest))
	units := int64(maxThreshold)
	if slices.ContainsFunc(list, func(r row) bool { return r.from == FromInput && len(r.w) > 0 }) {
		units *= int64(q.input.Levels) // Each weight has as many of them for a pixel.
	}
	limit = min(limit, units)
	if limit < 1 {
		return 0, 0, q.tooLong(c, b)
	}
	if finest < 0 {
		candidates = []int64{maxThreshold} // It gets nothing but a bias.
	} else {
		top := float64(q.most) / largest
		first, last := 0, 7
		if q.o.Bits <= 6 { // Clipping the largest weights may leave more levels to the others.
			first = -8
		}
		for k := first; k <= last; k++ {
			candidates = append(candidates, int64(top*math.Exp2(-float64(k)/8)))
		}
	}
	least := math.Inf(1)
	for _, th := range candidates {
		th = even(min(max(th, 1), limit), startOf(l, c))
		if finest >= 0 && least < math.Inf(1) {
			if s, _ := list[finest].round(q.most, th); s > 0 {
				continue
			}
		}
		if e := q.cost(l, c, list, th); e < least || e == least && th > best {
			best, least = th, e
		}
	}
	for fine := q.finest(); best < fine && 2*best <= limit; { // The same weights with a shift more.
		best *= 2
	}
	weights := q.weightCost(list, best)
	// What moves a potential by less than a fourth of its threshold, all in all, is no loss.
	if least := math.Sqrt(power) * float64(q.o.Timesteps); weights >= power && least > 0.25 {
		if units := float64(limit) * largest; units < float64(q.most)/2 { // It is not the bits that are too few.
			if bits := q.o.StateBits + int(math.Ceil(-math.Log2(units))); q.o.StateBits > 0 {
				bits = min(max(bits, q.o.StateBits+1), MaxStateBits) // So that it has one.
				return 0, 0, hint.Error(fmt.Errorf("channel %d: potentials of %d bits have no room for its weights, the largest of which would have %.2g units", c, q.o.StateBits, units), "give {state-bits} %d or more, or 0", bits)
			}
			return 0, 0, hint.Error(fmt.Errorf("channel %d: in T = %d timesteps its potential can reach %.3g thresholds, so that its largest weight would have %.2g units", c, q.o.Timesteps, b.potential, units),
				"give {timesteps} %d or less", max(int(float64(q.o.Timesteps)*2*units/float64(q.most)), 1))
		}
		return 0, 0, hint.Error(fmt.Errorf("channel %d: its weights cannot be told apart in %d bits: rounded, they say no more than none", c, q.o.Bits), "give {bits} %d or more", q.bitsFor(list, limit, power))
	}
	if power > 0 {
		lost = weights / power
	}
	return best, lost, nil
}

// finest returns the least threshold that tells biases, which come at every timestep, finely
// enough; with weights of few bits their own unit is too coarse for that.
func (q *Quantiser) finest() int64 {
	if q.o.Bits <= 6 {
		return 512
	}
	return 64
}

// bitsFor returns the smallest number of bits that tells the weights of a channel apart.
func (q *Quantiser) bitsFor(list []row, limit int64, power float64) int {
	for bits := q.o.Bits + 1; bits < MaxBits; bits++ {
		more := *q
		more.o.Bits, more.most = bits, 1<<(bits-1)-1
		for k := range 8 {
			for _, r := range list {
				for _, w := range r.w {
					if w != 0 && more.weightCost(list, min(max(int64(float64(more.most)/math.Abs(w)*math.Exp2(-float64(k)/8)), 1), limit)) < power {
						return bits
					}
				}
			}
		}
	}
	return MaxBits
}

// cost returns the mean square of the error of the current that a threshold leads to, in
// thresholds.
func (q *Quantiser) cost(l *Layer, c int, list []row, th int64) float64 {
	sum := q.weightCost(list, th)
	unit := 1 / float64(th)
	b := float64(biasOf(l, c)) / float64(l.Neuron.ThresholdOf(c))
	d := float64(math.RoundToEven(b*float64(th))*unit) - b
	v := startOf(l, c)
	e := (float64(math.RoundToEven(v*float64(th))*unit) - v) / float64(q.o.Timesteps)
	return sum + float64(d*d) + float64(e*e)
}

// weightCost is the part of cost of the weights.
func (q *Quantiser) weightCost(list []row, th int64) (sum float64) {
	for _, r := range list {
		_, e := r.round(q.most, th)
		sum += e
	}
	return sum
}

// startOf returns the start potential of channel c in thresholds.
func startOf(l *Layer, c int) float64 {
	return float64(l.Neuron.VInitOf(c)) / float64(l.Neuron.ThresholdOf(c))
}

// shift returns the least s with which most, times th, is a whole number of that many units.
func shift(most float64, th, units int64) int {
	s := 0
	for math.RoundToEven(math.Ldexp(most*float64(th), -s)) > float64(units) {
		s++
	}
	return s
}

// round returns the shift with which weights, times th, become whole numbers of magnitudes
// up to most with the least error, and that.
func (r *row) round(most, th int64) (s int, cost float64) {
	largest := 0.0
	for _, w := range r.w {
		largest = max(largest, math.Abs(w))
	}
	if largest == 0 {
		return 0, 0
	}
	s = shift(largest/float64(r.times), th, most)
	cost = r.cost(most, th, s)
	if s > 0 {
		if clipped := r.cost(most, th, s-1); clipped < cost {
			return s - 1, clipped
		}
	}
	return s, cost
}

func (r *row) cost(most, th int64, s int) float64 {
	sum := 0.0
	for j, w := range r.w {
		d := r.whole(w, most, th, s)/float64(th) - w
		sum += float64(d * d * r.power[j])
	}
	return sum
}

// whole returns a weight in units.
func (r *row) whole(w float64, most, th int64, s int) float64 {
	m := math.RoundToEven(math.Ldexp(w*float64(th)/float64(r.times), -s))
	m = min(max(m, -float64(most)), float64(most))
	return math.Ldexp(m, s) * float64(r.times)
}

// rounded returns l in whole numbers with the thresholds th, and the magnitudes that the
// potentials of every channel could have, if none saturated, and the currents.
func (q *Quantiser) rounded(l *Layer, rows []synapseRows, th []int64) (whole Layer, potentials, current []int64) {
	whole = *l
	whole.Charge = 1
	T, channels := int64(q.o.Timesteps), l.Shape[0]
	whole.Synapses = slices.Clone(l.Synapses)
	reach, handed := make([]float64, channels), make([]float64, channels)
	state := int64(q.saturates())
	for j, s := range rows {
		weights := make([][]float64, channels)
		for c := range channels {
			r := s.of(c)
			k, _ := r.round(q.most, th[c])
			for i, w := range r.w {
				r.w[i] = r.whole(w, q.most, th[c], k)
				reach[c] += float64(math.Abs(r.w[i]) * q.largest(r.from))
			}
			if k, ok := l.Synapses[j].Connection.(*Shortcut); ok && k.Remainder {
				handed[c] += math.Abs(r.w[0])*float64(min(q.reach[r.from][c], state))/float64(q.th[r.from][c]) + 1
			}
			weights[c] = r.w
		}
		whole.Synapses[j].Connection = s.put(weights)
	}
	whole.Neuron.Threshold = make([]float32, channels)
	whole.Neuron.VInit = nil
	v := make([]float32, channels)
	if l.Bias != nil {
		whole.Bias = make([]float32, channels)
	}
	if l.Shift != nil {
		whole.Shift = make([]float32, channels)
	}
	potentials, current = make([]int64, channels), make([]int64, channels)
	if slices.Min(th) == slices.Max(th) {
		whole.Neuron.Threshold = whole.Neuron.Threshold[:1]
	}
	for c, t := range th {
		by := float64(t) / float64(l.Neuron.ThresholdOf(c))
		whole.Neuron.Threshold[c%len(whole.Neuron.Threshold)] = float32(t)
		first, start := fraction(startOf(l, c), t)
		v[c] = first
		if l.Bias != nil {
			whole.Bias[c] = float32(math.RoundToEven(float64(l.Bias[c]) * by))
			reach[c] += math.Abs(float64(whole.Bias[c]))
		}
		if l.Shift != nil {
			whole.Shift[c] = float32(math.RoundToEven(float64(l.Shift[c]) * by))
		}
		current[c], potentials[c] = int64(reach[c])+1, int64(start+float64(t)+float64(float64(T)*reach[c])+handed[c])
	}
	if l.Start != nil {
		whole.Start = make([]float32, len(l.Start))
		positions := l.Shape[1] * l.Shape[2]
		for j, x := range l.Start {
			c := j / positions
			v := math.RoundToEven(float64(x) * float64(th[c]) / float64(l.Neuron.ThresholdOf(c)))
			whole.Start[j] = float32(min(max(v, -q.saturates()), q.saturates()))
			potentials[c] = max(potentials[c], int64(math.Abs(float64(whole.Start[j]))+float64(th[c])+float64(float64(T)*reach[c])+handed[c]))
		}
	}
	if slices.ContainsFunc(v, func(x float32) bool { return x != 0 }) {
		if slices.Min(v) == slices.Max(v) {
			v = v[:1]
		}
		whole.Neuron.VInit = v
	}
	return whole, potentials, current
}

// even returns the largest threshold, th or a little less, of which the start potential v is
// a whole number, if v is a number of sixteenths.
func even(th int64, v float64) int64 {
	for d := int64(1); d <= 16; d *= 2 {
		if v*float64(d) == math.Round(v*float64(d)) {
			return th - th%min(d, th)
		}
	}
	return th
}

// fraction returns what the threshold th is multiplied by in float32 to give a start
// potential that is a whole number, the nearest to v th of which there is such a number,
// and the potential.
func fraction(v float64, th int64) (f float32, start float64) {
	near := min(math.RoundToEven(v*float64(th)), float64(th-1))
	for d := 0.0; ; d++ {
		for _, start := range []float64{near + d, near - d} {
			f := float32(start / float64(th))
			for _, x := range []float32{f, math.Nextafter32(f, 1), math.Nextafter32(f, 0)} {
				if x >= 0 && x < 1 && x*float32(th) == float32(start) {
					return x, start
				}
			}
		}
	}
}
