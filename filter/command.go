package filter

import (
	"errors"
	"os"
	"strings"
)

// ParseArgs reads a recipe as dj-process does: args are its command line, in which
// --config names the file and everything else overrides a setting in it.
func ParseArgs(args []string) (*Recipe, error) {
	config, rest, err := configOf(args)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(config)
	if err != nil {
		return nil, refused(2, &Error{Kind: Missing, Op: "filter", What: "--config", Err: err})
	}
	defer f.Close()
	rec, err := ParseRecipe(f, rest...)
	if e, ok := errors.AsType[*Error](err); ok && e.Where == "recipe" {
		e.Where = config
	}
	return rec, err
}

func configOf(args []string) (config string, rest []string, err error) {
	for i := 0; i < len(args); i++ {
		switch v, inline := strings.CutPrefix(args[i], "--config="); {
		case inline:
			config = v
		case args[i] == "--config" && i+1 < len(args):
			i++
			config = args[i]
		default:
			rest = append(rest, args[i])
		}
	}
	if config == "" {
		return "", nil, refused(2, &Error{Kind: Missing, Op: "filter", What: "--config", Want: "the name of a recipe"})
	}
	return config, rest, nil
}
