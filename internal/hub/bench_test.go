package hub

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bigHub serves one large file as ModelScope does.
func bigHub(b *testing.B, size int) (*httptest.Server, []byte) {
	data := make([]byte, size)
	rand.NewChaCha8([32]byte{1}).Read(data)
	sum := sha256.Sum256(data)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/repo/files") {
			json.NewEncoder(w).Encode(map[string]any{"Code": 200, "Success": true, "Data": map[string]any{"Files": []any{
				map[string]any{"Path": "w.bin", "Type": "blob", "Size": size, "Sha256": hex.EncodeToString(sum[:])}}}})
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(size))
		w.Write(data)
	}))
	b.Cleanup(s.Close)
	return s, data
}

// BenchmarkFetch fetches a file over the loopback, verified; "copy" is io.Copy from the
// same server into a file that is synced to the disk, without a hash.
func BenchmarkFetch(b *testing.B) {
	const size = 256 << 20
	server, _ := bigHub(b, size)
	dir := b.TempDir()
	var fetch, plain time.Duration
	b.SetBytes(size)
	for b.Loop() {
		start := time.Now()
		c := &Client{Endpoint: server.URL}
		if _, err := c.Fetch(b.Context(), Request{Repo: Repo{ID: "a/b"}, Dir: dir}); err != nil {
			b.Fatal(err)
		}
		fetch += time.Since(start)
		os.Remove(filepath.Join(dir, "w.bin"))
		start = time.Now()
		copyPlainly(b, server.URL+"/x", filepath.Join(dir, "plain"))
		plain += time.Since(start)
		os.Remove(filepath.Join(dir, "plain"))
	}
	b.ReportMetric(plain.Seconds()/fetch.Seconds(), "×copy")
	b.ReportMetric(size*float64(b.N)/1e6/fetch.Seconds(), "MB/s-verified")
}

func copyPlainly(b *testing.B, url, file string) {
	r, err := http.Get(url)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Body.Close()
	f, err := os.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(f, r.Body); err != nil {
		b.Fatal(err)
	}
	f.Sync()
	f.Close()
}
