package filter

import (
	"context"
	"strings"
)

func init() {
	Register("punctuation_normalization_mapper", func() Op { return &punctuation{} })
}

// punctuation turns punctuation of other scripts into ASCII's.
type punctuation struct{}

func (punctuation) Map(_ context.Context, r *Row) ([]*Row, error) {
	return r.mapText(func(text string) (string, error) { return asciiPunctuation.Replace(text), nil })
}

// asciiPunctuation has Data-Juicer's table, the full-width digit one in it included.
var asciiPunctuation = strings.NewReplacer(
	"，", ",", "。", ".", "、", ",", "„", `"`, "”", `"`, "“", `"`, "«", `"`, "»", `"`, "１", `"`, "」", `"`, "「", `"`, "《", `"`, "》", `"`,
	"´", "'", "∶", ":", "：", ":", "？", "?", "！", "!", "（", "(", "）", ")", "；", ";", "–", "-", "—", " - ", "．", ". ", "～", "~",
	"’", "'", "…", "...", "━", "-", "〈", "<", "〉", ">", "【", "[", "】", "]", "％", "%", "►", "-")
