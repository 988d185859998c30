// Command fetch brings a model or a dataset from a hub into a folder or the cache.
//
//	go run ./internal/tool/fetch -api ms -repo Kwai-Kolors/Kolors -out dir vae/config.json
//
// Files are named behind the flags; without any, everything is fetched. The exit status
// is 0 only if every file is there and verified.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/easel-go/easel/internal/hub"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var c hub.Client
	var q hub.Request
	flags := flag.NewFlagSet("fetch", flag.ExitOnError)
	api := flags.String("api", "ms", "the hub: ms (ModelScope) or hf (Hugging Face)")
	kind := flags.String("type", "model", "model or dataset")
	quiet := flags.Bool("quiet", false, "show no progress")
	flags.StringVar(&c.Endpoint, "endpoint", "", "address of the hub")
	flags.StringVar(&c.Token, "token", "", "access token")
	flags.StringVar(&c.Cache, "cache", "", "folder of the cache")
	flags.BoolVar(&c.Offline, "offline", false, "make no request")
	flags.StringVar(&q.ID, "repo", "", "repository, owner/name")
	flags.StringVar(&q.Revision, "revision", "", "branch, tag or commit")
	flags.StringVar(&q.Dir, "out", "", "folder for the files; the cache if empty")
	allow := flags.String("allow", "", "patterns of files to fetch, separated by commas")
	ignore := flags.String("ignore", "", "patterns of files to leave out, separated by commas")
	flags.Parse(args)

	q.Files = flags.Args()
	q.Allow, q.Ignore = split(*allow), split(*ignore)
	switch *api {
	case "ms":
	case "hf":
		q.Hub = hub.HuggingFace
	default:
		return fmt.Errorf("fetch: -api %s, want ms or hf", *api)
	}
	switch *kind {
	case "model":
	case "dataset":
		q.Kind = hub.Dataset
	default:
		return fmt.Errorf("fetch: -type %s, want model or dataset", *kind)
	}
	if !*quiet {
		c.Progress = show
	}
	dir, err := c.Fetch(ctx, q)
	if err != nil {
		return err
	}
	fmt.Println(dir)
	return nil
}

func show(p hub.Progress) {
	fmt.Fprintf(os.Stderr, "%s %.1f of %.1f MB, in all %.1f of %.1f MB\n", p.File, mb(p.FileDone), mb(p.FileAll), mb(p.Done), mb(p.All))
}

func mb(n int64) float64 { return float64(n) / 1e6 }

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}
