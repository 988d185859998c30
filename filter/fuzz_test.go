package filter

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/easel-go/easel/dataset"
)

func FuzzRecipe(f *testing.F) {
	paths, err := filepath.Glob("../internal/golden/testdata/datajuicer/e2e/*/config.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nprocess: *c\n<<: *c\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if strings.Contains(string(b), "_dir") || strings.Contains(string(b), "hf_") {
			return // these look at the disk
		}
		rec, err := ParseRecipe(strings.NewReader(string(b)))
		if (rec == nil) == (err == nil) {
			t.Fatalf("recipe %v, error %v", rec, err)
		}
	})
}

func FuzzCondition(f *testing.F) {
	for _, s := range []string{"1 < v <= 7.25 and s != 'b'", "m.k in [1, 9] or v == 1.5", "not s == 'a'", "nothere > 1", "-(-v) in (1, 2,)", "__dj__stats__.x >= 1e-3", `"a\"b" in s`} {
		f.Add(s)
	}
	row := NewRow(&dataset.Sample{Fields: dataset.Struct{{Name: "v", Value: 1.5}, {Name: "s", Value: "a"}, {Name: "m", Value: dataset.Struct{{Name: "k", Value: int64(3)}}}}}, Keys{})
	f.Fuzz(func(t *testing.T, s string) {
		if e, err := parseExpr(s); err == nil {
			e(row)
		}
	})
}

func FuzzPattern(f *testing.F) {
	for _, s := range []string{linkPattern, emailPattern, ipPattern, `(?P<a>x)(?P=a)`, `[^]a]\Z`, `\w+(?<!\d)\b`, `x{,3}`, `[\W\s[]`} {
		f.Add(s, "\\1 \\g<0>", "visit http://a.b/c or ١٢")
	}
	f.Fuzz(func(t *testing.T, expr, repl, text string) {
		if len(expr) > 60 || len(text) > 200 {
			return
		}
		p, err := compile(expr, true, false)
		if err != nil {
			return
		}
		p.re.MatchTimeout = 50 * time.Millisecond
		to, err := p.template(repl)
		if err != nil {
			return
		}
		p.sub(text, to)
	})
}

// FuzzOps sends texts through every op of texts. None may panic, and no mapper may make
// invalid UTF-8.
func FuzzOps(f *testing.F) {
	for _, s := range []string{"", "a cat", "â€œmojibakeâ€\u009d cafÃ© &amp;eacute;", "\\newcommand{\\foo}{bar}\\foo and", "/* copyright */ x", "a\r\nb\u2028c", "<p>a<li>b</p>", "% x\ny", "x\n1 2 3\n4 5 6\n", "mail a@b.c 1.2.3.4 http://x.y/z", "Σίσυφος İ", "。。。……”"} {
		f.Add(s)
	}
	var steps []Step
	for _, name := range Names() {
		if s, err := New(name, nil); err == nil {
			if _, ok := s.Op.(modelled); !ok && kindOf(s.Op) != "selector" {
				steps = append(steps, s)
			}
		}
	}
	chunk, err := New("text_chunk_mapper", []byte("{max_len: 5, overlap_len: 2}"))
	if err != nil {
		f.Fatal(err)
	}
	steps = append(steps, chunk)
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || len(text) > 500 {
			return
		}
		for _, s := range steps {
			r := NewRow(&dataset.Sample{Fields: dataset.Struct{{Name: "text", Value: text}, {Name: suffixColumn, Value: ".x"}}}, Keys{})
			switch op := s.Op.(type) {
			case Filter:
				if op.Measure(context.Background(), r) == nil {
					op.Keep(r)
				}
			case Mapper:
				rows, err := op.Map(context.Background(), r)
				for _, r := range rows {
					if out, _ := r.Text(); err == nil && !utf8.ValidString(out) {
						t.Fatalf("%s makes %q of %q", s.Name, out, text)
					}
				}
			case Deduplicator:
				if op.Hash(context.Background(), r) == nil {
					op.Reduce(context.Background(), 2, slices.Values([]*Row{r, r.Copy()}))
				}
			}
		}
	})
}
