"""What Data-Juicer's ops make of texts where they cut these with a tokenizer.

Made with py-data-juicer 1.6.1, transformers 5.23.0, sentencepiece 0.2.3, tokenizers 0.22:  python make.py
The tokenizers are the small ones of internal/tokenizer; Data-Juicer finds them under the names that it fetches its own by.
"""
import json, os, random, shutil, sys, tempfile

here = os.path.dirname(os.path.abspath(__file__))
tokenizers = os.path.join(here, "../../../internal/tokenizer")
home = tempfile.mkdtemp()
os.environ["DATA_JUICER_EXTERNAL_MODELS_HOME"] = home
shutil.copytree(os.path.join(tokenizers, "bpe/testdata/bytelevel/neox"), os.path.join(home, "EleutherAI/pythia-6.9b-deduped"))
shutil.copytree(os.path.join(tokenizers, "bpe/testdata/bytelevel/llama"), os.path.join(home, "some/llama"))
shutil.copy(os.path.join(tokenizers, "spm/testdata/trained/unigram_table.model"), os.path.join(home, "en.sp.model"))
shutil.copy(os.path.join(tokenizers, "spm/testdata/trained/bpe_table.model"), os.path.join(home, "zh.sp.model"))

from data_juicer.ops.filter.alphanumeric_filter import AlphanumericFilter
from data_juicer.ops.filter.flagged_words_filter import FlaggedWordFilter
from data_juicer.ops.filter.stopwords_filter import StopWordsFilter
from data_juicer.ops.filter.token_num_filter import TokenNumFilter
from data_juicer.ops.filter.word_repetition_filter import WordRepetitionFilter
from data_juicer.ops.filter.words_num_filter import WordsNumFilter
from data_juicer.ops.mapper.remove_words_with_incorrect_substrings_mapper import RemoveWordsWithIncorrectSubstringsMapper
from data_juicer.ops.deduplicator.document_minhash_deduplicator import DocumentMinhashDeduplicator
from data_juicer.utils.constant import Fields, HashKeys

WORDS = """the a of girl with long hair The GIRL blue eyes, painting (oil) watercolour "sky" it's http://x.com www.a.b 2024 二次元 少女 樱花 可爱 ﬁne ½ é ①
<sep> ... -- 🐱 best quality""".split()

def texts():
    rng = random.Random(7)
    out = ["", " ", "a", "二次元少女", "the the the the the the the the the the the the", "http://www.girl.com/x", "<|endoftext|>"]
    while len(out) < 40:
        out.append("".join(rng.choice(WORDS) + rng.choice([" ", "  ", "", "\n", ", ", "\t"]) for _ in range(rng.randrange(1, 25))))
    return out

rows = texts()
with open(os.path.join(home, "stopwords.json"), "w") as f:
    json.dump({"en": ["the", "a", "of", "\u2581the", "\u2581a", "girl"], "zh": ["可爱", "二次元"]}, f)
shutil.copy(os.path.join(home, "stopwords.json"), os.path.join(home, "flagged_words.json"))
SETS = [
    ("alphanumeric_filter", AlphanumericFilter, {"tokenization": True, "min_ratio": 2.0}),
    ("token_num_filter", TokenNumFilter, {"min_num": 20}),
    ("token_num_filter", TokenNumFilter, {"hf_tokenizer": "some/llama", "max_num": 40}),
    ("words_num_filter", WordsNumFilter, {"tokenization": True, "min_num": 12}),
    ("words_num_filter", WordsNumFilter, {"tokenization": True, "lang": "zh", "min_num": 12}),
    ("word_repetition_filter", WordRepetitionFilter, {"tokenization": True, "rep_len": 2, "max_ratio": 0.2}),
    ("stopwords_filter", StopWordsFilter, {"tokenization": True, "stopwords_dir": "@HOME@", "min_ratio": 0.2}),
    ("flagged_words_filter", FlaggedWordFilter, {"tokenization": True, "lang": "zh", "flagged_words_dir": "@HOME@", "use_words_aug": True, "words_aug_group_sizes": [2, 3]}),
    ("flagged_words_filter", FlaggedWordFilter, {"lang": "all", "flagged_words_dir": "@HOME@"}),
    ("remove_words_with_incorrect_substrings_mapper", RemoveWordsWithIncorrectSubstringsMapper, {"tokenization": True}),
    ("remove_words_with_incorrect_substrings_mapper", RemoveWordsWithIncorrectSubstringsMapper, {"tokenization": True, "lang": "zh", "substrings": ["a", "可"]}),
    ("document_minhash_deduplicator", DocumentMinhashDeduplicator, {"tokenization": "sentencepiece", "tokenizer_model": "en.sp.model", "window_size": 2, "num_permutations": 8, "num_bands": 4, "num_rows_per_band": 2}),
]
out = []
for name, cls, params in SETS:
    op = cls(**{k: home if v == "@HOME@" else v for k, v in params.items()})
    entry = {"op": name, "params": params}
    if name.endswith("_filter"):
        batch = {"text": list(rows), Fields.stats: [{} for _ in rows]}
        batch = op.compute_stats_batched(batch)
        entry["stats"] = batch[Fields.stats]
        entry["keep"] = [bool(k) for k in op.process_batched(batch)]
    elif name.endswith("_mapper"):
        entry["out"] = op.process_batched({"text": list(rows)})["text"]
    else:
        entry["hash"] = [[h.hex() for h in op.compute_hash({"text": t})[HashKeys.minhash]] for t in rows]
    out.append(entry)
with open(os.path.join(here, "cases.json"), "w") as f:
    json.dump({"rows": rows, "sets": out}, f, ensure_ascii=True, separators=(",", ":"))
shutil.rmtree(home)
