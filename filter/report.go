package filter

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Report says what a run did: to how many samples, which op, by which numbers. It holds
// no more of a large data set than of a small one: quantiles and histograms come from up
// to 4096 samples an op, drawn evenly.
type Report struct {
	Project string        `json:"project,omitempty"`
	Data    string        `json:"data"`
	Result  string        `json:"result"`
	Strict  bool          `json:"strict"`
	Read    int           `json:"read"`     // samples in the data
	NoText  int           `json:"no_text"`  // of them without a text, passed over
	Kept    int           `json:"kept"`     // samples in the result
	Dropped int           `json:"dropped"`  // by ops, or chosen by no selector
	Failed  int           `json:"failed"`   // on which an op failed
	Took    time.Duration `json:"took_ns"`  // of the whole run
	Ignored []string      `json:"ignored"`  // settings that were given and mean nothing here
	Ops     []OpReport    `json:"ops"`      // in the order in which they ran
	Errors  []Failure     `json:"failures"` // the first of them
	Files   []string      `json:"files"`    // what was written
}

// OpReport is what one op did.
type OpReport struct {
	Name    string        `json:"name"`
	In      int           `json:"in"` // samples that reached it
	Kept    int           `json:"kept"`
	Dropped int           `json:"dropped"`
	Failed  int           `json:"failed"`
	Bounds  []BoundReport `json:"bounds,omitempty"` // of an op that decides by ranges

	// Samples are the numbers of the samples that were drawn: for each, a list of numbers
	// for each bound.
	Samples [][][]float64 `json:"samples,omitempty"`
}

// BoundReport is what there is to know of one statistic, and of the range it was held
// against.
type BoundReport struct {
	Stat      string     `json:"stat"`
	Min       *float64   `json:"min"` // null where there is no bound
	Max       *float64   `json:"max"`
	MinName   string     `json:"min_name,omitempty"`
	MaxName   string     `json:"max_name,omitempty"`
	MinOpen   bool       `json:"min_open,omitempty"`
	MaxOpen   bool       `json:"max_open,omitempty"`
	Reversed  bool       `json:"reversed,omitempty"`
	All       bool       `json:"all,omitempty"` // all numbers of a sample must be within
	Count     int        `json:"count"`         // numbers that were drawn
	Mean      float64    `json:"mean"`
	Quantiles []float64  `json:"quantiles"` // 0, 5, 25, 50, 75, 95, 100 %
	Histogram []Bin      `json:"histogram"`
	Near      []Neighbor `json:"near,omitempty"` // samples next to the bounds
}

// Bin is a bar of a histogram: numbers from From up to To.
type Bin struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Count int     `json:"count"`
}

// Neighbor is a sample whose number lies next to a bound.
type Neighbor struct {
	ID      string  `json:"id"`
	Text    string  `json:"text,omitempty"`
	Picture string  `json:"picture,omitempty"` // its file
	Value   float64 `json:"value"`
	Bound   string  `json:"bound"` // "min" or "max"
	Kept    bool    `json:"kept"`
}

// Failure is a sample on which an op failed.
type Failure struct {
	ID     string `json:"id"`
	Op     string `json:"op"`
	Reason string `json:"reason"`
}

const (
	drawn      = 4096 // samples of an op whose numbers are kept
	neighbours = 6    // on each side of each end of a range
	maxErrors  = 50
	bars       = 24
)

// reporter gathers a Report.
type reporter struct {
	Report
	random  *rand.Rand
	seen    []int       // numbers offered, by op
	numbers [][]float64 // scratch: of one op and sample
}

func newReport(rec *Recipe) *reporter {
	p := &reporter{random: rand.New(rand.NewPCG(1, 2)), seen: make([]int, len(rec.Steps))}
	p.Project, p.Data, p.Result, p.Strict, p.Ignored = rec.ProjectName, rec.DatasetPath, rec.ExportPath, rec.Compat == "strict", rec.Ignored
	for _, s := range rec.Steps {
		o := OpReport{Name: s.Name}
		if b, ok := s.Op.(bounded); ok {
			for _, bound := range b.Bounds() {
				o.Bounds = append(o.Bounds, boundReport(bound))
			}
		}
		p.Ops = append(p.Ops, o)
	}
	return p
}

func boundReport(b Bound) BoundReport {
	r := BoundReport{Stat: b.Stat, MinName: b.MinName, MaxName: b.MaxName, MinOpen: b.MinOpen, MaxOpen: b.MaxOpen, Reversed: b.Reversed, All: b.All}
	if !math.IsInf(b.Min, 0) && b.Min > -maxSize && b.MinName != "" {
		r.Min = &b.Min
	}
	if !math.IsInf(b.Max, 0) && b.Max < maxSize && b.MaxName != "" {
		r.Max = &b.Max
	}
	return r
}

