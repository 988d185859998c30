package plan

// checkpoint puts the steps of a segment before their first use in the backward pass
// a second time, for every value that the segment computes for itself alone. The
// value is then free between the passes. Numbers do not change: the same kernels read
// the same inputs.
func (d *draft) checkpoint() {
	if d.o.Checkpoint == nil {
		return
	}
	r := newRecomputer(d)
	for _, s := range r.old {
		if s.call.Backward {
			s.in = r.again(s.in)
		}
		r.steps = append(r.steps, s)
	}
	d.dropUnread()
}

// dearPerByte is how many operations a byte of a value may cost before it is kept rather
// than computed again: what convolutions of many channels make of few pixels. On SD 1.4
// at 256×256 these values add 3 % to the activations that are left, and save a quarter
// of the work done again.
const dearPerByte = 5000

func (d *draft) dear(s *step) bool {
	var bytes int64
	for _, v := range s.out {
		bytes += d.values[v].bytes
	}
	return flops(s.op) >= dearPerByte*float64(bytes)
}

type recomputer struct {
	*draft
	old    []step
	maker  map[int]int // base value → step of old
	local  map[int]bool
	copies map[int]int // value → its second copy
}

func newRecomputer(d *draft) *recomputer {
	r := &recomputer{draft: d, old: d.steps, maker: map[int]int{}, local: map[int]bool{}, copies: map[int]int{}}
	d.steps = make([]step, 0, len(r.old))
	for i := range r.old {
		for _, v := range r.old[i].out {
			r.maker[v] = i
			r.local[v] = d.segment(&r.old[i]) > 0 && !d.dear(&r.old[i])
		}
	}
	for _, v := range d.outs {
		r.local[d.values[v].base] = false
	}
	for i := range r.old {
		s := &r.old[i]
		if s.call.Backward {
			continue
		}
		for _, v := range s.in {
			base := d.values[v].base
			if m, ok := r.maker[base]; ok && d.segment(&r.old[m]) != d.segment(s) {
				r.local[base] = false
			}
		}
	}
	return r
}

// again returns the values to read in the backward pass instead of vs, and adds the
// steps that compute them.
func (r *recomputer) again(vs []int) []int {
	out := make([]int, len(vs))
	for i, v := range vs {
		out[i] = r.copyOf(v)
	}
	return out
}

func (r *recomputer) copyOf(v int) int {
	if c, ok := r.copies[v]; ok {
		return c
	}
	x := r.values[v]
	if !r.local[x.base] {
		return v
	}
	if x.base != v {
		base := r.copyOf(x.base)
		r.values = append(r.values, value{buf: r.values[base].buf, off: x.off, bytes: x.bytes, base: base})
		r.copies[v] = len(r.values) - 1
		return r.copies[v]
	}
	s := r.old[r.maker[v]]
	s.again = true
	s.in = r.again(s.in)
	outs := make([]int, len(s.out))
	for i, o := range s.out {
		outs[i] = r.fresh(r.values[o].bytes)
		if r.local[o] {
			r.copies[o] = outs[i]
		}
	}
	s.out = outs
	r.steps = append(r.steps, s)
	return r.copies[v]
}

// dropUnread drops steps whose results nobody reads.
func (d *draft) dropUnread() {
	read := make([]bool, len(d.values))
	for _, v := range d.outs {
		read[d.values[v].base] = true
	}
	keep := make([]bool, len(d.steps))
	n := 0
	for i := len(d.steps) - 1; i >= 0; i-- {
		for _, v := range d.steps[i].out {
			keep[i] = keep[i] || read[v]
		}
		if !keep[i] {
			continue
		}
		n++
		for _, v := range d.steps[i].in {
			read[d.values[v].base] = true
		}
	}
	kept := make([]step, 0, n)
	for i, k := range keep {
		if k {
			kept = append(kept, d.steps[i])
		}
	}
	d.steps = kept
}
