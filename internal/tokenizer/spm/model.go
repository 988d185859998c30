package spm

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strconv"

	"github.com/easel-go/easel/internal/fault"
)

const (
	// modelFile is the file that [Open] reads.
	modelFile = "tokenizer.model"
	// maxFile bounds its size: ChatGLM3's has 1 MB.
	maxFile = 16 << 20
)

// kind is what a piece is for.
type kind uint8

const (
	normal      kind = 1
	unknown     kind = 2
	control     kind = 3
	userDefined kind = 4
	unused      kind = 5
	byteKind    kind = 6
)

// piece is an entry of the vocabulary; its id is its index.
type piece struct {
	text  string
	score float32
	kind  kind
}

// Model is a SentencePiece model of type BPE or unigram. It may be used by several goroutines
// at once.
type Model struct {
	pieces   []piece
	joinable map[string]int32 // normal, user-defined and unused pieces
	reserved map[string]int32 // the others
	bytes    [256]int32       // ids of the byte pieces
	unk      int32
	longest  int        // bytes of the longest joinable piece
	defined  [256][]int // lengths of the user-defined pieces that begin with a byte, descending
	normalizer
	unigram      bool
	least, most  float32 // scores of the normal pieces of a unigram model
	byteFallback bool
	unkSurface   string // what an unknown id is decoded to
}

// Open reads tokenizer.model in fsys: os.DirFS(dir) or fs.Sub(checkpoint,
// "tokenizer").
func Open(fsys fs.FS) (*Model, error) {
	f, err := fsys.Open(modelFile)
	if err != nil {
		kind := fault.Invalid
		if errors.Is(err, fs.ErrNotExist) {
			kind = fault.Missing
		}
		return nil, &fault.Error{Kind: kind, Op: "tokenizer", Where: modelFile, Err: err}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Op: "tokenizer", Where: modelFile, Err: err}
	}
	return Parse(b)
}

// Parse reads the bytes of a tokenizer.model (sentencepiece_model.proto). Errors are
// of kind Truncated, Invalid or Limit, and Unsupported for models of words or characters.
func Parse(b []byte) (*Model, error) {
	if len(b) > maxFile {
		return nil, &fault.Error{Kind: fault.Limit, Op: "tokenizer", Where: modelFile, What: "file", Have: "of more than 16 MiB", Want: "at most that"}
	}
	m := &Model{joinable: map[string]int32{}, reserved: map[string]int32{}, unk: -1, unkSurface: " \u2047 ",
		normalizer: normalizer{dummyPrefix: true, removeExtra: true, escape: true}}
	if err := m.parse(b); err != nil {
		return nil, err
	}
	if err := m.index(); err != nil {
		return nil, err
	}
	return m, nil
}

// parse reads the fields of ModelProto.
func (m *Model) parse(b []byte) error {
	modelType, trained := uint64(1), false // UNIGRAM, the default
	err := fields(b, func(x field) error {
		switch x.number {
		case 1:
			p := piece{kind: normal}
			err := p.parse(x.bytes)
			m.pieces = append(m.pieces, p)
			return err
		case 2:
			trained = true
			return fields(x.bytes, func(x field) error {
				switch x.number {
				case 3:
					modelType = x.value
				case 24:
					m.suffix = x.flag()
				case 35:
					m.byteFallback = x.flag()
				case 44:
					m.unkSurface = x.text()
				}
				return nil
			})
		case 3:
			return m.normalizer.parse(x.bytes)
		}
		return nil
	})
	if err == nil && !trained { // which every trainer writes, behind the pieces
		err = truncated("trainer_spec", 0)
	}
	if err == nil && modelType != 1 && modelType != 2 {
		err = &fault.Error{Kind: fault.Unsupported, Op: "tokenizer", Where: modelFile, What: "model type", Have: strconv.FormatUint(modelType, 10), Want: "1, unigram, or 2, BPE"}
	}
	m.unigram = modelType == 1
	m.setBounds()
	return err
}

// parse reads the fields of ModelProto.SentencePiece.
func (p *piece) parse(b []byte) error {
	return fields(b, func(x field) error {
		switch x.number {
		case 1:
			p.text = x.text()
		case 2:
			p.score = x.float()
		case 3:
			p.kind = kind(min(x.value, math.MaxUint8))
		}
		return nil
	})
}

// index checks the pieces and sorts them into tables.
func (m *Model) index() error {
	for i, p := range m.pieces {
		what := "piece " + strconv.Itoa(i)
		_, twice := m.joinable[p.text]
		_, reserved := m.reserved[p.text]
		switch {
		case p.text == "":
			return invalid(what, "is empty", "a text")
		case twice || reserved:
			return invalid(what, strconv.Quote(p.text)+" is there twice", "once")
		case p.score != p.score:
			return invalid(what, "has score NaN", "a number")
		case p.kind < normal || p.kind > byteKind:
			return invalid(what, fmt.Sprintf("has type %d", p.kind), "1 to 6")
		case p.kind == unknown && m.unk >= 0:
			return invalid(what, "is a second unknown one", "one")
		}
		m.put(int32(i), p)
	}
	for b, lengths := range m.defined {
		slices.Sort(lengths)
		slices.Reverse(lengths)
		m.defined[b] = slices.Compact(lengths)
	}
	if m.unk < 0 {
		return &fault.Error{Kind: fault.Missing, Op: "tokenizer", Where: modelFile, What: "unknown piece", Have: "is not there", Want: "one"}
	}
	return m.indexBytes()
}

// put puts a piece into the table it belongs to.
func (m *Model) put(id int32, p piece) {
	switch p.kind {
	case normal, unused, userDefined:
		m.joinable[p.text] = id
		m.longest = max(m.longest, len(p.text))
	case unknown:
		m.unk = id
		fallthrough
	default:
		m.reserved[p.text] = id
	}
	if p.kind == userDefined {
		m.defined[p.text[0]] = append(m.defined[p.text[0]], len(p.text))
	}
}

// indexBytes finds the pieces of byte fallback, all 256 of them.
func (m *Model) indexBytes() error {
	if !m.byteFallback {
		return nil
	}
	for b := range m.bytes {
		id, ok := m.reserved[byteName(byte(b))]
		if !ok || m.pieces[id].kind != byteKind {
			return &fault.Error{Kind: fault.Missing, Op: "tokenizer", Where: modelFile, What: "byte piece " + byteName(byte(b)), Have: "is not there", Want: "all 256 for byte fallback"}
		}
		m.bytes[b] = id
	}
	return nil
}

func byteName(b byte) string { return fmt.Sprintf("<0x%02X>", b) }

// Size returns the number of pieces: ids lie below it.
func (m *Model) Size() int { return len(m.pieces) }

// Unknown returns the id of what the model has no piece for. ChatGLM pads with it.
func (m *Model) Unknown() int32 { return m.unk }
