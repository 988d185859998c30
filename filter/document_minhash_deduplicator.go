package filter

import (
	"context"
	"crypto/sha1"
	"encoding/binary"
	"iter"
	"math"
	"sync"
)

func init() {
	Register("document_minhash_deduplicator", func() Op {
		return &minhash{shingling: shingling{Tokenization: "space", Window: 5, Lowercase: true}, Permutations: 256, Threshold: 0.7}
	})
}

// minhash drops samples whose text is nearly an earlier one's: MinHash (Broder 1997)
// with banded locality-sensitive hashing. Texts that share all values of one band are
// alike, and so are those that are alike to the same text; the first of each cluster
// stays. Texts of fewer tokens than the window have nothing to compare: Data-Juicer
// takes them all for one.
type minhash struct {
	shingling
	Permutations int     `param:"num_permutations"`
	Threshold    float64 `param:"jaccard_threshold"`
	Bands        *int    `param:"num_bands"`
	Rows         *int    `param:"num_rows_per_band"`
	Model        *string `param:"tokenizer_model"`

	bands, rows int
	a, b        []uint64
}

const mersenne61 = 1<<61 - 1

func (d *minhash) check() error {
	if err := d.openModel(); err != nil {
		return err
	}
	if err := d.shingling.check(); err != nil {
		return err
	}
	if d.Permutations < 1 || d.Permutations > 1<<16 || !(d.Threshold >= 0 && d.Threshold <= 1) {
		return as("parser", fail(Invalid, "document_minhash_deduplicator: num_permutations %d, jaccard_threshold %v, want 1 to 65536 and 0 to 1", d.Permutations, d.Threshold))
	}
	if d.Bands == nil || d.Rows == nil {
		d.bands, d.rows = bestBands(d.Threshold, d.Permutations)
	} else {
		d.bands, d.rows = *d.Bands, *d.Rows
	}
	if d.bands < 1 || d.rows < 1 || d.bands > d.Permutations || d.bands*d.rows > d.Permutations {
		return as("ValueError", fail(Invalid, "document_minhash_deduplicator: %d bands of %d rows, want at most %d values", d.bands, d.rows, d.Permutations))
	}
	d.a, d.b = nil, nil
	g := newLegacyRandom(42)
	for range d.Permutations {
		d.a = append(d.a, 1+g.below(mersenne61-2))
		d.b = append(d.b, g.below(mersenne61-1))
	}
	return nil
}

// openModel opens the SentencePiece model, if texts are cut by one.
func (d *minhash) openModel() (err error) {
	if d.Tokenization != "sentencepiece" || d.m != nil {
		return nil
	}
	if d.Model == nil {
		return as("ValueError", &Error{Kind: Missing, Op: "filter", What: "document_minhash_deduplicator: tokenizer_model", Want: "a SentencePiece model, for tokenization: sentencepiece"})
	}
	d.m, err = openPieces(*d.Model)
	return err
}

// Hash keeps 64 bits of the hash of each band, in a place that no result shows.
func (d *minhash) Hash(_ context.Context, r *Row) error {
	if r.bands != nil {
		return nil
	}
	text, err := r.Text()
	if err != nil {
		return err
	}
	runs, err := d.shingles(text)
	if err != nil || len(runs) == 0 && !r.Strict {
		return err
	}
	signature := d.signature(runs)
	r.bands = make([]uint64, d.bands)
	var b []byte
	for i := range r.bands {
		b = d.appendBand(b[:0], signature, i)
		sum := sha1.Sum(b)
		r.bands[i] = binary.LittleEndian.Uint64(sum[:])
	}
	return nil
}

// signature is the least hash of the runs for each permutation. The arithmetic wraps at
// 64 bits as numpy's does.
func (d *minhash) signature(runs []string) []uint32 {
	least := make([]uint32, d.Permutations)
	for i := range least {
		least[i] = math.MaxUint32
	}
	seen := make(map[uint32]bool, len(runs))
	for _, s := range runs {
		sum := sha1.Sum([]byte(s))
		h := binary.LittleEndian.Uint32(sum[:])
		if seen[h] {
			continue
		}
		seen[h] = true
		a, b := d.a[:len(least)], d.b[:len(least)]
		for i := range least {
			least[i] = min(least[i], uint32(mod61(uint64(h)*a[i]+b[i])))
		}
	}
	return least
}

