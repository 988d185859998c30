package bpe

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"sync"
)

// vocabulary is bpe_simple_vocab_16e6.txt.gz of openai/CLIP (MIT, licence beside
// it): a header, then the merge rules in order; CLIP uses the first 48 894.
//
//go:embed standard/bpe_simple_vocab_16e6.txt.gz
var vocabulary []byte

// maxRules is how many rules CLIP's tokenizers take from a list, however long.
const maxRules = 49152 - 256 - 2

// Standard returns the tokenizer of OpenAI's CLIP models and of the checkpoints
// built on them, from the vocabulary that is part of this package: 49 408 ids, 77
// per row. Single-file checkpoints need it. The tables are made at the first call.
func Standard(opt Options) (*Tokenizer, error) {
	return newTokenizer(standardTable(), settings{maxLength: 77}, opt)
}

var standardTable = sync.OnceValue(func() *table {
	rules := standardRules()
	return newTable(standardIDs(rules), rules)
})

// standardRules returns the rules of the list.
func standardRules() []rule {
	z, err := gzip.NewReader(bytes.NewReader(vocabulary))
	if err != nil {
		panic(err) // the file is part of the program
	}
	lines := bufio.NewScanner(z)
	lines.Scan()
	rules := make([]rule, 0, maxRules)
	for len(rules) < maxRules && lines.Scan() {
		rules = append(rules, ruleOf(lines.Text()))
	}
	return rules
}

// standardIDs returns the ids that vocab.json lists: bytes, bytes at the end of a
// word, the result of each rule, and the two special tokens.
func standardIDs(rules []rule) map[string]int32 {
	ids := make(map[string]int32, 512+len(rules)+2)
	add := func(s string) { ids[s] = int32(len(ids)) }
	symbols, order := byteSymbols(), byteOrder()
	for _, b := range order {
		add(symbols[b])
	}
	for _, b := range order {
		add(symbols[b] + endOfWord)
	}
	for _, r := range rules {
		add(r[0] + r[1])
	}
	add(startOfText)
	add(endOfText)
	return ids
}
