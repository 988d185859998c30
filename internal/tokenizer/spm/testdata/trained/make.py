"""Small SentencePiece models, unigram and with tables of replacements, and what sentencepiece makes of texts.

Made with sentencepiece 0.2.3:  python make.py
NAME.model beside NAME.json: [text, ids, pieces] rows.
"""
import io, json, os, random, tempfile
import sentencepiece as spm

here = os.path.dirname(os.path.abspath(__file__))
WORDS = """the a of girl with long hair blue eyes painting oil watercolour sky it's don't 2024 3.14 12 二次元 少女 樱花 可爱 カワイイ ガ ｶﾞ 한국어 Ünïcödé café
ﬁne Ⅷ ① ½ ｆｕｌｌ Ａ masterpiece, best quality (1girl:1.2) “quoted” -- … é e\u0301 <sep> <sep>a ▁ a▁b \u3000 \u00a0 \u200b \ufeff ㍿ ™ 🐱""".split(" ")
JOINS = [" ", "  ", "\n", "\t", "", ", ", "\u3000", "\u00a0", " . "]

def texts(seed, n):
    rng = random.Random(seed)
    out = ["", " ", "   ", "a", " a ", "a  b", "\u3000", "<sep>", " <sep> ", "<sep><sep>x", "▁", "\x00", "aaaaaaaaaaaaaaaa", "\u0301"]
    while len(out) < n:
        t = ""
        for _ in range(rng.randrange(1, 10)):
            t += rng.choice(WORDS) + rng.choice(JOINS)
            if rng.random() < 0.1:
                t += chr(rng.choice([rng.randrange(0x20, 0x250), rng.randrange(0x300, 0xD7FF), rng.randrange(0xE000, 0x1FFFF)]))
        out.append(t)
    return out

# source characters, tab, what replaces them, in hexadecimal: some of NFKC's, one that deletes, some of several characters
RULES = [("3000", "20"), ("A0", "20"), ("9", "20"), ("A", "20"), ("200B", ""), ("FEFF", ""), ("FB01", "66 69"), ("2167", "56 49 49 49"), ("2460", "31"), ("BD", "31 2044 32"),
         ("FF46", "66"), ("FF55", "75"), ("FF4C", "6C"), ("FF21", "41"), ("FF76 FF9E", "30AC"), ("FF76", "30AB"), ("65 301", "E9"), ("2026", "2E 2E 2E"), ("337F", "682A 5F0F 4F1A 793E"), ("2122", "54 4D")]
TSV = os.path.join(tempfile.mkdtemp(), "rules.tsv")
with open(TSV, "w") as f:
    f.write("".join(f"{a}\t{b}\n" for a, b in RULES))
TABLE = dict(normalization_rule_tsv=TSV)

def train(name, **kw):
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(sentence_iterator=iter(t for t in texts(1, 500) if t.strip()), model_writer=model, vocab_size=kw.pop("vocab_size", 400),
                                   hard_vocab_limit=False, minloglevel=2, **kw)
    sp = spm.SentencePieceProcessor(model_proto=model.getvalue())
    with open(os.path.join(here, name + ".model"), "wb") as f:
        f.write(model.getvalue())
    rows = [[t, sp.encode(t), sp.encode(t, out_type=str)] for t in texts(sum(map(ord, name)), 100)]
    with open(os.path.join(here, name + ".json"), "w") as f:
        json.dump(rows, f, separators=(",", ":"))

train("unigram", model_type="unigram", normalization_rule_name="identity")
train("unigram_table", model_type="unigram", user_defined_symbols=["<sep>", "girl"], character_coverage=0.98, **TABLE)
train("unigram_bytes", model_type="unigram", byte_fallback=True, vocab_size=500, character_coverage=0.98, treat_whitespace_as_suffix=True, **TABLE)
train("unigram_spaces", model_type="unigram", remove_extra_whitespaces=False, add_dummy_prefix=False, user_defined_symbols=["<sep>"], **TABLE)
train("bpe_table", model_type="bpe", user_defined_symbols=["<sep>"], character_coverage=0.98, **TABLE)
