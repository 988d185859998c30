package filter

import (
	"context"
	"crypto/md5"
	"encoding/binary"
	"iter"
	"math/bits"
	"slices"
	"strconv"
)

func init() {
	Register("document_simhash_deduplicator", func() Op {
		return &simhash{shingling: shingling{Tokenization: "space", Window: 6, Lowercase: true}, Blocks: 6, Distance: 4}
	})
}

// simhash drops samples whose text is nearly an earlier one's: the SimHash (Charikar
// 2002) of their runs of tokens differs in at most Distance of 64 bits. Alike is passed
// on from text to text; the first of each cluster stays.
type simhash struct {
	shingling
	Blocks   int `param:"num_blocks"` // at least one block of a near pair's bits is equal
	Distance int `param:"hamming_distance"`
}

func (d *simhash) check() error {
	if err := d.shingling.check(); err != nil {
		return err
	}
	if d.Blocks < 1 || d.Blocks > 64 || d.Distance < 1 || d.Distance >= d.Blocks {
		return as("ValueError", fail(Invalid, "document_simhash_deduplicator: hamming_distance %d, num_blocks %d, want 1 ≤ hamming_distance < num_blocks ≤ 64", d.Distance, d.Blocks))
	}
	return nil
}

func (d *simhash) Hash(_ context.Context, r *Row) error {
	if _, ok := r.Sample.Get(simhashColumn); ok {
		return nil
	}
	text, err := r.Text()
	if err != nil {
		return err
	}
	runs, err := d.shingles(text)
	if err == nil {
		r.Sample.Set(simhashColumn, strconv.FormatUint(simhashOf(runs), 10))
	}
	return err
}

// simhashOf sets the bits that more than half of the runs' hashes have: the first eight
// bytes of their MD5. Of no runs it is 0.
func simhashOf(runs []string) (h uint64) {
	var votes [64]int
	for _, s := range runs {
		sum := md5.Sum([]byte(s))
		x := binary.BigEndian.Uint64(sum[:])
		for i := range votes {
			votes[i] += int(x>>i&1)*2 - 1
		}
	}
	for i, v := range votes {
		if v > 0 {
			h |= 1 << i
		}
	}
	return h
}

func (d *simhash) Reduce(_ context.Context, n int, rows iter.Seq[*Row]) ([]int, error) {
	sets := newClusters(n)
	first := map[uint64]int{}
	i := -1
	for r := range rows {
		i++
		v, _ := r.Sample.Get(simhashColumn)
		s, _ := v.(string)
		hash, _ := strconv.ParseUint(s, 10, 64)
		if hash == 0 && !r.Strict {
			continue // nothing to compare
		}
		if j, ok := first[hash]; ok {
			sets.join(i, j)
		} else {
			first[hash] = i
		}
	}
	d.near(first, sets)
	return sets.firsts(), nil
}

// near joins the distinct hashes of first that differ in few bits. Those that do agree
// in one block at least, so only rows of the same block are compared.
func (d *simhash) near(first map[uint64]int, sets clusters) {
	distinct := make([]uint64, 0, len(first))
	for h := range first {
		distinct = append(distinct, h)
	}
	for b := range d.Blocks {
		from, to := 64*b/d.Blocks, 64*(b+1)/d.Blocks
		mask := (uint64(1)<<(to-from) - 1) << from
		slices.SortFunc(distinct, func(x, y uint64) int {
			switch x, y := x&mask, y&mask; {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		})
		for i, x := range distinct {
			for _, y := range distinct[i+1:] {
				if x&mask != y&mask {
					break
				}
				if bits.OnesCount64(x^y) <= d.Distance {
					sets.join(first[x], first[y])
				}
			}
		}
	}
}
