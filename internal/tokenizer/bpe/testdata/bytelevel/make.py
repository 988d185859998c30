"""Small tokenizers of the forms that language models have, and the ids that transformers gives.

Made with tokenizers 0.22.2 and transformers 4.57.6:  python make.py
Each folder has tokenizer.json, maybe tokenizer_config.json, and cases.json: [text, ids] rows,
ids as tokenizer(text, add_special_tokens=False) has them.
"""
import json, os, random
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer

here = os.path.dirname(os.path.abspath(__file__))
LLAMA = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
BL, SPLIT = pre_tokenizers.ByteLevel, pre_tokenizers.Split

WORDS = """the a of an and in on cat dog girl with long hair blue eyes painting oil watercolour sky it's don't I'LL we've YOU'RE he'd
2024 3.14 1000000 12 007 ½ Ⅷ ٣ 二次元 少女 樱花 可爱 カワイイ 한국어 Ünïcödé café naïve İstanbul ΣΑΣ ſtrange Straße 🐱 👩‍👩‍👧 é e\u0301 ﬁ
masterpiece, best quality, (1girl:1.2) <lora:x:0.8> -- … “quoted” ‘single’ 's 'Tis ''re 'ſ f(x)=x**2; //! #hash @at $5.00 a_b C++ \u200b \u00a0 \u3000 \u2028 \u0085 \u001c""".split(" ")
JOINS = [" ", "  ", "\n", "\n\n", "\t", " \n ", "", ", ", "    ", "\r\n", " \r", "'", "."]

def texts(seed, n):
    rng = random.Random(seed)
    out = ["", " ", "  ", "\n", " \n", "a", " a", "a ", "'s", "<|endoftext|>", "a<|endoftext|>b", "  <mask>  x", "<pad><pad>", "it's", "IT'S 'S", "a    b     c", "1234567", "\u0301a", "\x00", "日本語 テキスト"]
    while len(out) < n:
        t = ""
        for _ in range(rng.randrange(1, 12)):
            t += rng.choice(WORDS) + rng.choice(JOINS)
            if rng.random() < 0.1:
                t += chr(rng.choice([rng.randrange(0x20, 0x250), rng.randrange(0x300, 0xD7FF), rng.randrange(0xE000, 0x1FFFF)]))
            if rng.random() < 0.05:
                t += rng.choice(["<|endoftext|>", "<mask>", "<pad>", "   ", "<|extra|>"])
        out.append(t)
    return out

def train(name, pre, normalizer=None, special=("<|endoftext|>",), added=(), vocab=700, config=None, alphabet=True, **model):
    t = Tokenizer(models.BPE(**model))
    t.normalizer, t.pre_tokenizer, t.decoder = normalizer, pre, decoders.ByteLevel()
    kw = {"initial_alphabet": BL.alphabet()} if alphabet else {}
    t.train_from_iterator(texts(1, 400), trainers.BpeTrainer(vocab_size=vocab, special_tokens=list(special), show_progress=False, **kw))
    if added:
        t.add_tokens(list(added))
    folder = os.path.join(here, name)
    os.makedirs(folder, exist_ok=True)
    t.save(os.path.join(folder, "tokenizer.json"), pretty=False)
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast", **(config or {})}, f)
    tok = AutoTokenizer.from_pretrained(folder)
    rows = [[s, tok(s, add_special_tokens=False)["input_ids"]] for s in texts(hash_of(name), 120)]
    with open(os.path.join(folder, "cases.json"), "w") as f:
        json.dump(rows, f, separators=(",", ":"))

def hash_of(name):
    return sum(ord(c) * 31**i for i, c in enumerate(name)) % 10**6

train("neox", BL(add_prefix_space=False), normalizers.NFC(), ("<|endoftext|>", "<pad>"),
      [AddedToken(" " * n, normalized=True) for n in range(4, 1, -1)], config={"eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"})
train("gpt2", BL(add_prefix_space=False), config={"add_prefix_space": True})
train("llama", pre_tokenizers.Sequence([SPLIT(Regex(LLAMA), "isolated"), BL(add_prefix_space=False, use_regex=False)]), ignore_merges=True,
      config={"eos_token": "<|eot|>", "added_tokens_decoder": {"900": {"content": "<|extra|>", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}}})
train("qwen", pre_tokenizers.Sequence([SPLIT(Regex(QWEN), "isolated"), BL(add_prefix_space=False, use_regex=False)]), normalizers.NFC())
train("mask", pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), BL(add_prefix_space=True)]), normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()]),
      added=[AddedToken("<mask>", lstrip=True, normalized=False, special=True), AddedToken("CAT", normalized=True), AddedToken("<pad>", rstrip=True, normalized=False)])
train("split", pre_tokenizers.Sequence([SPLIT(Regex(r"[\r\n]+"), "merged_with_previous"), SPLIT(" ", "merged_with_next"), SPLIT(Regex(r"\p{N}+"), "contiguous"),
      SPLIT(Regex(r"[,.]"), "removed"), SPLIT(Regex(r"[一-龥぀-ゟ゠-ヿ]+"), "isolated"), BL(add_prefix_space=False, use_regex=True)]))
train("invert", pre_tokenizers.Sequence([SPLIT(Regex(r"\p{L}+"), "removed", invert=True), BL(add_prefix_space=True, use_regex=False)]), alphabet=False, special=("<|endoftext|>", "<unk>"), unk_token="<unk>", fuse_unk=True)
train("hole", BL(add_prefix_space=False, use_regex=False), alphabet=False, vocab=180)
