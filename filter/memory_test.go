package filter

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMemory sends many rows through recipes and watches what lives on the heap:
// nothing for ops that see a sample at a time, and a few bytes a sample for those that
// must remember it. EASEL_BIG=1 makes it ten million rows.
func TestMemory(t *testing.T) {
	n, spare := 20_000, uint64(24<<20)
	if os.Getenv("EASEL_BIG") != "" {
		n, spare = 10_000_000, 48<<20
	} else if testing.Short() {
		t.Skip("Skipped: takes seconds")
	}
	data := manyRows(t, n)
	for _, c := range []struct {
		name, process, more string
		perRow              uint64 // bytes
	}{
		{"text", "[text_length_filter: {min_len: 1, max_len: 120}, words_num_filter: {min_num: 1}, alphanumeric_filter: , special_characters_filter: {max_ratio: 1}, whitespace_normalization_mapper: ]", "", 0},
		{"exact", "[document_deduplicator: ]", "", 64},
		{"near", "[document_deduplicator: , document_minhash_deduplicator: ]", "", 64 + 512},
		{"simhash", "[document_simhash_deduplicator: {hamming_distance: 1, num_blocks: 4}]", "", 128},
		{"lines", "[document_line_deduplicator: ]", "", 64},
		{"selector", "[random_selector: {select_ratio: 0.5}]", "", 64},
		{"strict", "[text_length_filter: {min_len: 1}, words_num_filter: {min_num: 1}, whitespace_normalization_mapper: , document_deduplicator: ]", "compat: strict", 64},
	} {
		if only := os.Getenv("EASEL_ONLY"); only != "" && only != c.name {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			rec, err := ParseRecipe(strings.NewReader(fmt.Sprintf("dataset_path: %s\nexport_path: %s\nnp: 2\nprocess: %s\n%s\n", data, filepath.Join(t.TempDir(), "result.jsonl"), c.process, c.more)))
			if err != nil {
				t.Fatal(err)
			}
			live := liveHeap()
			start := time.Now()
			rep, err := rec.Run(t.Context())
			took := time.Since(start)
			grown := live()
			if err != nil || rep.Read != n {
				t.Fatal(rep, err)
			}
			t.Logf("%d rows, %d kept, %.0f rows/s; %d MiB live at most, %.0f bytes a row; greatest RSS of the process %d MiB", n, rep.Kept, float64(n)/took.Seconds(), grown>>20, float64(grown)/float64(n), greatestRSS()>>20)
			if limit := spare + c.perRow*uint64(n); grown > limit {
				t.Errorf("%d bytes live, want at most %d", grown, limit)
			}
		})
	}
}

// manyRows writes n rows, of which a tenth repeat another one, and a tenth nearly.
func manyRows(t *testing.T, n int) string {
	path := filepath.Join(t.TempDir(), "rows.jsonl")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	words := strings.Fields("a photo of two red cats on the sofa under green trees beside an old wooden house in warm evening light with soft shadows")
	for i := range n {
		seed := uint64(i)
		if i%10 >= 8 {
			seed -= 5
		}
		r := rand.New(rand.NewPCG(seed, 7))
		fmt.Fprintf(w, `{"text": "%d`, seed)
		for range 12 {
			fmt.Fprintf(w, " %s%d", words[r.IntN(len(words))], r.IntN(100))
		}
		if i%10 == 9 {
			w.WriteString(" again")
		}
		fmt.Fprintf(w, "\", \"id\": %d}\n", i)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return path
}

// liveHeap watches what the garbage collector finds alive, until it is called, and
// returns how far that rose.
func liveHeap() (stop func() uint64) {
	read := func() uint64 {
		s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	runtime.GC()
	base := read()
	top := base
	done, finished := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(finished)
		for {
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
				top = max(top, read())
			}
		}
	}()
	return func() uint64 {
		close(done)
		<-finished
		return top - base
	}
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// greatestRSS returns 0 where the system does not tell.
func greatestRSS() uint64 {
	b, _ := os.ReadFile("/proc/self/status")
	m := highWater.FindSubmatch(b)
	if m == nil {
		return 0
	}
	kb, _ := strconv.ParseUint(string(m[1]), 10, 64)
	return kb << 10
}
