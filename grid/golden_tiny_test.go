package grid

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"path/filepath"
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

func readPNG(t *testing.T, path string) image.Image {
	m, err := png.Decode(bytes.NewReader(golden.Bytes(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestGoldenSheets lays out the pictures of the tiny checkpoint as the reference did.
func TestGoldenSheets(t *testing.T) {
	dir := golden.Part(t, "tiny")
	for _, s := range []struct {
		sheet, pictures string
		columns         int
	}{
		{"sheet.png", "%d.png", 2}, {"sheet_wide.png", "%d.png", 4},
		{"lora_sheet.png", "lora_%d.png", 2}, {"lora_sheet_wide.png", "lora_%d.png", 4},
		{"flow/sheet.png", "flow/%d.png", 2},
	} {
		t.Run(s.sheet, func(t *testing.T) {
			sheet := tileEight(t, dir, s.pictures, s.columns)
			w, h, want := golden.PNG(t, filepath.Join(dir, s.sheet))
			hw, hh, have := golden.RGB(sheet)
			if hw != w || hh != h {
				t.Fatalf("%d×%d, want %d×%d", hw, hh, w, h)
			}
			golden.Equal(t, "pixels", have, want)
		})
	}
}

func tileEight(t *testing.T, dir, pattern string, columns int) image.Image {
	var pictures []image.Image
	for i := range 8 {
		pictures = append(pictures, readPNG(t, filepath.Join(dir, fmt.Sprintf(pattern, i))))
	}
	sheet, err := Tile(pictures, Options{Columns: columns, Fit: Refuse})
	if err != nil {
		t.Fatal(err)
	}
	return sheet
}

// TestGoldenSheetResized shrinks the sheet as the flow's last step does.
func TestGoldenSheetResized(t *testing.T) {
	dir := golden.Part(t, "tiny/flow")
	var flow struct {
		Hash string `json:"sheet_resized_1024x2048_rgb_sha256"`
	}
	if err := json.Unmarshal(golden.Bytes(t, filepath.Join(dir, "flow.json")), &flow); err != nil {
		t.Fatal(err)
	}
	small, err := Resize(readPNG(t, filepath.Join(dir, "sheet.png")), 1024, 2048, Bicubic)
	if err != nil {
		t.Fatal(err)
	}
	_, _, rgb := golden.RGB(small)
	sum := sha256.Sum256(rgb)
	if have := hex.EncodeToString(sum[:]); have != flow.Hash {
		t.Errorf("hash %s, want %s", have, flow.Hash)
	}
}
