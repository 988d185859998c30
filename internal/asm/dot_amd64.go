//go:build amd64 && !purego

package asm

// run picks the loop for m rows.
func (d *dot) run(m int, kind Kind) {
	if level == AVX2 {
		d.run256(m, kind)
		return
	}
	switch kind {
	case F32:
		switch m {
		case 1:
			dot512F32x1(d)
		case 2:
			dot512F32x2(d)
		case 3:
			dot512F32x3(d)
		case 4:
			dot512F32x4(d)
		case 5:
			dot512F32x5(d)
		case 6:
			dot512F32x6(d)
		case 7:
			dot512F32x7(d)
		case 8:
			dot512F32x8(d)
		}
	case F16:
		switch m {
		case 1:
			dot512F16x1(d)
		case 2:
			dot512F16x2(d)
		case 3:
			dot512F16x3(d)
		case 4:
			dot512F16x4(d)
		case 5:
			dot512F16x5(d)
		case 6:
			dot512F16x6(d)
		case 7:
			dot512F16x7(d)
		case 8:
			dot512F16x8(d)
		}
	case BF16:
		switch m {
		case 1:
			dot512BF16x1(d)
		case 2:
			dot512BF16x2(d)
		case 3:
			dot512BF16x3(d)
		case 4:
			dot512BF16x4(d)
		case 5:
			dot512BF16x5(d)
		case 6:
			dot512BF16x6(d)
		case 7:
			dot512BF16x7(d)
		case 8:
			dot512BF16x8(d)
		}
	}
}

func (d *dot) run256(m int, kind Kind) {
	switch kind {
	case F32:
		switch m {
		case 1:
			dot256F32x1(d)
		case 2:
			dot256F32x2(d)
		case 3:
			dot256F32x3(d)
		case 4:
			dot256F32x4(d)
		}
	case F16:
		switch m {
		case 1:
			dot256F16x1(d)
		case 2:
			dot256F16x2(d)
		case 3:
			dot256F16x3(d)
		case 4:
			dot256F16x4(d)
		}
	case BF16:
		switch m {
		case 1:
			dot256BF16x1(d)
		case 2:
			dot256BF16x2(d)
		case 3:
			dot256BF16x3(d)
		case 4:
			dot256BF16x4(d)
		}
	}
}

//go:noescape
func dot512F32x1(d *dot)

//go:noescape
func dot512F32x2(d *dot)

//go:noescape
func dot512F32x3(d *dot)

//go:noescape
func dot512F32x4(d *dot)

//go:noescape
func dot512F32x5(d *dot)

//go:noescape
func dot512F32x6(d *dot)

//go:noescape
func dot512F32x7(d *dot)

//go:noescape
func dot512F32x8(d *dot)

//go:noescape
func dot256F32x1(d *dot)

//go:noescape
func dot256F32x2(d *dot)

//go:noescape
func dot256F32x3(d *dot)

//go:noescape
func dot256F32x4(d *dot)

//go:noescape
func dot512F16x1(d *dot)

//go:noescape
func dot512F16x2(d *dot)

//go:noescape
func dot512F16x3(d *dot)

//go:noescape
func dot512F16x4(d *dot)

//go:noescape
func dot512F16x5(d *dot)

//go:noescape
func dot512F16x6(d *dot)

//go:noescape
func dot512F16x7(d *dot)

//go:noescape
func dot512F16x8(d *dot)

//go:noescape
func dot256F16x1(d *dot)

//go:noescape
func dot256F16x2(d *dot)

//go:noescape
func dot256F16x3(d *dot)

//go:noescape
func dot256F16x4(d *dot)

//go:noescape
func dot512BF16x1(d *dot)

//go:noescape
func dot512BF16x2(d *dot)

//go:noescape
func dot512BF16x3(d *dot)

//go:noescape
func dot512BF16x4(d *dot)

//go:noescape
func dot512BF16x5(d *dot)

//go:noescape
func dot512BF16x6(d *dot)

//go:noescape
func dot512BF16x7(d *dot)

//go:noescape
func dot512BF16x8(d *dot)

//go:noescape
func dot256BF16x1(d *dot)

//go:noescape
func dot256BF16x2(d *dot)

//go:noescape
func dot256BF16x3(d *dot)

//go:noescape
func dot256BF16x4(d *dot)
