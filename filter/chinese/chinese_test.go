package chinese

import (
	"errors"
	"testing"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/filter"
)

// convertWith runs the op on one text.
func convertWith(t *testing.T, mode, text string) (string, error) {
	s, err := filter.New("chinese_convert_mapper", []byte(`{"mode": "`+mode+`"}`))
	if err != nil {
		return "", err
	}
	r := filter.NewRow(&dataset.Sample{Fields: dataset.Struct{{Name: "text", Value: text}}}, filter.Keys{})
	rows, err := s.Op.(filter.Mapper).Map(t.Context(), r)
	if err != nil {
		return "", err
	}
	return rows[0].Text()
}

// TestModes compares with OpenCC 1.4.2: the characters of newer, those that exist for
// compatibility only, and phrases.
func TestModes(t *testing.T) {
	const chars = "佣厘托栗硷劄幷扞拚搧擡牴甦甯礆箚舖袷谿貍逕遶𠼤樑抬才核煙綫"
	for mode, c := range map[string][2]string{
		"s2t":   {chars + "頭发里面的鼠标", "傭釐托栗硷劄幷扞拚搧擡牴甦甯礆箚舖袷谿貍逕遶𠼤樑抬才核煙綫頭發裏面的鼠標"},
		"t2s":   {chars, "佣厘托栗硷札并捍拼扇抬抵甦甯礆札铺夹溪狸径绕𫪄梁抬才核烟线"},
		"t2tw":  {"擡樑裏麪", "擡梁裡麵"},
		"t2hk":  {"擡樑裏羣", "擡樑裏羣"},
		"tw2t":  {"抬裡面麵線群眾", "抬裏面麪線羣衆"},
		"hk2t":  {"才核煙綫裏", "才核煙線裏"},
		"s2twp": {"鼠标和内存", "滑鼠和記憶體"},
		"tw2sp": {"滑鼠和記憶體", "鼠标和内存"},
	} {
		have, err := convertWith(t, mode, c[0])
		if err != nil || have != c[1] {
			t.Errorf("%s: %s becomes %s, want %s (%v)", mode, c[0], have, c[1], err)
		}
	}
	if have, err := convertWith(t, "t2s", "\uf900\uf902\U0002f800\ufa0e"); have != "岂车丽﨎" {
		t.Errorf("compatibility ideographs become %s, %v", have, err)
	}
}

func TestNoMode(t *testing.T) {
	for _, mode := range []string{"t2jp", "jp2t", "s2hk-finance", "s2x", ""} {
		_, err := convertWith(t, mode, "字")
		if e, ok := errors.AsType[*filter.Error](err); !ok || e.Kind != filter.Unsupported {
			t.Errorf("mode %q: %v", mode, err)
		}
	}
}
