package filter

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"iter"
	"strings"
	"unicode"
)

func init() {
	Register("document_deduplicator", func() Op { return &documentDedup{} })
}

// documentDedup drops samples whose text is an earlier one's: the texts' MD5 are
// compared, white space at the ends aside.
type documentDedup struct {
	Lowercase bool `param:"lowercase"`
	Letters   bool `param:"ignore_non_character"` // compare without white space, digits and ASCII's punctuation
}

func (d *documentDedup) Hash(_ context.Context, r *Row) error {
	if _, ok := r.Sample.Get(hashColumn); ok {
		return nil
	}
	text, err := r.Text()
	if err != nil {
		return err
	}
	if d.Lowercase {
		text = pyLower(text)
	}
	if d.Letters {
		text = onlyLetters(text)
	}
	r.Sample.Set(hashColumn, md5Hex(pyStrip(text)))
	return nil
}

func onlyLetters(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) || unicode.IsDigit(c) || c < 0x80 && unicode.In(c, unicode.P, unicode.S) {
			return -1
		}
		return c
	}, text)
}

func md5Hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

func (d *documentDedup) key(r *Row) (string, bool) {
	v, _ := r.Sample.Get(hashColumn)
	s, ok := v.(string)
	return s, ok
}

func (d *documentDedup) Reduce(_ context.Context, n int, rows iter.Seq[*Row]) ([]int, error) {
	return firstOfEach(d, n, rows), nil
}

// firstOfEach says of every row which earlier one has its key, itself if none.
func firstOfEach(d exact, n int, rows iter.Seq[*Row]) []int {
	like := make([]int, 0, n)
	first := map[[16]byte]int{}
	for r := range rows {
		i := len(like)
		if key, ok := d.key(r); ok {
			h := shortHash(key)
			if j, seen := first[h]; seen {
				i = j
			} else {
				first[h] = i
			}
		}
		like = append(like, i)
	}
	return like
}
