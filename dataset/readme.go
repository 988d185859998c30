package dataset

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// subset is a configuration that a README's front matter describes.
type subset struct {
	name    string
	isMain  bool
	dir     string
	patches []pattern // by split; nil: by the files' names
}

type pattern struct {
	split string
	globs []string
}

// maxReadme bounds the README: no front matter is longer.
const maxReadme = 4 << 20

// readSubsets reads the configs of README.md's front matter; none is no error.
func readSubsets(o *options) ([]subset, error) {
	f, err := o.fsys.Open("README.md")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, failed(Invalid, "README.md", err)
	}
	defer f.Close()
	b, err := readLimited(f, "README.md", maxReadme)
	if err != nil {
		return nil, err
	}
	return parseSubsets(b)
}

func parseSubsets(readme []byte) ([]subset, error) {
	readme = bytes.ReplaceAll(bytes.TrimPrefix(readme, []byte("\xef\xbb\xbf")), []byte("\r\n"), []byte("\n"))
	rest, ok := bytes.CutPrefix(readme, []byte("---\n"))
	if !ok {
		return nil, nil
	}
	front, _, ok := bytes.Cut(rest, []byte("\n---"))
	if !ok {
		return nil, nil
	}
	var head struct {
		Configs []struct {
			Name  string    `yaml:"config_name"`
			Main  bool      `yaml:"default"`
			Dir   string    `yaml:"data_dir"`
			Files yaml.Node `yaml:"data_files"`
		} `yaml:"configs"`
	}
	if err := decodeYAML(front, &head); err != nil {
		return nil, failed(Invalid, "README.md", err)
	}
	var subsets []subset
	for _, c := range head.Configs {
		s := subset{name: c.Name, isMain: c.Main, dir: strings.Trim(c.Dir, "/")}
		if s.name == "" {
			s.name = "default"
		}
		var err error
		if s.patches, err = patternsOf(&c.Files); err != nil {
			return nil, err
		}
		subsets = append(subsets, s)
	}
	return subsets, nil
}

// decodeYAML reads front matter. Aliases are refused: honest ones need none, and
// nested ones grow without bound.
func decodeYAML(b []byte, into any) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return err
	}
	if hasAlias(&doc) {
		return fail(Limit, "README.md", "aliases in the front matter")
	}
	return doc.Decode(into)
}

func hasAlias(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || slices.ContainsFunc(n.Content, hasAlias)
}

