package filter

import (
	"context"
	"math"
	"os"
	"strconv"
	"strings"
	"unicode"
)

func init() {
	Register("image_size_filter", func() Op { return &imageSize{Min: "0", Max: "1TB", AnyOrAll: "any"} })
}

// imageSize keeps samples by the size of their pictures' files in bytes. Sizes have
// units, as Data-Juicer reads them: "1.5MB" is 15 MiB, for the point is passed over.
type imageSize struct {
	Min      string `param:"min_size"`
	Max      string `param:"max_size"`
	AnyOrAll quorum `param:"any_or_all"`
	Interval

	min, max float64
}

func (f *imageSize) check() (err error) {
	if f.min, err = byteSize(f.Min); err != nil {
		return err
	}
	if f.max, err = byteSize(f.Max); err != nil {
		return err
	}
	return f.AnyOrAll.check()
}

var sizeUnits = []string{"", "k", "m", "g", "t", "p", "e", "z", "y"}

// byteSize reads a size: all digits of the text, times the unit that all its letters
// spell (KB and KiB are 1024 alike).
func byteSize(s string) (float64, error) {
	var digits, unit strings.Builder
	for _, r := range s {
		switch {
		case unicode.IsLetter(r):
			unit.WriteRune(unicode.ToLower(r))
		case '0' <= r && r <= '9':
			digits.WriteRune(r)
		}
	}
	n, err := strconv.ParseFloat(digits.String(), 64)
	if err != nil {
		return 0, as("ValueError", &Error{Kind: Invalid, Op: "filter", What: "size", Have: s, Want: `a number and a unit, such as "10KB"`})
	}
	for i, u := range sizeUnits {
		if w := unit.String(); w == u+"b" && i > 0 || w == u+"ib" && i > 0 || w == "" && i == 0 {
			return math.Ldexp(n, 10*i), nil
		}
	}
	return 0, as("ValueError", &Error{Kind: Invalid, Op: "filter", What: "unit of size", Have: unit.String(), Want: "KB, MB, GB, TB, PB, EB, ZB, YB or their KiB forms"})
}

func (f *imageSize) Measure(_ context.Context, r *Row) error {
	if r.Stats.Has("image_sizes") {
		return nil
	}
	pics, _, err := r.pictures()
	if err != nil {
		return err
	}
	sizes := make([]any, len(pics))
	for i, p := range pics {
		if sizes[i], err = p.size(); err != nil {
			return err
		}
	}
	r.Stats.Set("image_sizes", sizes)
	return nil
}

// size returns the number of bytes of the encoded picture. What they hold is not
// looked at: a damaged or empty file has a size too.
func (p picture) size() (int64, error) {
	if f := p.file(); f != "" {
		st, err := os.Stat(f)
		if err != nil {
			return 0, pictureError(p.name, err)
		}
		return st.Size(), nil
	}
	b, err := p.bytes()
	return int64(len(b)), err
}

func (f *imageSize) Keep(r *Row) (bool, error) { return f.Bounds()[0].keepList(r.Stats, f.AnyOrAll) }

func (f *imageSize) Bounds() []Bound {
	return []Bound{{Stat: "image_sizes", Min: f.min, Max: f.max, MinName: "min_size", MaxName: "max_size", Interval: f.Interval, All: f.AnyOrAll == "all"}}
}
