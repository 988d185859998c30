package dataset

import (
	"path"
	"slices"
	"strings"
)

// openers open one file of each format that reads files one by one.
var openers = map[string]func(File, *options) (Source, error){
	"json":       openJSON,
	"csv":        openCSV,
	"parquet":    openParquet,
	"text":       openText,
	"webdataset": openTar,
}

// builderOf names the format that files with an extension are of.
func builderOf(e string) string {
	switch e {
	case ".csv", ".tsv":
		return "csv"
	case ".json", ".jsonl", ".ndjson":
		return "json"
	case ".parquet":
		return "parquet"
	case ".arrow":
		return "arrow"
	case ".txt":
		return "text"
	case ".tar", ".tgz":
		return "webdataset"
	case ".zip":
		return "zip"
	}
	if pictureExts[e] {
		return imageFolder
	}
	return ""
}

// suffixes returns every suffix of a file's name: .json and .gz of a.json.gz.
func suffixes(name string) []string {
	parts := strings.Split(strings.ToLower(path.Base(name)), ".")
	var out []string
	for _, p := range parts[1:] {
		out = append(out, "."+p)
	}
	return out
}

// findBuilder tells the format of a list of files: the one of their most frequent
// extension. Ties go to parquet, jsonl, json and csv in this order, and then to the
// extension that comes last in the alphabet. Archives count by what is inside.
func findBuilder(names []string, o *options) (string, error) {
	counts := map[string]int{}
	zips := 0
	for _, n := range names {
		if isMetadata(n) {
			continue
		}
		for _, e := range suffixes(n) {
			if b := builderOf(e); b == "zip" {
				zips++
			} else if b != "" {
				counts[e]++
			}
		}
	}
	if len(counts) == 0 && zips > 0 {
		return builderInZips(names, o)
	}
	if isCaptioned(names, counts) {
		return imageFolder, nil
	}
	best := ""
	for e := range counts {
		if best == "" || moreFrequent(counts, e, best) {
			best = e
		}
	}
	if best == "" && slices.ContainsFunc(names, isMetadata) {
		return builderOf(ext(names[slices.IndexFunc(names, isMetadata)])), nil
	}
	return builderOf(best), nil
}

func moreFrequent(counts map[string]int, a, b string) bool {
	if counts[a] != counts[b] {
		return counts[a] > counts[b]
	}
	for _, e := range []string{".parquet", ".jsonl", ".json", ".csv"} {
		if (a == e) != (b == e) {
			return a == e
		}
	}
	return a > b
}

// isCaptioned reports whether the text files are captions: each beside a picture of
// its name. The datasets library knows no such folder and would read the texts alone.
func isCaptioned(names []string, counts map[string]int) bool {
	if counts[".txt"] == 0 {
		return false
	}
	pictures := map[string]bool{}
	for _, n := range names {
		if isPicture(n) {
			pictures[stem(n)] = true
		}
	}
	return len(pictures) > 0 && !slices.ContainsFunc(names, func(n string) bool { return ext(n) == ".txt" && !pictures[stem(n)] })
}

func builderInZips(names []string, o *options) (string, error) {
	var members []string
	for _, n := range names {
		if ext(n) != ".zip" {
			continue
		}
		a, err := openArchive(File{n, o.fsys})
		if err != nil {
			return "", err
		}
		for _, m := range a.names() {
			if !hidden(m) && ext(m) != ".zip" {
				members = append(members, m)
			}
		}
		a.Close()
	}
	b, err := findBuilder(members, o)
	if err == nil && b == "" {
		b = imageFolder // an archive of nothing that is known: no rows
	}
	return b, err
}

// openSplit opens the files of a split as one source, by the format of the whole.
func openSplit(builder string, files []string, all [][]string, o *options) (Source, []string, error) {
	files = slices.DeleteFunc(slices.Clone(files), func(n string) bool { return !wants(builder, n) })
	if builder == imageFolder {
		return openFolder(files, all, o)
	}
	open := openers[builder]
	if builder == "arrow" {
		open = func(f File, _ *options) (Source, error) { return foreign("arrow", f) }
	}
	if open == nil {
		return nil, nil, fail(Unsupported, "", "no file of a known format (parquet, csv, tsv, json, jsonl, txt, tar, zip, arrow, pictures)")
	}
	var parts []Source
	var names []string
	for _, n := range files {
		srcs, err := openMembers(n, open, o)
		if err != nil {
			for _, p := range parts {
				p.Close()
			}
			return nil, nil, err
		}
		for range srcs {
			names = append(names, n)
		}
		parts = append(parts, srcs...)
	}
	src, err := join(parts, names, builder != "parquet" && builder != "arrow")
	return src, names, err
}

// openMembers opens one file, or the tables in one zip archive.
func openMembers(name string, open func(File, *options) (Source, error), o *options) ([]Source, error) {
	if ext(name) != ".zip" {
		src, err := open(File{name, o.fsys}, o)
		return []Source{src}, err
	}
	a, err := openArchive(File{name, o.fsys})
	if err != nil {
		return nil, err
	}
	var srcs []Source
	for _, m := range a.names() {
		if hidden(m) || builderOf(ext(m)) == "" {
			continue
		}
		src, err := open(File{m, a.zip}, o)
		if err != nil {
			a.Close()
			return nil, err
		}
		srcs = append(srcs, src)
	}
	if len(srcs) > 0 {
		srcs[0] = &closing{srcs[0], []*archive{a}}
	}
	return srcs, nil
}

// wants reports whether a format reads the file; others of the split are left out.
func wants(builder, name string) bool {
	if builder == imageFolder && (isMetadata(name) || ext(name) == ".txt") || ext(name) == ".zip" {
		return true
	}
	return slices.ContainsFunc(suffixes(name), func(e string) bool { return builderOf(e) == builder })
}