// mod61 is x % mersenne61.
func mod61(x uint64) uint64 {
	x = x&mersenne61 + x>>61
	if x >= mersenne61 {
		x -= mersenne61
	}
	return x
}

// appendBand appends a band of a signature, as the bytes that Data-Juicer compares.
func (d *minhash) appendBand(b []byte, signature []uint32, band int) []byte {
	for _, v := range signature[band*d.rows : (band+1)*d.rows] {
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	return b
}

// bandsAtOnce bounds the bands that Reduce holds in memory, 8 bytes of each a row: it
// goes over the rows once for so many.
const bandsAtOnce = 40

func (d *minhash) Reduce(_ context.Context, n int, rows iter.Seq[*Row]) ([]int, error) {
	sets := newClusters(n)
	for from := 0; from < d.bands; from += bandsAtOnce {
		d.joinBands(sets, n, rows, from, min(from+bandsAtOnce, d.bands))
	}
	return sets.firsts(), nil
}

// joinBands joins rows that have one of some bands in common.
func (d *minhash) joinBands(sets clusters, n int, rows iter.Seq[*Row], from, to int) {
	hashes := make([]uint64, 0, n*(to-from))
	var members []int // the rows that have something to compare
	i := -1
	for r := range rows {
		if i++; len(r.bands) == d.bands {
			hashes = append(hashes, r.bands[from:to]...)
			members = append(members, i)
		}
	}
	first := map[uint64]int{}
	for b := range to - from {
		clear(first)
		for k, i := range members {
			h := hashes[k*(to-from)+b]
			if j, ok := first[h]; ok {
				sets.join(i, j)
			} else {
				first[h] = i
			}
		}
	}
}

// clusters is a union-find whose roots are the least members.
type clusters []int

func newClusters(n int) clusters {
	c := make(clusters, n)
	for i := range c {
		c[i] = i
	}
	return c
}

func (c clusters) root(i int) int {
	for c[i] != i {
		c[i] = c[c[i]]
		i = c[i]
	}
	return i
}

func (c clusters) join(i, j int) {
	i, j = c.root(i), c.root(j)
	c[max(i, j)] = min(i, j)
}

func (c clusters) firsts() []int {
	out := make([]int, len(c))
	for i := range c {
		out[i] = c.root(i)
	}
	return out
}

var bandsFor sync.Map // of [2]float64 → [2]int

// bestBands chooses bands and rows as datasketch does: those with the least sum of
// false positives and negatives, ∫₀ᵗ 1−(1−sʳ)ᵇ ds + ∫ₜ¹ (1−sʳ)ᵇ ds, halved.
func bestBands(threshold float64, permutations int) (bands, rows int) {
	key := [2]float64{threshold, float64(permutations)}
	if v, ok := bandsFor.Load(key); ok {
		return v.([2]int)[0], v.([2]int)[1]
	}
	least := math.Inf(1)
	for b := 1; b <= permutations; b++ {
		for r := 1; r <= permutations/b; r++ {
			miss := func(s float64) float64 { return math.Pow(1-math.Pow(s, float64(r)), float64(b)) }
			e := 0.5*integrate(func(s float64) float64 { return 1 - miss(s) }, 0, threshold) + 0.5*integrate(miss, threshold, 1)
			if e < least {
				least, bands, rows = e, b, r
			}
		}
	}
	bandsFor.Store(key, [2]int{bands, rows})
	return bands, rows
}

// gauss are the nodes and weights of Gauss-Legendre's rule of ten points on [-1, 1].
var gauss = [][2]float64{
	{0.1488743389816312, 0.2955242247147529}, {0.4333953941292472, 0.2692667193099963}, {0.6794095682990244, 0.2190863625159820},
	{0.8650633666889845, 0.1494513491505806}, {0.9739065285171717, 0.0666713443086881},
}

// integrate is f's integral from a to b, on sixteen pieces.
func integrate(f func(float64) float64, a, b float64) (sum float64) {
	const pieces = 16
	half := (b - a) / pieces / 2
	for i := range pieces {
		mid := a + half*float64(2*i+1)
		for _, g := range gauss {
			sum += g[1] * (f(mid-half*g[0]) + f(mid+half*g[0]))
		}
	}
	return sum * half
}
