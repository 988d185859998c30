package filter

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// wordList counts the words of a text that stand in a list: what
// flagged_words_filter and stopwords_filter have in common.
type wordList struct {
	Lang         string  `param:"lang"`
	Tokenization bool    `param:"tokenization"`
	Min          float64 `param:"min_ratio"`
	Max          float64 `param:"max_ratio"`
	Augment      bool    `param:"use_words_aug"`
	Groups       []int   `param:"words_aug_group_sizes"`
	Join         string  `param:"words_aug_join_char"`
	Interval

	pieces
	listed map[string]bool
}

// load reads the lists of kind ("stopwords") from the JSON files of dir whose names
// hold that word: objects of lists by language. Lang "all" is all of them together. An
// empty dir is the folder that Data-Juicer fetches its own lists into.
func (l *wordList) load(dir, kind, param string) error {
	if l.listed != nil {
		return nil
	}
	if err := l.pieces.load(l.Tokenization, l.Lang); err != nil {
		return err
	}
	if dir == "" {
		dir = cacheFolder("DATA_JUICER_ASSETS_CACHE", "assets")
	}
	lists, err := readLists(dir, kind)
	if err != nil {
		return err
	}
	if len(lists) == 0 {
		return &Error{Kind: Missing, Op: "filter", What: "word lists", Where: dir, Have: "no ." + kind + ".json",
			Want: param + " to name a folder with " + kind + ".json (Data-Juicer fetches its own from the network; this package does not)"}
	}
	words, ok := lists[l.Lang]
	if _, all := lists["all"]; l.Lang == "all" && !all {
		for _, w := range lists {
			words = append(words, w...)
		}
		ok = true
	}
	if !ok {
		return as("KeyError", &Error{Kind: Missing, Op: "filter", What: "lang", Where: dir, Have: l.Lang, Want: "a language of the word lists"})
	}
	l.listed = make(map[string]bool, len(words))
	for _, w := range words {
		l.listed[w] = true
	}
	return nil
}

func readLists(dir, kind string) (map[string][]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &Error{Kind: Missing, Op: "filter", What: "word lists", Err: err}
	}
	lists := map[string][]string{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") || !strings.Contains(e.Name(), kind) {
			continue
		}
		var one map[string][]string
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err == nil {
			err = json.Unmarshal(b, &one)
		}
		if err != nil {
			return nil, &Error{Kind: Invalid, Op: "filter", What: "word list", Where: e.Name(), Err: err}
		}
		for lang, w := range one {
			lists[lang] = append(lists[lang], w...)
		}
	}
	return lists, nil
}

// ratio is the share of the words that stand in the list.
func (l *wordList) ratio(text string) any {
	words := l.lower(text)
	n := len(words)
	if l.Augment {
		for _, size := range l.Groups {
			for i := 0; i+size <= n && size > 0; i++ {
				words = append(words, strings.Join(words[i:i+size], l.Join))
			}
		}
	}
	found := 0
	for _, w := range words {
		if l.listed[w] {
			found++
		}
	}
	return min(1, ratio(found, len(words)))
}

func (l *wordList) bound(stat string) []Bound {
	return []Bound{{Stat: stat, Min: l.Min, Max: l.Max, MinName: "min_ratio", MaxName: "max_ratio", Interval: l.Interval}}
}
