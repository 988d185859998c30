// Filterdataset runs a Data-Juicer recipe, as dj-process does.
//
//	go run ./examples/filterdataset --config recipe.yaml [--key value …]
//
// The recipe is the YAML file that people have; every setting in it can be changed on
// the command line, those of an op as --image_shape_filter.min_width 512. Beside the
// result stand its statistics and, if any sample failed, rejects.jsonl with the reasons.
//
//	--compat strict      what Data-Juicer 1.6.1 does, to the byte
//	--report page.html   a page that shows what was kept and dropped near each bound
//	--report page.json   the same numbers for programs
//	--resume             go on with what a killed run left
//	--analyze            measure everything, drop nothing (dj-analyze)
//
// The exit code is 0, 2 for a command line or recipe that is refused, or 1.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/easel-go/easel/clip"
	"github.com/easel-go/easel/filter"
	_ "github.com/easel-go/easel/filter/chinese"
	"github.com/schollz/progressbar/v3"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(filter.ExitCode(err))
}

// run does all of it; out gets the report, progress the bar.
func run(ctx context.Context, args []string, out, progress io.Writer) error {
	args, page, flags, err := ours(args)
	if err != nil {
		return err
	}
	recipe, err := filter.ParseArgs(args)
	if err != nil {
		return err
	}
	models := &clip.Models{} // opened only if an op names one
	defer models.Close()
	recipe.Models, recipe.Resume = models, flags["--resume"]
	work := recipe.Run
	if flags["--analyze"] {
		work = recipe.Analyze
	}
	bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(progress), progressbar.OptionSetDescription("samples"),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionThrottle(100*time.Millisecond))
	recipe.OnSample = func(*filter.Result) { bar.Add(1) }
	report, err := work(ctx)
	bar.Finish()
	fmt.Fprintln(progress)
	if err != nil {
		return err
	}
	fmt.Fprint(out, report)
	if page == "" {
		return nil
	}
	return report.WriteFile(page)
}

// ours takes the options out of args that Data-Juicer does not have.
func ours(args []string) (rest []string, page string, flags map[string]bool, err error) {
	flags = map[string]bool{}
	for i := 0; i < len(args); i++ {
		name, value, inline := strings.Cut(args[i], "=")
		switch {
		case name == "--resume" && !inline || name == "--analyze":
			flags[name] = true
		case name == "--report" && inline:
			page = value
		case name == "--report" && i+1 < len(args):
			i++
			page = args[i]
		default:
			rest = append(rest, args[i])
		}
	}
	if !strings.HasSuffix(page, ".html") && !strings.HasSuffix(page, ".json") && !strings.HasSuffix(page, ".txt") && page != "" {
		return nil, "", nil, fmt.Errorf("filterdataset: --report %s, want a name that ends in .html, .json or .txt", page)
	}
	return rest, page, flags, nil
}
