package beam

import (
	"cmp"
	"slices"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/filter"
)

// Row is a sample on its way between workers.
type Row struct {
	Source int64  // its number in the data
	Index  int64  // its place in the order of the result,
	Piece  int64  // and among the samples that mappers made of one
	Fields []byte // its columns, statistics among them
	ID     string
	Failed string // the op that failed on it, and why; "" if none did
	Reason string
	Empty  bool // no sample: it stands for a shard
}

func rowOf(source, index int64, s *dataset.Sample) Row {
	return Row{Source: source, Index: index, ID: s.ID, Fields: encode(nil, s.Fields)}
}

// become is the row of what ops made of r.
func (r Row) become(index, piece int64, res *filter.Result) Row {
	out := rowOf(r.Source, index, res.Whole())
	out.Piece = piece
	if res.Err != nil {
		out.Failed, out.Reason = res.Failed(), res.Err.Error()
	}
	return out
}

func (r Row) sample() (*dataset.Sample, error) {
	v, _, err := decode(r.Fields)
	fields, ok := v.(dataset.Struct)
	if err != nil || !ok {
		return nil, errCodec
	}
	return &dataset.Sample{ID: r.ID, Fields: fields}, nil
}

func order(a, b Row) int {
	return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.Piece, b.Piece), cmp.Compare(a.Source, b.Source))
}

// sorted gathers rows in order.
func sorted(next func(*Row) bool) (rows []Row) {
	var r Row
	for next(&r) {
		if !r.Empty {
			rows = append(rows, r)
		}
	}
	slices.SortStableFunc(rows, order)
	return rows
}

// shardFn keys rows by the file that they go to.
type shardFn struct{ Shards int }

func (f *shardFn) ProcessElement(r Row) (int, Row) {
	return int(uint64(r.Source) * 0x9e3779b97f4a7c15 >> 33 % uint64(f.Shards)), r
}

// emptyFn makes a row for each shard, so that it is written even if nothing else is.
type emptyFn struct{}

func (f *emptyFn) ProcessElement(shard int) (int, Row) { return shard, Row{Empty: true} }

// firstFn finds the first row of the result, by which parquet has its columns.
type firstFn struct{}

func (firstFn) MergeAccumulators(a, b Row) Row {
	switch {
	case a.Fields == nil || a.Failed != "":
		return b
	case b.Fields == nil || b.Failed != "" || order(a, b) <= 0:
		return a
	}
	return b
}
