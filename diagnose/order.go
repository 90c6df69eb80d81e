package diagnose

import "sync"

// order says which trial on which image has a number. Trials go one after the other, each on all
// images, but for groups, which go image by image.
type order struct {
	images int
	first  []int // Per trial, the first one of its group,
	size   []int // and how many there are.
}

func newOrder(list []Trial, images int) *order {
	o := &order{images: images, first: make([]int, len(list)), size: make([]int, len(list))}
	for from := 0; from < len(list); {
		to := from + 1
		for g := list[from].Group; g != 0 && to < len(list) && list[to].Group == g; {
			to++
		}
		for t := from; t < to; t++ {
			o.first[t], o.size[t] = from, to-from
		}
		from = to
	}
	return o
}

// of returns the trial and the image of a number.
func (o *order) of(number int) (trial, image int) {
	t := number / o.images
	within := number - o.first[t]*o.images
	return o.first[t] + within%o.size[t], within / o.size[t]
}

// batches hands out numbers of one group and image together, so that one worker does them.
type batches struct {
	order *order
	next  func() (int, bool, error)
	ahead int // Number that was handed out and is of the next batch; -1 for none.

	mu    sync.Mutex
	made  int
	batch map[int][]int // That nobody has taken yet.
}

// nextBatch is as the next of package parallel's Feed.
func (b *batches) nextBatch() (int, bool, error) {
	number, ok, err := b.ahead, true, error(nil)
	if b.ahead = -1; number < 0 {
		if number, ok, err = b.next(); err != nil || !ok {
			return 0, ok, err
		}
	}
	list := []int{number}
	trial, image := b.order.of(number)
	for len(list) < b.order.size[trial] {
		if number, ok, err = b.next(); err != nil {
			return 0, false, err
		}
		if !ok {
			break
		}
		if t, i := b.order.of(number); i != image || b.order.first[t] != b.order.first[trial] {
			b.ahead = number
			break
		}
		list = append(list, number)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.batch == nil {
		b.batch = make(map[int][]int)
	}
	b.made++
	b.batch[b.made] = list
	return b.made, true, nil
}

// take returns a batch, once.
func (b *batches) take(batch int) []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.batch[batch]
	delete(b.batch, batch)
	return list
}
