// Package bpe turns text into the token ids of CLIP: byte-level byte-pair encoding
// with an end-of-word mark (Radford and others 2021, "Learning Transferable Visual
// Models From Natural Language Supervision"; OpenAI's clip/simple_tokenizer.py).
//
// A [Tokenizer] comes from the folder of a checkpoint ([Open]: vocab.json and
// merges.txt, or tokenizer.json, with tokenizer_config.json, special_tokens_map.json
// and added_tokens.json where they are) or from CLIP's own vocabulary, which the
// package carries ([Standard]).
//
// # Modes
//
// The programs that people use clean a text in different ways before they encode
// it, and their ids differ. The [Mode] says whose ids are wanted:
//
//	Fast      transformers' CLIPTokenizerFast: what CLIPProcessor loads, and from
//	          transformers 5 on everything. The default of package clip.
//	Slow      transformers' CLIPTokenizer where ftfy is not installed: what diffusers
//	          pipelines load on a plain install. The default of package diffusion.
//	FTFY      the same where ftfy is installed.
//	OpenAI    OpenAI's clip.tokenize.
//	OpenCLIP  open_clip's tokenizer.
//
// English prompts get the same ids in all of them. What does not:
//
//   - Chinese. Slow puts spaces round every ideograph, so that each is a word of its
//     own; the others take a run of ideographs as one word. 二次元 is
//     21078 490 162 105 350 34314 481 in Slow, 21078 234 162 105 94 34314 481 in Fast.
//   - Control characters, zero-width joiners, soft hyphens, private-use and unassigned
//     characters, U+FFFD: dropped in Slow, bytes of their own in Fast.
//   - Full-width forms, ligatures, curly quotes, HTML entities, mojibake: repaired
//     by ftfy in FTFY, OpenAI and OpenCLIP, and left as they are in the other two.
//   - A Σ at the end of a word: lower case is ς, in Fast σ.
//   - The names of special tokens in a text: <|endoftext|> is the token in all modes
//     but OpenCLIP, which spells it <end_of_text>.
//
// # Language models
//
// [OpenByteLevel] reads the tokenizer.json of language models that encode bytes, GPT-2's
// family, whatever their patterns: [ByteLevel].
//
// # Special tokens
//
// Where padding is done with "!", as in SDXL's tokenizer_2 and Stable Diffusion 2,
// "!" is a special token, id 0 wherever it stands in a text: "wow!!!" is four ids
// there and two elsewhere.
package bpe
