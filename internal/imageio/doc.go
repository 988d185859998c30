// Package imageio reads, turns, converts, resizes and writes pictures, with the
// pixels that Pillow 12.3 gives for the same file.
//
//	info, err := imageio.HeaderFile("a.jpg", imageio.Strict) // size and orientation, from about a thousand bytes
//	pic, err := imageio.Decode(data, imageio.Strict)         // the first frame, in the mode of the file
//	pic, err = pic.Upright().RGB().Resize(224, 224, imageio.Bicubic)
//
// JPEG, PNG, GIF, WebP, BMP, TIFF, PPM and ICO are told apart by their content,
// never by a name. A [Picture] keeps the mode of its file, as in Pillow: a palette
// stays a palette until [Picture.RGB], and [Picture.Resize] of one never mixes
// colours.
//
// # Damage
//
// [Strict] refuses a file that ends early or whose data contradict themselves.
// [Tolerant] keeps the part that can be read, as Pillow does under
// LOAD_TRUNCATED_IMAGES; the rest is black, or grey in a JPEG. What is wrong with a
// header is an error either way. No input makes a call panic. Memory is bounded by
// the pixels that the header promises, at most [MaxPixels], with up to 14 bytes for
// each while a progressive JPEG is read; under Strict a file that is too short for
// its size is refused before any is taken, where the format lets that be told.
//
// # What is not read
//
// Later frames of animations, TIFFs with planes of 16 bits, BigTIFF, arithmetic and
// lossless JPEG, icons that hold bitmaps. About one in a hundred randomly damaged
// files is judged otherwise than by Pillow: CCITT and VP8L data, damaged directories
// of a TIFF, interlaced PNG of less than 8 bits.
package imageio
