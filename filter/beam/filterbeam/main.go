// Filterbeam runs a Data-Juicer recipe as an Apache Beam pipeline.
//
//	go run ./filterbeam --config recipe.yaml [--shards 16] [--runner flink --endpoint host:8099 …] [-- --key value …]
//
// Without --runner it runs here, on Beam's Prism. All of Beam's flags are taken
// as they are: --runner, --endpoint, --environment_type, --project, --region and the like.
// What follows a lone -- changes settings of the recipe, as on dj-process's command line.
// Models that ops name are opened by every worker: folders that it sees, or what lies in
// its cache.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"
	"github.com/easel-go/easel/clip"
	"github.com/easel-go/easel/filter"
	easelbeam "github.com/easel-go/easel/filter/beam"
	_ "github.com/easel-go/easel/filter/chinese"
)

var (
	config = flag.String("config", "", "the recipe, a YAML file")
	shards = flag.Int("shards", 4, "number of files of the result")
	cpus   = flag.Int("cpus", 0, "with compat: strict, the CPUs of the machine to be equal to")
)

func init() {
	easelbeam.RegisterModels("clip", func() (filter.Models, error) { return &clip.Models{}, nil })
}

func main() {
	flag.Parse()
	beam.Init() // workers stay in there
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(filter.ExitCode(err))
	}
}

// run builds the pipeline and gives it to the runner that the flags name.
func run(ctx context.Context, settings []string) error {
	recipe, err := os.ReadFile(*config)
	if err != nil {
		return &filter.Error{Kind: filter.Missing, Op: "filterbeam", What: "--config", Want: "the name of a recipe", Err: err}
	}
	p, s := beam.NewPipelineWithRoot()
	if err := easelbeam.Run(s, recipe, easelbeam.Args(settings...), easelbeam.Shards(*shards), easelbeam.CPUs(*cpus), easelbeam.Models("clip")); err != nil {
		return err
	}
	return beamx.Run(ctx, p)
}
