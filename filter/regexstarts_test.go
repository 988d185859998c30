package filter

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// startsCases are the patterns whose matches begin where starts say, for replacements
// with and without groups.
func startsCases(t testing.TB) (cases []*clean) {
	for _, name := range []string{"clean_links_mapper", "clean_email_mapper", "clean_ip_mapper"} {
		for _, repl := range []string{`{"repl": "<>"}`, `{"repl": "<\\g<0>>"}`, `{"repl": "<\\1>"}`} {
			s, err := New(name, []byte(repl))
			if err != nil {
				if !strings.Contains(repl, "1") {
					t.Fatal(err)
				}
				continue // the pattern has no groups
			}
			m := s.Op.(*clean)
			m.re.re.MatchTimeout = 200 * time.Millisecond
			cases = append(cases, m)
		}
	}
	return cases
}

// sameText compares what becomes of a text with what the pattern alone makes of it, which
// is the slow definition.
func sameText(t *testing.T, cases []*clean, text string) {
	t.Helper()
	for _, m := range cases {
		alone := &pattern{re: m.re.re}
		want, err := alone.sub(text, m.to)
		if err != nil {
			continue // too slow, which the pattern alone may be
		}
		have, err := m.re.sub(text, m.to)
		if err != nil || have != want {
			t.Fatalf("%s: %q becomes %q (%v), want %q", m.builtin, text, have, err, want)
		}
	}
}

var startsPieces = strings.Split("http https ftp :// : / // . .. www WWW wwW2 www12 example .org .com/ /a.b 1.2.3.4 192.168. 255 0 :: 1:2:3:4:5:6:7:8 dead:beef a@b.cd me.x+y@ - _ "+
	"( ) (a(b)c) < > , ; ? ! \" ' é ſ K ١ 字 ， \u200b \t \n x Z 9 ab", " ")

// TestStarts holds the fast way to find matches to the slow one.
func TestStarts(t *testing.T) {
	cases := startsCases(t)
	r := rand.New(rand.NewPCG(3, 4))
	for range 4000 {
		var b strings.Builder
		for range 1 + r.IntN(12) {
			b.WriteString(startsPieces[r.IntN(len(startsPieces))])
			if r.IntN(6) == 0 {
				b.WriteByte(' ')
			}
		}
		sameText(t, cases, b.String())
	}
}

func FuzzStarts(f *testing.F) {
	cases := startsCases(f)
	f.Add("see https://example.org/a_(b)?c=d, or www.example.com; me@example.org at 127.0.0.1")
	f.Add("ſſ://K.ſſ/x 1:2:3:4:5:6:7:8 www١.x")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) <= 200 {
			sameText(t, cases, strings.ToValidUTF8(text, "\ufffd"))
		}
	})
}
