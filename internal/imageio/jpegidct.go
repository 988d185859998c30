package imageio

// The inverse cosine transform in integers, as libjpeg's jidctint.c has it: after
// Loeffler, Ligtenberg and Moschytz (ICASSP 1989), 13-bit factors, 2 more bits of
// precision between the passes. Decoders agree to the last bit only if they round
// alike; and on damaged data only if they overflow alike, so that what libjpeg-turbo
// keeps in 16 bits in its vector code is cut to 16 bits here.
const (
	idctBits  = 13
	extraBits = 2

	fix0298 = 2446  // each is its decimals · 2^13
	fix0390 = 3196  // 0.390180644
	fix0541 = 4433  // 0.541196100
	fix0765 = 6270  // 0.765366865
	fix0899 = 7373  // 0.899976223
	fix1175 = 9633  // 1.175875602
	fix1501 = 12299 // 1.501321110
	fix1847 = 15137 // 1.847759065
	fix1961 = 16069 // 1.961570560
	fix2053 = 16819 // 2.053119869
	fix2562 = 20995 // 2.562915447
	fix3072 = 25172 // 3.072711026
)

// idct writes the 8×8 samples of a block to out, whose rows are stride apart. Bit k
// of used says that coefficient k may be other than 0.
func idct(out []byte, stride int, block *[64]int32, used uint64) {
	if used&^1 == 0 {
		flat(out, stride, clip8(int((wrap16(block[0]<<extraBits)+1<<(extraBits+2))>>(extraBits+3))+128))
		return
	}
	var ws [64]int32
	for x := range 8 {
		if used&(0x0101010101010100<<x) == 0 {
			v := saturate16(block[x] << extraBits)
			if used>>8 == 0 {
				v = wrap16(block[x] << extraBits)
			}
			for y := 0; y < 64; y += 8 {
				ws[y+x] = v
			}
			continue
		}
		e0, e1, e2, e3, o0, o1, o2, o3 := butterfly(block[x], block[8+x], block[16+x], block[24+x],
			block[32+x], block[40+x], block[48+x], block[56+x])
		const shift, round = idctBits - extraBits, 1 << (idctBits - extraBits - 1)
		ws[x] = saturate16((e0 + o3 + round) >> shift)
		ws[56+x] = saturate16((e0 - o3 + round) >> shift)
		ws[8+x] = saturate16((e1 + o2 + round) >> shift)
		ws[48+x] = saturate16((e1 - o2 + round) >> shift)
		ws[16+x] = saturate16((e2 + o1 + round) >> shift)
		ws[40+x] = saturate16((e2 - o1 + round) >> shift)
		ws[24+x] = saturate16((e3 + o0 + round) >> shift)
		ws[32+x] = saturate16((e3 - o0 + round) >> shift)
	}
	for y := range 8 {
		w := (*[8]int32)(ws[8*y:])
		e0, e1, e2, e3, o0, o1, o2, o3 := butterfly(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7])
		const shift, round = idctBits + extraBits + 3, 1<<(idctBits+extraBits+2) + 128<<(idctBits+extraBits+3)
		d := (*[8]byte)(out[y*stride:])
		d[0] = clip((e0 + o3 + round) >> shift)
		d[7] = clip((e0 - o3 + round) >> shift)
		d[1] = clip((e1 + o2 + round) >> shift)
		d[6] = clip((e1 - o2 + round) >> shift)
		d[2] = clip((e2 + o1 + round) >> shift)
		d[5] = clip((e2 - o1 + round) >> shift)
		d[3] = clip((e3 + o0 + round) >> shift)
		d[4] = clip((e3 - o0 + round) >> shift)
	}
}

// wrap16 keeps the low 16 bits, saturate16 the nearest number of 16 bits.
func wrap16(v int32) int32 { return int32(int16(v)) }

func saturate16(v int32) int32 {
	if v != int32(int16(v)) {
		return min(max(v, -1<<15), 1<<15-1)
	}
	return v
}

// clip is clip8 where hardly anything is to be cut.
func clip(v int32) byte {
	if uint32(v) > 255 {
		v = ^(v >> 31)
	}
	return byte(v)
}

// flat fills a block with one value.
func flat(out []byte, stride int, v byte) {
	for y := range 8 {
		d := (*[8]byte)(out[y*stride:])
		*d = [8]byte{v, v, v, v, v, v, v, v}
	}
}

// butterfly transforms eight values: the result is e+o and, mirrored, e-o.
func butterfly(c0, c1, c2, c3, c4, c5, c6, c7 int32) (e0, e1, e2, e3, o0, o1, o2, o3 int32) {
	z := (c2 + c6) * fix0541
	t2 := z - c6*fix1847
	t3 := z + c2*fix0765
	t0 := wrap16(c0+c4) << idctBits
	t1 := wrap16(c0-c4) << idctBits
	e0, e3, e1, e2 = t0+t3, t0-t3, t1+t2, t1-t2

	z1, z2, z3, z4 := c7+c1, c5+c3, wrap16(c7+c3), wrap16(c5+c1)
	z5 := (z3 + z4) * fix1175
	z1, z2 = -z1*fix0899, -z2*fix2562
	z3, z4 = z5-z3*fix1961, z5-z4*fix0390
	o0 = c7*fix0298 + z1 + z3
	o1 = c5*fix2053 + z2 + z4
	o2 = c3*fix3072 + z2 + z3
	o3 = c1*fix1501 + z1 + z4
	return
}
