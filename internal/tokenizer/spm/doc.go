// Package spm turns text into the ids of SentencePiece models of type BPE or unigram (Kudo
// and Richardson 2018; sentencepiece 0.2.3, its *_model.cc and normalizer.cc) and frames
// them as ChatGLM3, the text encoder of Kolors, takes them.
//
// A [Model] is a tokenizer.model: pieces with scores. Encoding puts "▁" for each
// space and one in front, then joins the neighbours that make the piece of the
// highest score, the leftmost first, until none do; a unigram model takes the pieces whose
// scores have the greatest sum. Characters that are no piece
// become their UTF-8 bytes, "<0xE7>" and so on, in models with byte fallback.
//
// [ChatGLM] puts [gMASK] and sop before the ids and pads on the left.
package spm
