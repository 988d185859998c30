// Package beam runs recipes of package filter as Apache Beam pipelines: on the embedded
// Prism runner by default, and on Flink, Spark or Dataflow by Beam's own flags. It is a
// module of its own, since Beam's is large.
//
//	p, s := beam.NewPipelineWithRoot()
//	easelbeam.Run(s, recipe, easelbeam.Shards(16))
//	err := beamx.Run(ctx, p)
//
// The result is written as sharded JSON lines, result-00003-of-00016.jsonl, with shards
// of the statistics and of the rejects beside it. Each shard is in the order of the
// data; together they have the lines that the local runner writes.
//
// Filters and mappers see one sample at a time, wherever it is. Deduplicators and
// selectors are one global step each: a worker gets all rows that are left, in order.
// Every worker must see the data and the pictures under the same paths. Models
// (Options.Models of package filter) and strict mode are the local runner's alone.
package beam