// add counts a row that went through all ops.
func (p *reporter) add(r *Row) {
	switch {
	case r.err != nil:
		p.Failed++
		if len(p.Errors) < maxErrors && len(r.verdicts) > 0 {
			p.Errors = append(p.Errors, Failure{r.String(), r.verdicts[len(r.verdicts)-1].Op, r.err.Error()})
		}
	case r.dropped:
		p.Dropped++
	default:
		p.Kept++
	}
	for _, v := range r.verdicts {
		if v.Step >= 0 && v.Step < len(p.Ops) {
			p.addVerdict(r, v)
		}
	}
}

func (p *reporter) addVerdict(r *Row, v Verdict) {
	o := &p.Ops[v.Step]
	o.In++
	switch {
	case v.Err != nil:
		o.Failed++
		return
	case v.Kept:
		o.Kept++
	default:
		o.Dropped++
	}
	if len(o.Bounds) == 0 || len(v.Bounds) != len(o.Bounds) {
		return
	}
	for len(p.numbers) < len(v.Bounds) {
		p.numbers = append(p.numbers, nil)
	}
	numbers := p.numbers[:len(v.Bounds)]
	for i, b := range v.Bounds {
		numbers[i], _ = r.Stats.numbers(numbers[i][:0], b.Stat)
		o.Bounds[i].note(r, v.Kept, numbers[i])
	}
	p.draw(v.Step, numbers)
}

// draw keeps an even choice of what it is offered (Vitter 1985, algorithm R).
func (p *reporter) draw(step int, numbers [][]float64) {
	o := &p.Ops[step]
	p.seen[step]++
	at := len(o.Samples)
	if at < drawn {
		o.Samples = append(o.Samples, nil)
	} else if at = p.random.IntN(p.seen[step]); at >= drawn {
		return
	}
	o.Samples[at] = make([][]float64, len(numbers))
	for i, n := range numbers {
		o.Samples[at][i] = slices.Clone(n)
	}
}

// note keeps the sample if its number is one of the nearest to an end of the range.
func (b *BoundReport) note(r *Row, kept bool, numbers []float64) {
	for _, end := range []struct {
		name string
		at   *float64
	}{{"min", b.Min}, {"max", b.Max}} {
		if end.at == nil || len(numbers) == 0 {
			continue
		}
		nearest := slices.MinFunc(numbers, func(x, y float64) int { return cmp.Compare(math.Abs(x-*end.at), math.Abs(y-*end.at)) })
		b.keepNear(r, Neighbor{Value: nearest, Bound: end.name, Kept: kept}, *end.at)
	}
}

func (b *BoundReport) keepNear(r *Row, n Neighbor, at float64) {
	far, count := -1, 0
	for i, have := range b.Near {
		if have.Bound != n.Bound || have.Kept != n.Kept {
			continue
		}
		if count++; far < 0 || math.Abs(have.Value-at) >= math.Abs(b.Near[far].Value-at) {
			far = i
		}
	}
	switch {
	case count < neighbours:
		b.Near = append(b.Near, n.of(r))
	case math.Abs(n.Value-at) < math.Abs(b.Near[far].Value-at):
		b.Near[far] = n.of(r)
	}
}

// of fills in what there is to see of the sample.
func (n Neighbor) of(r *Row) Neighbor {
	n.ID = r.String()
	if text, err := r.Text(); err == nil {
		n.Text = firstRunes(text, 80)
	}
	if pics, _, err := r.pictures(); err == nil && len(pics) > 0 {
		n.Picture = pics[0].file()
	}
	return n
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i] + "…"
		}
		n--
	}
	return s
}

// finish counts the data and sums up the numbers.
func (p *reporter) finish(src *source, files []string, took time.Duration) *Report {
	p.Read, p.NoText, p.Took, p.Files = src.read, src.nulls, took, files
	for i := range p.Ops {
		for k := range p.Ops[i].Bounds {
			p.Ops[i].Bounds[k].sum(p.Ops[i].Samples, k)
		}
	}
	return &p.Report
}

// sum fills in mean, quantiles and histogram of the numbers drawn for bound k.
func (b *BoundReport) sum(samples [][][]float64, k int) {
	var all []float64
	for _, s := range samples {
		all = append(all, s[k]...)
	}
	all = slices.DeleteFunc(all, func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) })
	b.Count, b.Quantiles, b.Histogram = len(all), []float64{}, []Bin{}
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	total := 0.0
	for _, x := range all {
		total += x / float64(len(all))
	}
	b.Mean = total
	for _, q := range []float64{0, 0.05, 0.25, 0.5, 0.75, 0.95, 1} {
		b.Quantiles = append(b.Quantiles, all[int(math.Round(q*float64(len(all)-1)))])
	}
	b.Histogram = histogram(all)
}

// histogram cuts sorted numbers into bars of equal width.
func histogram(sorted []float64) []Bin {
	low, high := sorted[0], sorted[len(sorted)-1]
	n := bars
	if low == high {
		n = 1
	}
	bins := make([]Bin, n)
	for i := range bins {
		bins[i].From = low + (high-low)*float64(i)/float64(n)
		bins[i].To = low + (high-low)*float64(i+1)/float64(n)
	}
	for _, x := range sorted {
		i := 0
		if high > low {
			i = min(n-1, int((x-low)/(high-low)*float64(n)))
		}
		bins[i].Count++
	}
	return bins
}
