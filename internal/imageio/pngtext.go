package imageio

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"io"
	"slices"
	"strings"

	"github.com/easel-go/easel/internal/fault"
)

// Text is an entry of a PNG's metadata. Key has 1 to 79 Latin-1 characters.
type Text struct{ Key, Value string }

// EncodePNG writes m with texts before its pixels: values of Latin-1 characters as
// tEXt chunks, others as iTXt, as Pillow does, whose Image.text reads them back.
func EncodePNG(w io.Writer, m image.Image, texts ...Text) error {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		return &fault.Error{Kind: fault.Invalid, Op: op, Where: string(PNG), Err: err}
	}
	const header = len(pngMagic) + 12 + 13 // the magic bytes and the IHDR chunk
	out := slices.Clone(b.Bytes()[:header])
	for _, t := range texts {
		var err error
		if out, err = appendText(out, t); err != nil {
			return err
		}
	}
	out = append(out, b.Bytes()[header:]...)
	if _, err := w.Write(out); err != nil {
		return &fault.Error{Kind: fault.Invalid, Op: op, What: "writing", Err: err}
	}
	return nil
}

func appendText(out []byte, t Text) ([]byte, error) {
	key, ok := latin1(t.Key)
	if !ok || len(key) < 1 || len(key) > 79 || bytes.IndexByte(key, 0) >= 0 {
		return nil, invalid(PNG, "text key", fmt.Sprintf("%q", t.Key), "1 to 79 Latin-1 characters other than NUL")
	}
	value, ok := latin1(t.Value)
	if ok && bytes.IndexByte(value, 0) < 0 {
		return appendChunk(out, "tEXt", slices.Concat(key, []byte{0}, value)), nil
	}
	// Not compressed, no language, no translated key.
	return appendChunk(out, "iTXt", slices.Concat(key, make([]byte, 5), []byte(t.Value))), nil
}

func appendChunk(out []byte, kind string, data []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
	start := len(out)
	out = append(append(out, kind...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[start:]))
}

// ReadText returns the texts of a PNG, in the order of the file, those behind the
// pixels included; of compressed ones at most a megabyte each.
func ReadText(b []byte) (texts []Text, err error) {
	defer catch(&err)
	if !strings.HasPrefix(string(b[:min(len(b), 8)]), pngMagic) {
		return nil, invalid(PNG, "file", "something else", "a PNG")
	}
	r := &pngReader{s: &source{buf: b}, at: int64(len(pngMagic))}
	for {
		kind, size, ok := r.next()
		if !ok {
			return texts, truncated(PNG, "chunks")
		}
		if kind == "IEND" {
			return texts, nil
		}
		data := r.s.at(r.at+8, int(size))
		if int64(len(data)) < size {
			return texts, truncated(PNG, "chunk "+kind)
		}
		if key, value, ok := pngTextChunk(kind, data); ok {
			texts = append(texts, Text{key, value})
		}
		r.at += size + 12
	}
}

// pngTextChunk takes a chunk of text apart; ok is false if it is none or malformed.
func pngTextChunk(kind string, b []byte) (key, value string, ok bool) {
	k, rest, ok := bytes.Cut(b, []byte{0})
	if !ok {
		return "", "", false
	}
	key = fromLatin1(k)
	switch kind {
	case "tEXt":
		return key, fromLatin1(rest), true
	case "zTXt":
		if len(rest) < 1 || rest[0] != 0 {
			return "", "", false
		}
		raw, ok := inflateText(rest[1:])
		return key, fromLatin1(raw), ok
	case "iTXt":
		if len(rest) < 2 {
			return "", "", false
		}
		packed, method := rest[0], rest[1]
		parts := bytes.SplitN(rest[2:], []byte{0}, 3) // language, translated key, text
		if len(parts) < 3 {
			return "", "", false
		}
		raw := parts[2]
		if packed != 0 {
			if raw, ok = inflateText(raw); method != 0 || !ok {
				return "", "", false
			}
		}
		return key, string(raw), true
	}
	return "", "", false
}

// textLimit is how long a compressed text may be: Pillow's limit.
const textLimit = 1 << 20

func inflateText(b []byte) ([]byte, bool) {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, false
	}
	defer z.Close()
	raw, err := io.ReadAll(io.LimitReader(z, textLimit+1))
	return raw, err == nil && len(raw) <= textLimit
}

// latin1 returns s in Latin-1, ok if it can be.
func latin1(s string) ([]byte, bool) {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 255 {
			return nil, false
		}
		out = append(out, byte(r))
	}
	return out, true
}

func fromLatin1(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		s.WriteRune(rune(c))
	}
	return s.String()
}
