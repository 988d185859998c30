// Package beam runs recipes of package filter as Apache Beam pipelines: on the embedded
// Prism runner by default, and on Flink, Spark or Dataflow by Beam's own flags. It is a
// module of its own, since Beam's is large.
//
//	flag.Parse()
//	beam.Init()                                   // a worker stays in there
//	p, s := beam.NewPipelineWithRoot()
//	err := easelbeam.Run(s, recipe, easelbeam.Shards(16))
//	…
//	err = beamx.Run(ctx, p)
//
// Program filterbeam, beside this package, is that and no more:
//
//	go run github.com/easel-go/easel/filter/beam/filterbeam --config recipe.yaml --shards 16 --runner flink --endpoint host:8099
//
// # What is read and written
//
// Everything that the recipe reads locally: JSON lines, CSV, Parquet, text, a file or a
// folder of shards. Each worker reads a contiguous part; formats without an index, which
// is all but Parquet, are gone through once for their columns before that.
//
// The result is JSON lines or Parquet, by the suffix of export_path, in as many files as
// [Shards] says: result-00003-of-00016.parquet, with shards of the statistics and of the
// rejects beside it. Every shard has a file, in the order of the data; together they hold
// the rows that the local runner writes, and all Parquet shards have its columns.
// export_shard_size means nothing here, and there are no traces.
//
// # How ops are spread
//
// Filters and mappers see one sample at a time, wherever it is. Deduplicators and
// selectors are one global step each: one worker gets all rows that are left, in order.
// With "compat: strict" all ops together are one such step, since a failing sample's
// batch is a matter of all samples before it; say [CPUs] to get what a certain machine
// would have given.
//
// Counters of the runner tell how many samples were kept, and at which op the others
// ended.
//
// # Workers
//
// Every worker must see the data and the pictures under the same paths, and must be this
// same program: the pipeline names ops, and types of this package, that were registered
// in it. Models do not travel; [RegisterModels] says how a worker opens them.
//
// Only Prism is run in this package's tests.
package beam
