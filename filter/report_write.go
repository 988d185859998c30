package filter

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"path/filepath"
	"strings"

	"github.com/easel-go/easel/internal/imageio"
)

// String is the report as text: a line for each op, and for each statistic.
func (p *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d samples read, %d kept, %d dropped, %d failed", p.Read, p.Kept, p.Dropped, p.Failed)
	if p.NoText > 0 {
		fmt.Fprintf(&b, ", %d without text", p.NoText)
	}
	fmt.Fprintf(&b, " in %v\n", p.Took.Round(1e6))
	for _, o := range p.Ops {
		fmt.Fprintf(&b, "  %-36s %8d in %8d kept %8d dropped %6d failed\n", o.Name, o.In, o.Kept, o.Dropped, o.Failed)
		for _, s := range o.Bounds {
			if s.Count > 0 {
				fmt.Fprintf(&b, "    %-34s mean %.6g, least %.6g, quartiles %.6g %.6g %.6g, greatest %.6g%s\n", s.Stat, s.Mean,
					s.Quantiles[0], s.Quantiles[2], s.Quantiles[3], s.Quantiles[4], s.Quantiles[6], s.want())
			}
		}
	}
	for i, e := range p.Errors {
		if i == 10 {
			fmt.Fprintf(&b, "  … %d more in rejects.jsonl\n", p.Failed-i)
			break
		}
		fmt.Fprintf(&b, "  %s: %s: %s\n", e.ID, e.Op, e.Reason)
	}
	if len(p.Ignored) > 0 {
		fmt.Fprintf(&b, "  settings without meaning here: %s\n", strings.Join(p.Ignored, ", "))
	}
	for _, f := range p.Files {
		fmt.Fprintf(&b, "  wrote %s\n", f)
	}
	return b.String()
}

func (b *BoundReport) want() string {
	s := ""
	if b.Min != nil {
		s += fmt.Sprintf(", %s %g", b.MinName, *b.Min)
	}
	if b.Max != nil {
		s += fmt.Sprintf(", %s %g", b.MaxName, *b.Max)
	}
	return s
}

// WriteFile writes the report in the form that path's suffix asks for: .html, one page
// with everything in it, .json, or text. An existing file is replaced once the new one
// is whole.
func (p *Report) WriteFile(path string) error {
	var b []byte
	var err error
	switch strings.ToLower(filepath.Ext(path)) {
	case ".html", ".htm":
		b, err = p.HTML()
	case ".json":
		b, err = json.MarshalIndent(p, "", " ")
	default:
		b = []byte(p.String())
	}
	if err != nil {
		return &Error{Kind: Invalid, Op: "filter", What: "report", Err: err}
	}
	f, err := newPartial(path)
	if err != nil {
		return err
	}
	if err := f.write(b); err != nil {
		f.abort()
		return err
	}
	return f.close(path)
}

//go:embed report.html
var pageText string

var page = template.Must(template.New("report").Parse(pageText))

// HTML returns the report as one page that needs nothing else: counts, histograms with
// sliders that show how many samples would stay, and pictures of the samples next to
// each bound.
func (p *Report) HTML() ([]byte, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	thumbs, err := json.Marshal(p.thumbnails())
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = page.Execute(&b, map[string]any{"Report": p, "Seconds": p.Took.Seconds(), "Data": template.JS(data), "Thumbs": template.JS(thumbs)})
	return b.Bytes(), err
}

// thumbnails returns small pictures of the neighbours as data URLs, by file.
func (p *Report) thumbnails() map[string]string {
	out := map[string]string{}
	for _, o := range p.Ops {
		for _, b := range o.Bounds {
			for _, n := range b.Near {
				if _, ok := out[n.Picture]; n.Picture != "" && !ok {
					out[n.Picture] = thumbnail(n.Picture)
				}
			}
		}
	}
	return out
}

// thumbnail returns "" for a picture that cannot be shown.
func thumbnail(file string) string {
	b, err := readPicture(file)
	if err != nil {
		return ""
	}
	pic, err := imageio.DecodeRGB(b, imageio.Tolerant)
	if err != nil {
		return ""
	}
	if pic, err = pic.Thumbnail(112, 112); err != nil {
		return ""
	}
	var buf bytes.Buffer
	if err := imageio.EncodeJPEG(&buf, pic, imageio.JPEGOptions{}); err != nil {
		return ""
	}
	return "data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(buf.Bytes())
}
