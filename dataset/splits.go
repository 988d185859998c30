package dataset

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// split is a part of a dataset with a name, and its files in order.
type split struct {
	name  string
	files []string
}

var (
	shardName = regexp.MustCompile(`^data/([^/]+)-\d{5}-of-\d{5}[^/]*\.[^/]*$`)

	// splitWords are the words that name a split, in the order the splits come in.
	splitWords = []struct {
		name  string
		words []string
	}{
		{"train", []string{"train", "training"}},
		{"validation", []string{"validation", "valid", "dev", "val"}},
		{"test", []string{"test", "testing", "eval", "evaluation"}},
	}
)

// findSplits tells from the files' names which split each belongs to, by the first of
// the datasets library's rules that any file meets: sharded names below data/, folders
// named after a split, files named after one, and else everything is train.
func findSplits(names []string) []split {
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return hidden(n) || isDocument(n) })
	slices.Sort(names)
	for _, rule := range []func([]string) []split{bySharding, byEval, byFolder, byFile} {
		if found := rule(names); len(found) > 0 {
			return found
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []split{{"train", names}}
}

// hidden reports whether a part of the path begins with a dot or two underscores.
func hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") && part != "." || strings.HasPrefix(part, "__") {
			return true
		}
	}
	return false
}

// isDocument reports whether the file is about the dataset and holds no rows.
func isDocument(name string) bool {
	switch path.Base(name) {
	case "README.md", "config.json", "dataset_info.json", "dataset_infos.json", "dummy_data.zip", "dataset_dict.json":
		return true
	}
	return false
}

func bySharding(names []string) []split {
	found := map[string][]string{}
	for _, n := range names {
		if m := shardName.FindStringSubmatch(n); m != nil {
			found[m[1]] = append(found[m[1]], n)
		}
	}
	return ordered(found)
}

// ordered lists train, validation and test first, and the others by name.
func ordered(found map[string][]string) []split {
	var out []split
	for _, w := range splitWords {
		if files, ok := found[w.name]; ok {
			out = append(out, split{w.name, files})
			delete(found, w.name)
		}
	}
	rest := make([]string, 0, len(found))
	for name := range found {
		rest = append(rest, name)
	}
	slices.Sort(rest)
	for _, name := range rest {
		out = append(out, split{name, found[name]})
	}
	return out
}

func byEval(names []string) []split {
	return byMatch(names, func(n, word string) bool { return word == "" && strings.HasSuffix(n, ".eval") })
}

func byFolder(names []string) []split {
	return byMatch(names, func(n, word string) bool {
		if word == "" {
			return false
		}
		parts := strings.Split(n, "/")
		return slices.ContainsFunc(parts[:len(parts)-1], func(p string) bool { return hasWord(p, word) })
	})
}

func byFile(names []string) []split {
	return byMatch(names, func(n, word string) bool { return word != "" && hasWord(path.Base(n), word) })
}

// byMatch gathers the files that match a word of each split; the word "" stands for
// the split logs.
func byMatch(names []string, match func(name, word string) bool) []split {
	var out []split
	gather := func(name string, words ...string) {
		var files []string
		for _, n := range names {
			if slices.ContainsFunc(words, func(w string) bool { return match(n, w) }) {
				files = append(files, n)
			}
		}
		if files != nil {
			out = append(out, split{name, files})
		}
	}
	for _, w := range splitWords {
		gather(w.name, w.words...)
	}
	gather("logs", "")
	return out
}

// hasWord reports whether word stands in s between separators or the ends.
func hasWord(s, word string) bool {
	for i := 0; ; {
		j := strings.Index(s[i:], word)
		if j < 0 {
			return false
		}
		i += j
		end := i + len(word)
		if (i == 0 || isSeparator(s[i-1])) && (end == len(s) || isSeparator(s[end])) {
			return true
		}
		i++
	}
}

func isSeparator(c byte) bool { return strings.IndexByte("-._ 0123456789", c) >= 0 }
