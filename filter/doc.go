// Package filter keeps the samples worth training on, by the rules of Data-Juicer and
// under its names.
//
//	f, err := os.Open("recipe.yaml")          // a Data-Juicer configuration, as it is
//	…
//	recipe, err := filter.ParseRecipe(f)
//	…
//	report, err := recipe.Run(ctx)            // result.jsonl, result_stats.jsonl, rejects.jsonl
//	fmt.Print(report)
//
// Ops work without a recipe too, over any samples:
//
//	shape, err := filter.New("image_shape_filter", []byte(`{min_width: 1024, min_height: 1024}`))
//	…
//	for r, err := range filter.Apply(ctx, data.All(ctx), filter.Options{}, shape) {
//		if err != nil {
//			return err
//		}
//		if !r.Kept {
//			fmt.Println(r.Sample.ID, r.Verdicts)  // what was measured, and what was wanted
//		}
//	}
//
// # Ops
//
// There are four kinds. A Filter measures a sample and decides about it; a Mapper
// changes it; a Deduplicator and a Selector look at all samples. Names returns the names
// of all that are registered; a type of one's own becomes an op through Register. Sizes
// of pictures come from their headers: nothing is decoded that an op does not look at.
//
// # Strict, and better
//
// A recipe with the line
//
//	compat: strict
//
// gives byte for byte what Data-Juicer 1.6.1 gives, with the samples that it loses by
// mistake, and with np as a number that decides which. Without the line a few things
// differ, each for a reason, and nothing else; Rules has them as a table:
//
//	alone         a sample on which an op fails takes no other along, and stands in rejects.jsonl
//	verbatim      texts are never read as null or as dates
//	short         texts too short to be compared are no duplicates
//	path          a path instead of a list of paths is one picture
//	pictureless   image_aspect_ratio_filter keeps samples without pictures
//	fieldless     a filter of a field that names no field keeps everything
//	zero          the number 0 is a number
//	again         an op that comes twice has its own parameters both times
//	statistics    there are always statistics, in a file of their own
//	empty         an empty file has no samples
//	keys          with load_jsonl_lenient, a key that is not there is a null
//	traced        traces show what every op did, document_line_deduplicator too
//	json          a .json result may have any length
//
// # Memory
//
// Samples pass one after the other, and a run of ten million takes no more memory than
// one of a thousand: about 40 MiB in all for five ops on texts. What must be remembered is
// small. An exact deduplicator keeps about 50 bytes a sample (16 of its hash, in a map);
// document_simhash_deduplicator about 100; document_minhash_deduplicator 500 at most, 230
// as it is by default; document_line_deduplicator about 50 bytes for each distinct line;
// selectors the values they choose by. Where an op must see all samples before it can
// decide about the first, and in strict mode between one op and the next, the samples
// themselves wait in a temporary file: in Recipe.TempDir, or beside the result, and about
// as large as the data. It is gone when the run is, killed or not.
//
// # Models
//
// Five filters ask a model: image_text_similarity_filter, image_pair_similarity_filter,
// image_aesthetics_filter, image_nsfw_filter and image_watermark_filter. Package clip
// has the models; Recipe.Models, or Options.Models, brings the two together.
//
// # Tokenizers and word lists
//
// Nothing is fetched while a recipe runs; what is not on the disk refuses the recipe.
//
// token_num_filter takes a folder with a tokenizer.json (the byte-level BPE of GPT-2,
// GPT-NeoX, Llama 3 and Qwen, or CLIP's) or the name of one on a hub, which [FetchTokenizer]
// brings to the cache; OpenAI's CLIP tokenizer is always there under its name. By default,
// and in alphanumeric_filter with tokenization, it is EleutherAI/pythia-6.9b-deduped.
//
// Where words_num_filter, word_repetition_filter, stopwords_filter, flagged_words_filter
// and remove_words_with_incorrect_substrings_mapper are given tokenization: true, words are
// the pieces of a SentencePiece model, unigram or BPE, called en.sp.model for lang en. It is
// looked for in the working directory, in the folders of
// DATA_JUICER_EXTERNAL_MODELS_HOME, and in DATA_JUICER_MODELS_CACHE
// (~/.cache/data_juicer/models); document_minhash_deduplicator names it itself, in
// tokenizer_model. Word lists are the JSON files of stopwords_dir and flagged_words_dir, or
// of DATA_JUICER_ASSETS_CACHE (~/.cache/data_juicer/assets). A machine on which Data-Juicer
// ran has all of them.
//
// # Not here
//
// Data-Juicer's ops for sound, video and dialogue, those that ask a language model, face
// and language detectors, tokenizers in text_chunk_mapper. A recipe that wants one is
// refused before anything is read. chinese_convert_mapper is in package filter/chinese, and
// runs on many machines are in package filter/beam.
package filter
