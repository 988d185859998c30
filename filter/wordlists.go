package filter

import (
	"encoding/json"
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

	words map[string]bool
}

// load reads the lists of kind ("stopwords") from the JSON files of dir whose names
// hold that word: objects of lists by language. Lang "all" is all of them together.
func (l *wordList) load(dir, kind, param string) error {
	if err := noTokenizer(l.Tokenization); err != nil {
		return err
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
	l.words = make(map[string]bool, len(words))
	for _, w := range words {
		l.words[w] = true
	}
	return nil
}

func readLists(dir, kind string) (map[string][]string, error) {
	if dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
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
	words := lowerWords(text)
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
		if l.words[w] {
			found++
		}
	}
	return min(1, ratio(found, len(words)))
}

func (l *wordList) bound(stat string) []Bound {
	return []Bound{{Stat: stat, Min: l.Min, Max: l.Max, MinName: "min_ratio", MaxName: "max_ratio", Interval: l.Interval}}
}
