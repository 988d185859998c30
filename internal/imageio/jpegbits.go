package imageio

import (
	"encoding/binary"
	"fmt"
)

// bitReader reads the entropy-coded bytes of a scan. Beyond a marker, or the file's
// end, it gives zeros and remembers it.
type bitReader struct {
	b      []byte
	pos    int
	acc    uint64 // the next bits, from the top
	n      int    // how many of them
	pad    int    // how many of those are zeros from beyond the end
	marker byte   // the marker that was met
	ended  bool   // the file ended
}

// refill makes at least 48 bits ready.
func (r *bitReader) refill() {
	if r.pos+8 <= len(r.b) && r.marker == 0 && r.n < 57 {
		v := binary.BigEndian.Uint64(r.b[r.pos:])
		if x := ^v; (x-0x0101010101010101)&^x&0x8080808080808080 == 0 { // no 0xff
			k := (64 - r.n) >> 3
			r.acc |= v >> r.n
			r.pos += k
			r.n += 8 * k
			return
		}
	}
	r.refillSlowly()
}

func (r *bitReader) refillSlowly() {
	r.acc &= ^uint64(0) << (64 - r.n) // refill leaves bits there that it has not counted
	for r.n <= 56 {
		c, ok := r.next()
		if !ok {
			r.pad += 64 - r.n
			r.n = 64
			return
		}
		r.acc |= uint64(c) << (56 - r.n)
		r.n += 8
	}
}

// next returns a byte of data; a marker ends them.
func (r *bitReader) next() (byte, bool) {
	if r.marker != 0 {
		return 0, false
	}
	if r.pos >= len(r.b) {
		r.ended = true
		return 0, false
	}
	c := r.b[r.pos]
	if c != 0xff {
		r.pos++
		return c, true
	}
	p := r.pos + 1
	for p < len(r.b) && r.b[p] == 0xff {
		p++
	}
	if p >= len(r.b) {
		r.pos, r.ended = len(r.b), true
		return 0, false
	}
	r.pos = p + 1
	if r.b[p] != 0 {
		r.marker = r.b[p]
		return 0, false
	}
	return 0xff, true
}

// start begins a run of data at pos.
func (r *bitReader) start(pos int) { r.pos, r.acc, r.n, r.pad = pos, 0, 0, 0 }

// dry reports whether more bits were taken than there were.
func (r *bitReader) dry() bool { return r.n < r.pad }

// bits takes k bits, at most 16.
func (r *bitReader) bits(k int) int32 {
	if r.n < k {
		r.refill()
	}
	v := int32(r.acc >> 1 >> (63 - k))
	r.acc <<= k
	r.n -= k
	return v
}

// extended takes a value of k bits, whose first says its sign.
func (r *bitReader) extended(k int) int32 { return extend(r.bits(k), k) }

// extend widens a value of k bits: those without a leading 1 are negative
// (ITU T.81, F.2.2.1).
func extend(v int32, k int) int32 {
	if k > 0 && v < 1<<(k-1) {
		v += -1<<k + 1
	}
	return v
}

// lookBits is how long the codes are that one look-up reads.
const lookBits = 10

// huffman is a table of codes.
type huffman struct {
	look    [1 << lookBits]uint16 // length<<8 | symbol of the code that these bits begin with, 0 if longer
	whole   [1 << lookBits]int32  // value<<16 | run<<8 | length of code and value, 0 if longer: AC only
	maxCode [18]int32             // largest code of a length, -1 if none
	offset  [17]int32             // index of its symbol, less the code
	symbols [256]byte
	bad     bool
}

// huffmanTables reads tables and keeps them by class and number.
func (d *jpegDecoder) huffmanTables(b []byte) error {
	for len(b) > 0 {
		if len(b) < 17 || b[0]&15 > 3 || b[0]>>4 > 1 {
			return invalid(JPEG, "Huffman table", fmt.Sprintf("%#02x of %d bytes", b[0], len(b)), "")
		}
		n := 0
		for _, c := range b[1:17] {
			n += int(c)
		}
		if n > 256 || len(b) < 17+n {
			return invalid(JPEG, "Huffman table", fmt.Sprintf("of %d symbols", n), "")
		}
		h := newHuffman([16]byte(b[1:17]), b[17:17+n])
		if b[0]>>4 == 0 {
			d.dc[b[0]&15] = h
		} else {
			d.ac[b[0]&15] = h
		}
		b = b[17+n:]
	}
	return nil
}

// newHuffman builds the codes from how many there are of each length (T.81, annex C).
// Codes that do not fit make a bad table, which matters once it is used.
func newHuffman(counts [16]byte, symbols []byte) *huffman {
	h := new(huffman)
	copy(h.symbols[:], symbols)
	code, k := int32(0), int32(0)
	for length := 1; length <= 16; length++ {
		h.offset[length] = k - code
		h.maxCode[length] = -1
		for range counts[length-1] {
			if length <= lookBits {
				first := code << (lookBits - length)
				for i := range int32(1) << (lookBits - length) {
					if int(first+i) < len(h.look) {
						h.look[first+i] = uint16(length)<<8 | uint16(symbols[k])
					}
				}
			}
			h.maxCode[length] = code
			code++
			k++
		}
		if code >= 1<<length && int(k) > 0 {
			h.bad = true
			return h
		}
		code <<= 1
	}
	h.maxCode[17] = 1 << 30
	h.wholes()
	return h
}

// wholes prepares the codes whose values fit into the same look-up.
func (h *huffman) wholes() {
	for i, e := range h.look {
		length, size := int(e>>8), int(e&15)
		if length == 0 || size == 0 || length+size > lookBits {
			continue
		}
		v := int32(i) >> (lookBits - length - size) & (1<<size - 1)
		h.whole[i] = extend(v, size)<<16 | int32(e>>4&15)<<8 | int32(length+size)
	}
}

// symbol reads a code. One that is in no table counts as 0, as in libjpeg.
func (r *bitReader) symbol(h *huffman) byte {
	if r.n < 17 {
		r.refill()
	}
	if e := h.look[r.acc>>(64-lookBits)]; e != 0 {
		r.acc <<= e >> 8
		r.n -= int(e >> 8)
		return byte(e)
	}
	return r.long(h)
}

func (r *bitReader) long(h *huffman) byte {
	length := lookBits + 1
	for length <= 16 && int32(r.acc>>(64-length)) > h.maxCode[length] {
		length++
	}
	code := int32(r.acc >> (64 - length))
	r.acc <<= length
	r.n -= length
	if length > 16 {
		return 0
	}
	return h.symbols[byte(code+h.offset[length])]
}
