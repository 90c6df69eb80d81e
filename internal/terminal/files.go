package terminal

// Files shows, for one file after the other, how many bytes of it have arrived. The caller
// must call stop when the work has ended, however it ended.
func (p Progress) Files() (update func(file string, done, total int64), stop func()) {
	var (
		current string
		bar     func(done, total int)
		end     = func() {}
	)
	update = func(file string, done, total int64) {
		if file != current {
			end()
			current = file
			bar, end = p.Bar(file + ", kB")
		}
		bar(int(done/1000), int(max(total/1000, 1)))
	}
	return update, func() { end() }
}
