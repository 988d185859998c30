package fakehub

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// span is the part of a file that a request asks for.
type span struct {
	from, to int64 // inclusive
	code     int
}

func (c *call) span(size int64) (span, bool) {
	whole := span{0, size - 1, 200}
	spec, ok := strings.CutPrefix(c.r.Header.Get("Range"), "bytes=")
	if !ok || c.do() == "ignore_range" {
		return whole, true
	}
	a, b, _ := strings.Cut(spec, "-")
	from, errA := strconv.ParseInt(a, 10, 64)
	to, errB := strconv.ParseInt(b, 10, 64)
	switch {
	case errA != nil && errB != nil:
		return whole, true
	case errA != nil:
		from, to = max(0, size-to), size-1
	case errB != nil:
		to = size - 1
	}
	to = min(to, size-1)
	return span{from, to, 206}, from < size && from <= to
}

// content sends a file, with the faults of bodies.
func (c *call) content(data []byte, headers map[string]string) {
	size := int64(len(data))
	sp, ok := c.span(size)
	if !ok {
		c.reply(416, nil, map[string]string{"Content-Range": fmt.Sprintf("bytes */%d", size), "Content-Type": "text/plain"})
		return
	}
	h := c.w.Header()
	for k, v := range headers {
		h.Set(k, v)
	}
	if sp.code == 206 {
		total := size
		switch c.do() {
		case "bad_range":
			shift := int64(orInt(c.fault.Shift, 1))
			sp.from, sp.to = sp.from-shift, sp.to-shift
		case "bad_total":
			if total++; c.fault.Total != nil {
				total = *c.fault.Total
			}
		}
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", sp.from, sp.to, total))
	}
	body := slices.Clone(data[sp.from : sp.to+1])
	c.send(sp.code, c.spoil(body, sp))
}

// spoil changes the body and its headers.
func (c *call) spoil(body []byte, sp span) []byte {
	h := c.w.Header()
	switch c.do() {
	case "flip":
		if at := int64(c.fault.At); sp.from <= at && at <= sp.to {
			body[at-sp.from] ^= 1
		}
	case "replace":
		body = []byte(c.fault.With)
	case "etag":
		h.Set("ETag", fmt.Sprintf(`"changed-%d"`, c.fault.hits))
	case "no_etag":
		h.Del("ETag")
		h.Del("X-Linked-ETag")
		h.Del("X-Repo-Commit")
	case "chunked":
		if c.fault.Gzip && strings.Contains(c.r.Header.Get("Accept-Encoding"), "gzip") {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			z.Write(body)
			z.Close()
			h.Set("Content-Encoding", "gzip")
			body = b.Bytes()
		}
	}
	return body
}

func orInt(p *int, or int) int {
	if p != nil {
		return *p
	}
	return or
}

func (c *call) send(code int, body []byte) {
	h := c.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Accept-Ranges", "bytes")
	n := len(body)
	if c.do() == "length" {
		n += orInt(c.fault.Delta, 1)
	}
	if c.do() != "chunked" {
		h.Set("Content-Length", strconv.Itoa(n))
	}
	c.w.WriteHeader(code)
	if c.r.Method == http.MethodHead {
		return
	}
	c.mu.Lock()
	c.seen[c.at].Body = true
	c.mu.Unlock()
	switch c.do() {
	case "drop":
		c.w.Write(body[:min(len(body), orInt(c.fault.After, len(body)/2))])
		c.w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	case "slow":
		c.drip(body)
	case "chunked":
		c.w.Write(body)
		c.w.(http.Flusher).Flush()
		if c.fault.Cut {
			panic(http.ErrAbortHandler)
		}
	default:
		c.w.Write(body[:min(n, len(body))])
	}
}

func (c *call) drip(body []byte) {
	step, delay := c.fault.Step, c.fault.Delay
	if step == 0 {
		step = 64
	}
	if delay == 0 {
		delay = 0.05
	}
	for len(body) > 0 {
		n := min(step, len(body))
		c.w.Write(body[:n])
		c.w.(http.Flusher).Flush()
		body = body[n:]
		time.Sleep(time.Duration(delay * float64(time.Second)))
	}
}

// object answers for the storage: signed addresses only, and no credentials.
func (c *call) object() {
	sum := path.Base(c.path)
	sig := c.query.Get("Signature")
	c.mu.Lock()
	data, ok := c.objects[sum]
	c.uses[sig]++
	used, leaked := c.uses[sig], c.seen[c.at].Credential
	c.mu.Unlock()
	switch {
	case leaked && c.config.StrictStorage:
		c.reply(400, []byte("<Error><Code>InvalidArgument</Code></Error>"), nil)
	case !ok || sig == "" || c.config.PresignUses > 0 && used > c.config.PresignUses:
		c.reply(403, []byte("<Error><Code>AccessDenied</Code></Error>"), nil)
	default:
		etag := md5.Sum([]byte(sum))
		c.content(data, map[string]string{"ETag": `"` + hex.EncodeToString(etag[:]) + `"`})
	}
}

// sign makes an address of the storage for a file.
func (c *call) sign(e Entry, data []byte) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.objects[e.SHA256] = data
	c.signed++
	return fmt.Sprintf("%s/obj/%s?Expires=1&Signature=s%d", c.storage, e.SHA256, c.signed)
}