// patternsOf reads data_files: a path, a list of paths, a list of splits with their
// paths, or a map of them.
func patternsOf(n *yaml.Node) ([]pattern, error) {
	switch n.Kind {
	case 0:
		return nil, nil
	case yaml.ScalarNode:
		return []pattern{{"train", []string{n.Value}}}, nil
	case yaml.MappingNode:
		var out []pattern
		for i := 0; i+1 < len(n.Content); i += 2 {
			globs, err := globsOf(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			out = append(out, pattern{n.Content[i].Value, globs})
		}
		return out, nil
	}
	var out []pattern
	for _, e := range n.Content {
		p, err := patternOf(e)
		if err != nil {
			return nil, err
		}
		if e.Kind == yaml.ScalarNode && len(out) > 0 {
			out[0].globs = append(out[0].globs, p.globs...)
			continue
		}
		out = append(out, p)
	}
	return out, nil
}

func patternOf(n *yaml.Node) (pattern, error) {
	if n.Kind == yaml.ScalarNode {
		return pattern{"train", []string{n.Value}}, nil
	}
	var e struct {
		Split string    `yaml:"split"`
		Path  yaml.Node `yaml:"path"`
	}
	if err := n.Decode(&e); err != nil {
		return pattern{}, failed(Invalid, "README.md", err)
	}
	globs, err := globsOf(&e.Path)
	return pattern{e.Split, globs}, err
}

func globsOf(n *yaml.Node) ([]string, error) {
	if n.Kind == yaml.ScalarNode {
		return []string{n.Value}, nil
	}
	var globs []string
	if err := n.Decode(&globs); err != nil {
		return nil, failed(Invalid, "README.md", err)
	}
	return globs, nil
}

// pick returns the subset called name; "" is the one marked default, the one of that
// name, or the only one.
func pick(subsets []subset, name string) (subset, error) {
	want := name
	if want == "" {
		if i := slices.IndexFunc(subsets, func(s subset) bool { return s.isMain }); i >= 0 {
			return subsets[i], nil
		}
		if len(subsets) == 1 {
			return subsets[0], nil
		}
		want = "default"
	}
	var names []string
	for _, s := range subsets {
		if s.name == want {
			return s, nil
		}
		names = append(names, s.name)
	}
	if name == "" && len(subsets) == 0 || name == "default" && len(subsets) == 0 {
		return subset{name: "default"}, nil
	}
	if name == "" {
		return subset{}, fail(Missing, "", "the dataset has the subsets %q: say which", names)
	}
	if names == nil {
		names = []string{"default"}
	}
	return subset{}, &Error{Kind: Missing, Op: "dataset", What: "subset", Have: name, Want: "one of " + strings.Join(names, ", ")}
}

// splits finds the subset's files among all names.
func (s subset) splits(names []string) ([]split, error) {
	var inside []string
	for _, n := range names {
		if rel, ok := strings.CutPrefix(n, s.dir+"/"); s.dir == "" || ok {
			if s.dir == "" {
				rel = n
			}
			inside = append(inside, rel)
		}
	}
	back := func(files []string) []string {
		if s.dir != "" {
			for i := range files {
				files[i] = s.dir + "/" + files[i]
			}
		}
		return files
	}
	if s.patches == nil {
		found := findSplits(inside)
		for i := range found {
			found[i].files = back(slices.Clone(found[i].files))
		}
		return found, nil
	}
	var out []split
	for _, p := range s.patches {
		var files []string
		for _, g := range p.globs {
			matched, err := matching(inside, g)
			if err != nil {
				return nil, err
			}
			files = append(files, matched...)
		}
		out = append(out, split{p.split, back(files)})
	}
	return out, nil
}

// matching returns the names that a glob matches: * and ? stay in a folder, ** does
// not. A glob without a match is an error.
func matching(names []string, glob string) ([]string, error) {
	clean := strings.TrimPrefix(path.Clean(glob), "./")
	if !safeName(clean) {
		return nil, fail(Invalid, "README.md", "data_files %q leaves the dataset", glob)
	}
	re, err := regexp.Compile(globRegexp(clean))
	if err != nil {
		return nil, fail(Invalid, "README.md", "data_files %q", glob)
	}
	var found []string
	for _, n := range names {
		if n == clean || re.MatchString(n) && (!hidden(n) || hidden(clean)) {
			found = append(found, n)
		}
	}
	slices.Sort(found)
	if found == nil {
		return nil, fail(Missing, glob, "no file of this name, which README.md asks for")
	}
	return found, nil
}

func globRegexp(glob string) string {
	var b strings.Builder
	b.WriteByte('^')
	for i := 0; i < len(glob); i++ {
		switch rest := glob[i:]; {
		case strings.HasPrefix(rest, "**/"):
			b.WriteString("(?:.*/)?")
			i += 2
		case strings.HasPrefix(rest, "**"):
			b.WriteString(".*")
			i++
		case rest[0] == '*':
			b.WriteString("[^/]*")
		case rest[0] == '?':
			b.WriteString("[^/]")
		case rest[0] == '[' && strings.IndexByte(rest, ']') > 1:
			end := strings.IndexByte(rest, ']')
			b.WriteString("[" + strings.Replace(regexp.QuoteMeta(rest[1:end]), "!", "^", 1) + "]")
			i += end
		default:
			b.WriteString(regexp.QuoteMeta(rest[:1]))
		}
	}
	return b.String() + "$"
}
