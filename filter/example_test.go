package filter_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/filter"
)

// captions yields samples made by hand; a dataset's All does as well.
func captions(texts ...string) func(func(*dataset.Sample, error) bool) {
	return func(yield func(*dataset.Sample, error) bool) {
		for _, t := range texts {
			if !yield(&dataset.Sample{Fields: dataset.Struct{{Name: "text", Value: t}}}, nil) {
				return
			}
		}
	}
}

// Ops work without a recipe, and explain what they decide.
func ExampleApply() {
	clean, _ := filter.New("whitespace_normalization_mapper", nil)
	length, _ := filter.New("text_length_filter", []byte(`{"min_len": 5}`))
	once, _ := filter.New("document_deduplicator", []byte(`{"lowercase": true}`))

	for r, err := range filter.Apply(context.Background(), captions("A cat ", "cat", "a CAT", "two dogs"), filter.Options{}, clean, length, once) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%q %v\n", r.Sample.Text(), r.Verdicts[len(r.Verdicts)-1])
	}
	// Output:
	// "A cat" document_deduplicator keeps it
	// "cat" text_length_filter drops it: text_len 3, want 5 ≤ text_len
	// "a CAT" document_deduplicator drops it: the same as row 0
	// "two dogs" document_deduplicator keeps it
}

// trigger keeps captions that hold a word: a user's own op.
type trigger struct {
	Word string `param:"word"`
}

func (t *trigger) Measure(_ context.Context, r *filter.Row) error {
	text, err := r.Text()
	r.Stats.Set("trigger", strings.Contains(text, t.Word))
	return err
}

func (t *trigger) Keep(r *filter.Row) (bool, error) {
	v, _ := r.Stats.Get("trigger")
	return v == true, nil
}

// A type with two methods becomes an op that recipes can name.
func ExampleRegister() {
	filter.Register("trigger_word_filter", func() filter.Op { return &trigger{Word: "anime"} })

	step, err := filter.New("trigger_word_filter", []byte("word: 二次元"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for r := range filter.Apply(context.Background(), captions("二次元，女孩", "a girl"), filter.Options{}, step) {
		fmt.Println(r.Kept, r.Sample.Text())
	}
	_, err = filter.New("trigger_word_filter", []byte("wort: x"))
	fmt.Println(err)
	// Output:
	// true 二次元，女孩
	// false a girl
	// filter: op trigger_word_filter: line 1, column 1: trigger_word_filter: unknown parameter "wort", did you mean "word"?: invalid
}
