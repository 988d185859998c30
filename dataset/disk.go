package dataset

import (
	"path"
	"slices"
)

// onDisk finds the splits of a folder that save_to_disk wrote: one dataset (a split
// without a name), or several by dataset_dict.json. It returns nil where the folder is
// none. Files that its state names outside the folder are refused before any is opened.
func onDisk(names []string, o *options) ([]split, error) {
	if slices.Contains(names, "state.json") && slices.Contains(names, "dataset_info.json") {
		files, err := stateFiles(".", o)
		return []split{{"", files}}, err
	}
	if !slices.Contains(names, "dataset_dict.json") {
		return nil, nil
	}
	head, err := readObject("dataset_dict.json", o)
	if err != nil {
		return nil, err
	}
	list, _ := head.Get("splits")
	var out []split
	for _, e := range asList(list) {
		name, ok := e.(string)
		if !ok || !safeName(name) {
			return nil, fail(Invalid, "dataset_dict.json", "split %v", e)
		}
		files, err := stateFiles(name, o)
		if err != nil {
			return nil, err
		}
		out = append(out, split{name, files})
	}
	if out == nil {
		return nil, fail(Invalid, "dataset_dict.json", "no splits")
	}
	return out, nil
}

func asList(v any) []any {
	l, _ := v.([]any)
	return l
}

// stateFiles returns the files that dir's state.json names.
func stateFiles(dir string, o *options) ([]string, error) {
	where := path.Join(dir, "state.json")
	head, err := readObject(where, o)
	if err != nil {
		return nil, err
	}
	list, _ := head.Get("_data_files")
	files := []string{}
	for _, e := range asList(list) {
		entry, _ := e.(Struct)
		v, _ := entry.Get("filename")
		name, ok := v.(string)
		if !ok || !safeName(name) {
			return nil, fail(Invalid, where, "the data file %v is outside the folder", v)
		}
		files = append(files, path.Join(dir, name))
	}
	if len(files) == 0 {
		return nil, fail(Missing, where, "no data files")
	}
	return files, nil
}

func readObject(name string, o *options) (Struct, error) {
	f, err := o.fsys.Open(name)
	if err != nil {
		return nil, failed(Missing, name, err)
	}
	defer f.Close()
	b, err := readLimited(f, name, 16<<20)
	if err != nil {
		return nil, err
	}
	v, err := parseJSON(b)
	if err != nil {
		return nil, failed(Invalid, name, err)
	}
	s, ok := v.(Struct)
	if !ok {
		return nil, fail(Invalid, name, "not a JSON object")
	}
	return s, nil
}
