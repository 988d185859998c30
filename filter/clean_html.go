package filter

import (
	"context"
	"strings"

	"golang.org/x/net/html"
)

func init() {
	Register("clean_html_mapper", func() Op { return &cleanHTML{} })
}

// cleanHTML keeps the text of HTML's body. Items of lists begin a line with a star.
type cleanHTML struct{}

var listItems = strings.NewReplacer("<li>", "\n*", "</li>", "", "<ol>", "\n*", "</ol>", "")

func (cleanHTML) Map(_ context.Context, r *Row) ([]*Row, error) {
	return r.mapText(func(text string) (string, error) {
		doc, err := html.Parse(strings.NewReader(listItems.Replace(text)))
		if err != nil {
			return "", &Error{Kind: Invalid, Op: "filter", What: "HTML", Err: err}
		}
		var b strings.Builder
		for n := range doc.Descendants() {
			if n.Type == html.TextNode && within(n, "body") {
				b.WriteString(n.Data)
			}
		}
		return b.String(), nil
	})
}

func within(n *html.Node, tag string) bool {
	for n = n.Parent; n != nil; n = n.Parent {
		if n.Type == html.ElementNode && n.Data == tag {
			return true
		}
	}
	return false
}
