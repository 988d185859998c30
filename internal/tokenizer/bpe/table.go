package bpe

import (
	"slices"
	"strings"
	"sync"

	"github.com/easel-go/easel/internal/tokenizer/join"
)

const (
	startOfText = "<|startoftext|>"
	endOfText   = "<|endoftext|>"
	endOfWord   = "</w>"
)

// table is a vocabulary with its merge rules. It does not change and may be shared.
//
// Symbols are the ids of the vocabulary; symbols that the rules speak of and the
// vocabulary lacks have numbers of their own from unknown on.
type table struct {
	ids     map[string]int32
	merges  merges
	lines   int        // lines of the list of rules, unusable ones included
	unknown int32      // the first number that is no id
	inner   [256]int32 // symbol of a byte inside a word
	last    [256]int32 // symbol of a byte at the end of one

	names func() map[int32]string // ids reversed
}

// rule is the pair of symbols that a line of merges.txt joins; its rank is its place
// in the list. An empty rule stands for a line that is no pair.
type rule [2]string

// ruleOf reads a line of merges.txt.
func ruleOf(line string) rule {
	f := strings.Fields(line)
	if len(f) != 2 {
		return rule{}
	}
	return rule(f)
}

// newTable makes a table. Of a rule that is given twice, the last rank counts.
func newTable(ids map[string]int32, rules []rule) *table {
	t := &table{ids: ids, merges: make(merges, len(rules)), lines: len(rules)}
	for _, id := range ids {
		t.unknown = max(t.unknown, id+1)
	}
	extra, next := map[string]int32{}, t.unknown
	symbol := func(s string) int32 {
		if id, ok := ids[s]; ok {
			return id
		}
		id, ok := extra[s]
		if !ok {
			id = next
			extra[s] = id
			next++
		}
		return id
	}
	for b, s := range byteSymbols() {
		t.inner[b], t.last[b] = symbol(s), symbol(s+endOfWord)
	}
	for rank, r := range rules {
		if r != (rule{}) {
			t.merges[pairOf(symbol(r[0]), symbol(r[1]))] = merge{int32(rank), symbol(r[0] + r[1])}
		}
	}
	t.names = sync.OnceValue(func() map[int32]string {
		names := make(map[int32]string, len(ids))
		for s, id := range ids {
			names[id] = s
		}
		return names
	})
	return t
}

// encodeWord appends the ids of a word to dst; unk stands for what the vocabulary
// lacks.
func (t *table) encodeWord(dst []int32, word string, unk int32, order join.Order) []int32 {
	start := len(dst)
	for i := range len(word) {
		dst = append(dst, t.inner[word[i]])
	}
	dst[len(dst)-1] = t.last[word[len(word)-1]]
	ids := t.merges.apply(dst[start:], order)
	for i, id := range ids {
		if id >= t.unknown {
			ids[i] = unk
		}
	}
	return dst[:start+len(ids)]
}

// byteSymbols returns the printable character that stands for each byte in
// vocabularies: itself where it is one in Latin-1, else one from U+0100 on
// (GPT-2's bytes_to_unicode).
func byteSymbols() [256]string {
	var s [256]string
	next := rune(256)
	for b := range s {
		r := rune(b)
		if !isPrintable(r) {
			r = next
			next++
		}
		s[b] = string(r)
	}
	return s
}

func isPrintable(r rune) bool {
	return '!' <= r && r <= '~' || '¡' <= r && r <= '¬' || '®' <= r && r <= 'ÿ'
}

// byteOrder returns the bytes in the order in which CLIP's vocabulary lists their
// symbols: the printable ones first.
func byteOrder() []int {
	order := make([]int, 256)
	for b := range order {
		order[b] = b
	}
	slices.SortStableFunc(order, func(a, b int) int { return rankOf(a) - rankOf(b) })
	return order
}

// rankOf is 0 for the bytes that stand for themselves, 1 for the others.
func rankOf(b int) int {
	if isPrintable(rune(b)) {
		return 0
	}
	return 1
}

// bytesOf returns the byte that each character of byteSymbols stands for.
var bytesOf = sync.OnceValue(func() map[rune]byte {
	m := make(map[rune]byte, 256)
	for b, s := range byteSymbols() {
		for _, r := range s {
			m[r] = byte(b)
		}
	}
	return m
})
