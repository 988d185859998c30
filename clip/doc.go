// Package clip tells how well texts describe pictures, and how good pictures look.
//
//	m, err := clip.Open("openai/clip-vit-base-patch32")
//	s, err := m.Score(ctx, []string{"a cat", "a dog"}, pictures)
//	p := clip.SoftmaxOverTexts(s.Logits) // p[picture][text], each row summing to 1
//
// [Open] reads every CLIP vision transformer: folders in transformers' layout, single
// files of OpenAI and open_clip, and names on a hub that [Fetch] brought to the disk
// before. Logits, embeddings and their order are those of transformers' CLIPModel and
// CLIPProcessor in float32; weights are used as they are stored.
//
// [OpenAesthetics] reads aesthetics predictors, which give a picture a mark,
// [OpenHead] the bare heads that LAION publishes for embeddings of a CLIP model, and
// [OpenClassifier] plain vision transformers that sort pictures into classes. [Models]
// opens all of them by the names that filter recipes use. An [Index] finds the nearest
// of many embeddings.
//
// # What surprises
//
//   - Texts are tokenised as transformers' fast tokenizer does, which CLIPProcessor
//     loads; package diffusion's default is the slow one, whose ids differ for Chinese.
//   - A text longer than the model reads, 77 tokens in CLIP, is cut on the right, end
//     token kept, and Scores.Cut says so.
//   - A picture is resized by its short side and cropped to a centred square, as the
//     folder's preprocessor_config.json says: the ends of long pictures are not seen.
//     The pixels are those of the slow image processor, exactly; transformers' fast one
//     differs by up to two grey levels. Alpha is dropped, not blended.
//   - Each picture and each text is scored by itself: the numbers do not depend on what
//     else is in a batch, nor on the number of threads.
//
// # Figures
//
// Processor time on one thread for a batch of 8 pictures in ViT-B/32, beside
// transformers 4.57 on torch 2.13, on a busy Intel Xeon (November 2026; go test -bench
// 'Tower|Pictures'), two rounds:
//
//	tower, float32                         0.54 to 0.66 s    torch 0.89 to 1.47 s
//	tower, bfloat16                        0.21 to 0.23 s    torch 0.25 s
//	JPEGs of 512×512 to embeddings         0.61 s            Pillow, slow processor, torch 0.93 s
//
// An Index reads its vectors at nine tenths of the speed at which a sum of them does
// (-bench Index).
package clip
