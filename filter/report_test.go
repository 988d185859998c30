package filter

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/easel-go/easel/dataset"
)

// tinyReport runs the tiny recipe and writes its report.
func tinyReport(t *testing.T, name string) (*Report, string) {
	tinyDir(t)
	rep, err := tinyRecipe(t).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs(name)
	if err == nil {
		err = rep.WriteFile(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return rep, path
}

func TestReportText(t *testing.T) {
	_, path := tinyReport(t, "report.txt")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"64 samples read, 54 kept, 9 dropped, 1 failed", "image_shape_filter", "min_width 64", "metadata.jsonl#62"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("the report lacks %q:\n%s", want, b)
		}
	}
}

// TestReportOfNoPictures checks that a sample without pictures has no numbers, which is a
// list of none for the page's program.
func TestReportOfNoPictures(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("rows.jsonl", []byte(`{"text": "a", "images": []}`+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	rec, err := ParseRecipe(strings.NewReader("dataset_path: rows.jsonl\nexport_path: out/r.jsonl\nprocess: [image_shape_filter: ]"))
	if err != nil {
		t.Fatal(err)
	}
	rep, err := rec.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(rep.Ops[0].Samples)
	if string(b) != "[[[],[]]]" || err != nil {
		t.Errorf("numbers %s, want none of two (%v)", b, err)
	}
}

func TestReportJSON(t *testing.T) {
	rep, path := tinyReport(t, "report.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if back.Kept != rep.Kept || len(back.Ops) != 3 || len(back.Ops[0].Bounds[0].Histogram) == 0 || len(back.Ops[0].Samples) != 63 {
		t.Errorf("the report reads back as %+v", back)
	}
	n := 0
	for _, bin := range back.Ops[1].Bounds[0].Histogram {
		n += bin.Count
	}
	if n != 60 {
		t.Errorf("the histogram counts %d pictures, want 60", n)
	}
}

// TestReportInBrowser opens the page in Chromium, with the thresholds as they were and
// with one moved, and reads how many samples it says would stay.
func TestReportInBrowser(t *testing.T) {
	browser := chromium()
	if browser == "" {
		t.Skip("Skipped: no Chromium to open the report in")
	}
	rep, path := tinyReport(t, "report.html")
	widths, ratios := 0, 0
	for _, s := range rep.Ops[0].Samples {
		if s[0][0] >= 100 && s[1][0] >= 64 {
			widths++
		}
	}
	for _, s := range rep.Ops[1].Samples {
		if s[0][0] >= 0.5 && s[0][0] <= 1.1 {
			ratios++
		}
	}
	for hash, want := range map[string][2]int{
		"": {rep.Ops[0].Kept, rep.Ops[1].Kept},
		"#image_shape_filter.min_width=100&image_aspect_ratio_filter.max_ratio=1.1": {widths, ratios},
	} {
		page := domOf(t, browser, "file://"+filepath.ToSlash(path)+hash)
		for i, o := range rep.Ops[:2] {
			m := regexp.MustCompile(`<section id="` + o.Name + `">.*?data-stay="(\d+)"`).FindStringSubmatch(page)
			if m == nil {
				t.Fatalf("the page shows no %s", o.Name)
			}
			if have, _ := strconv.Atoi(m[1]); have != want[i] {
				t.Errorf("%s %s: %d would stay, want %d", o.Name, hash, have, want[i])
			}
		}
		if n := strings.Count(page, `src="data:image/jpeg;base64,`); n < 10 {
			t.Errorf("the page shows %d pictures, want those next to the bounds", n)
		}
	}
}

func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// domOf returns what became of a page once its script ran.
func domOf(t *testing.T, browser, url string) string {
	cmd := exec.CommandContext(t.Context(), browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--user-data-dir="+t.TempDir(), "--dump-dom", url)
	cmd.WaitDelay = 5 * time.Second
	b, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	return strings.ReplaceAll(string(b), "\n", " ")
}

// TestReportIsBounded checks that a report of many samples is no larger than one of a
// few thousand.
func TestReportIsBounded(t *testing.T) {
	step, err := New("text_length_filter", []byte("min_len: 3"))
	if err != nil {
		t.Fatal(err)
	}
	p := newReport(&Recipe{Steps: []Step{step}})
	for i := range 10 * drawn {
		r := NewRow(&dataset.Sample{Fields: dataset.Struct{{Name: "text", Value: strconv.Itoa(i)}}}, Keys{})
		if err := step.Op.(Filter).Measure(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		keep, _ := step.Op.(Filter).Keep(r)
		r.rule(Verdict{Op: step.Name, Kept: keep, Bounds: step.Op.(bounded).Bounds()})
		p.add(r)
	}
	rep := p.finish(&source{rec: &Recipe{}}, nil, 0)
	if len(rep.Ops[0].Samples) != drawn || rep.Ops[0].In != 10*drawn || len(rep.Ops[0].Bounds[0].Near) > 4*neighbours {
		t.Errorf("%d numbers of %d, %d neighbours", len(rep.Ops[0].Samples), rep.Ops[0].In, len(rep.Ops[0].Bounds[0].Near))
	}
	if q := rep.Ops[0].Bounds[0].Quantiles; q[3] != 5 || q[0] > 2 || q[6] != 5 {
		t.Errorf("quantiles %v, want a median and a greatest of 5", q)
	}
}
