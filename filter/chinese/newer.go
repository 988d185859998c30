package chinese

import (
	"slices"
	"strings"

	"github.com/liuzl/da"
	"github.com/longbridgeapp/opencc"
	"golang.org/x/text/unicode/norm"
)

// newer lists, for the tables of single characters of OpenCC 1.1, what 1.4.2 makes of
// those characters that it treats otherwise.
var newer = map[string]string{
	"STCharacters.ocd2":  "佣傭 厘釐 托托 栗栗 硷硷",
	"TSCharacters.ocd2":  "劄札 幷并 扞捍 拚拼 搧扇 擡抬 牴抵 甦甦 甯甯 礆礆 箚札 舖铺 袷夹 谿溪 貍狸 逕径 遶绕 𠼤𫪄",
	"TWVariants.ocd2":    "擡擡 樑梁",
	"HKVariants.ocd2":    "擡擡",
	"TWVariantsRev.ocd2": "抬抬",
	"HKVariantsRev.ocd2": "才才 核核 煙煙 綫線",
}

// renew puts the characters of newer before the tables that they are newer than.
func renew(cc *opencc.OpenCC) error {
	for _, g := range cc.DictChains {
		for file, pairs := range newer {
			i := slices.Index(g.Files, file)
			if i < 0 {
				continue
			}
			var lines strings.Builder
			for pair := range strings.FieldsSeq(pairs) {
				r := []rune(pair)
				lines.WriteString(string(r[0]) + "\t" + string(r[1]) + "\n")
			}
			d, err := da.Build(strings.NewReader(lines.String()))
			if err != nil {
				return err
			}
			g.Files, g.Dicts = slices.Insert(g.Files, i, "newer "+file), slices.Insert(g.Dicts, i, d)
		}
	}
	return nil
}

// unified puts the ideographs that Unicode has for compatibility only into their common
// form, as OpenCC does since 1.2.
func unified(text string) string {
	compatible := func(r rune) bool { return 0xf900 <= r && r <= 0xfaff || 0x2f800 <= r && r <= 0x2fa1f }
	if !strings.ContainsFunc(text, compatible) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if compatible(r) {
			b.WriteString(norm.NFC.String(string(r)))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
