package filter

import (
	"slices"

	"github.com/easel-go/easel/dataset"
)

// Rule is one way in which the default mode departs from Data-Juicer 1.6.1: a place
// where that loses samples, or what is known of them, through a defect. Recipes with
// "compat: strict" depart nowhere.
type Rule struct {
	ID   string
	When string // the condition, on the recipe and the data
	Then string // what the default mode does
	Not  string // what Data-Juicer 1.6.1 does

	holds func(c departure) bool
}

// departure is a sample of a run, for a rule to say whether it concerns it. Of a whole
// run, sample and result are empty.
type departure struct {
	rec    *Recipe
	sample *dataset.Sample // as loaded in strict mode; nil if it was not
	plain  *dataset.Sample // as loaded in the default mode; nil if it was not
	strict *Result         // what strict mode made of it; nil if it never got that far
	err    error           // what the strict run ended with
}

// Rules returns the departures, all there are.
func Rules() []Rule { return slices.Clone(rules) }

var rules = []Rule{
	{ID: "alone",
		When: "an op fails on a sample: its picture is missing or damaged, say",
		Then: "the sample is dropped, and stands in rejects.jsonl with the reason; all others are judged by themselves",
		Not:  "every sample of its batch is lost, up to 1000 of them, and only the log knows",
		holds: func(c departure) bool {
			return c.strict != nil && c.strict.Err != nil || c.rec.Fusion && c.err != nil
		}},
	{ID: "verbatim",
		When: "a text column holds words such as NA or null in a CSV file, or nothing but dates",
		Then: "texts are texts as they stand",
		Not:  "NA words are null and their rows go; a column of dates becomes timestamps, on which text ops fail",
		holds: func(c departure) bool {
			return c.plain != nil && slices.ContainsFunc(c.rec.TextKeys, func(key string) bool {
				v, _ := c.plain.Get(key)
				_, text := v.(string)
				var was any
				if c.sample != nil {
					was, _ = c.sample.Get(key)
				}
				_, wasText := was.(string)
				return text && !wasText
			})
		}},
	{ID: "short",
		When: "document_minhash_deduplicator or document_simhash_deduplicator meets a text of fewer tokens than its window",
		Then: "the text repeats no other",
		Not:  "all such texts count as the same, and one of them stays",
		holds: func(c departure) bool {
			return slices.ContainsFunc(c.rec.Steps, func(s Step) bool { return tooShort(s, c.sample) })
		}},
	{ID: "path",
		When:  "the image column holds text instead of a list",
		Then:  "the text is the path of one picture",
		Not:   "each of its letters is taken for a path",
		holds: func(c departure) bool { return columnIs[string](c.plain, c.rec.keys().Image) }},
	{ID: "pictureless",
		When: "image_aspect_ratio_filter meets samples without an image column",
		Then: "they stay, as they do with the other filters of pictures",
		Not:  "all are lost",
		holds: func(c departure) bool {
			return c.plain != nil && slices.ContainsFunc(c.rec.Steps, func(s Step) bool {
				_, ratio := s.Op.(*imageAspectRatio)
				_, column := c.plain.Get(s.Keys.Image)
				return ratio && !column
			})
		}},
	{ID: "fieldless",
		When: "specified_field_filter or specified_numeric_field_filter has no field_key",
		Then: "everything stays",
		Not:  "everything is lost",
		holds: func(c departure) bool {
			return slices.ContainsFunc(c.rec.Steps, func(s Step) bool {
				switch op := s.Op.(type) {
				case *specifiedField:
					return op.Field == ""
				case *specifiedNumber:
					return op.Field == ""
				}
				return false
			})
		}},
	{ID: "zero",
		When: "specified_numeric_field_filter meets the number 0",
		Then: "0 is a number",
		Not:  "the sample is dropped whatever the bounds",
		holds: func(c departure) bool {
			return c.sample != nil && slices.ContainsFunc(c.rec.Steps, func(s Step) bool {
				op, ok := s.Op.(*specifiedNumber)
				if !ok {
					return false
				}
				v, _ := newRow(c.sample, 0).Get(op.Field)
				x, isNumber := number(v)
				return isNumber && x == 0
			})
		}},
	{ID: "again",
		When: "an op is listed more than once",
		Then: "each has the parameters that stand with it",
		Not:  "the later ones inherit what was set for the earlier ones",
		holds: func(c departure) bool {
			for i, s := range c.rec.Steps {
				if slices.ContainsFunc(c.rec.Steps[:i], func(t Step) bool { return t.Name == s.Name }) {
					return true
				}
			}
			return false
		}},
	{ID: "statistics",
		When: "the suffix of export_path is in capitals or not the format's, or there are no samples",
		Then: "the statistics are written, to the name of the result with _stats.jsonl for the suffix",
		Not:  "they are written over by the result, or not at all",
		holds: func(c departure) bool {
			format, err := c.rec.exportFormat()
			strict := *c.rec
			strict.Compat = "strict"
			return err == nil && (strict.statsPath(format) == c.rec.ExportPath || c.strict == nil && c.sample == nil)
		}},
	{ID: "empty",
		When:  "a file of the data is empty",
		Then:  "it has no samples, and neither has the result",
		Not:   "the run ends with an error",
		holds: func(c departure) bool { return Exception(c.err) == "StopIteration" }},
	{ID: "keys",
		When:  "with load_jsonl_lenient a row lacks a key of the first",
		Then:  "it has a null there",
		Not:   "the run ends with an error",
		holds: func(c departure) bool { return c.rec.Lenient && Exception(c.err) == "DatasetGenerationError" }},
	{ID: "traced",
		When: "open_tracer is on, and document_line_deduplicator removes lines, an op that sees one sample at a time drops some, a mapper makes several of one, or np is above 1",
		Then: "traced are the first two texts with each line, what was dropped, each text beside what was made of it, and trace_num of them an op",
		Not:  "the run ends with an error, nothing is traced, the i-th text is beside the i-th of what was made of all, and there are trace_num an op and process",
		holds: func(c departure) bool {
			return c.rec.Trace && Exception(c.err) == "IndexError" && slices.ContainsFunc(c.rec.Steps, func(s Step) bool { _, ok := s.Op.(*lineDedup); return ok })
		}},
	{ID: "json",
		When: "the result is .json and has more than 1000 samples, none, or whole numbers beside nulls",
		Then: "it is an array of any length, and whole numbers stay whole",
		Not:  "the run ends with an error, the file is empty, or they become floats",
		holds: func(c departure) bool {
			format, err := c.rec.exportFormat()
			return err == nil && format == "json"
		}},
}

func columnIs[T any](s *dataset.Sample, name string) bool {
	if s == nil {
		return false
	}
	v, _ := s.Get(name)
	_, ok := v.(T)
	return ok
}

func tooShort(s Step, sample *dataset.Sample) bool {
	var sh *shingling
	switch op := s.Op.(type) {
	case *minhash:
		sh = &op.shingling
	case *simhash:
		sh = &op.shingling
	default:
		return false
	}
	if sample == nil {
		return false
	}
	text, err := NewRow(sample, s.Keys).Text()
	if err != nil {
		return false
	}
	runs, err := sh.shingles(text)
	return err == nil && len(runs) == 0
}
