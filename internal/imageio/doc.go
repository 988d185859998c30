// Package imageio reads, turns, converts, resizes and writes pictures, with the
// pixels that Pillow 12.3 gives for the same file.
//
//	info, err := imageio.HeaderFile("a.jpg")            // size and orientation; a few hundred bytes are read
//	pic, err := imageio.Decode(data, imageio.Strict)    // the first frame, in the mode of the file
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
// header is an error either way. No input makes a call panic, and none takes more
// memory than the pixels it promises, at most [MaxPixels], and twice its own size.
package imageio
