package weights

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
)

// torchZip wraps a pickle as torch.save does, compressed where deflate says so.
func torchZip(t testing.TB, program string, deflate bool, storages ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	add := func(name, content string) {
		h := &zip.FileHeader{Name: "a/" + name, Method: zip.Store}
		if deflate {
			h.Method = zip.Deflate
		}
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = io.WriteString(w, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add("data.pkl", program)
	for i, s := range storages {
		add(fmt.Sprintf("data/%d", i), s)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const (
	float4 = "(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ" // storage 0, of 4 floats
	vector = "ctorch._utils\n_rebuild_tensor_v2\n(" + float4 + "K\x00K\x04\x85K\x01\x85\x89}tR"
)

// TestMemoryOfPickles repeats what a pickle can ask for with the fewest bytes: the
// heap stays within 4 × the file + 16 MiB, whether the pickle lies there as it is or
// compressed a thousandfold.
func TestMemoryOfPickles(t *testing.T) {
	const size = 1 << 18
	for _, unit := range []string{
		"(", "]", "}", ")", "N", "2", "K\x01", "M\xff\xff", "G12345678", "J1234", "\x8a\x01\x01", "\x8a\x09123456789",
		"X\x00\x00\x00\x00", "X\x01\x00\x00\x00a", "\x8c\x00", "U\x00", "C\x00", "C\x01a", "S''\n", "V\n", "I1\n", "L1L\n", "F1\n",
		"]q\x00", "\x94", "N\x94", "]\x94", "Nq\x01", "]]a", "]Na", "](NNe", "}NNs", "}(NNu", "N\x85", "NN\x86", "NNN\x87", "(l", "(t", "(d",
		"(]]l", "\x8f", "\x8f(N\x90", "(\x91", "h\x01", "0N", "ctorch\nSize\n", "ctorch\nfloat32\n", "ctorch\ndevice\n", "ctorch\ndevice\n)R",
		"ccollections\nOrderedDict\n)R", float4, "\x85", "1(", "h\x00h\x00\x86q\x00", "(h\x00h\x00tq\x00", "}X\x01\x00\x00\x00a" + vector + "s",
		"c_codecs\nencode\nX\x08\x00\x00\x00aaaaaaaa\x85R",
	} {
		for _, start := range []string{"]q\x00", "}("} {
			program := "\x80\x04" + start + strings.Repeat(unit, size/len(unit)) + "."
			for _, deflate := range []bool{false, true} {
				b := torchZip(t, program, deflate, strings.Repeat("\x00", 16))
				bounded(t, fmt.Sprintf("%q %q…, deflated %v", start, unit, deflate), int64(len(b)), func() {
					if src, err := parse("x.pt", &mapping{data: b}); err == nil {
						for _, name := range src.Names() {
							src.Tensor(name)
						}
					}
				})
			}
		}
	}
}

// TestMemoryOfHeaders: the same for headers of safetensors with very many tensors.
func TestMemoryOfHeaders(t *testing.T) {
	for what, tensor := range map[string]func(i int) string{
		"scalars": func(i int) string { return fmt.Sprintf(`"%x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`, i) },
		"rank 32": func(i int) string {
			return fmt.Sprintf(`"%x":{"dtype":"U8","shape":[%s0],"data_offsets":[0,0]}`, i, strings.Repeat("1,", 31))
		},
		"metadata": nil,
	} {
		var h strings.Builder
		h.WriteString(`{"__metadata__":{`)
		for i := 0; tensor == nil && i < maxTensors-1; i++ {
			fmt.Fprintf(&h, `"%x":"",`, i)
		}
		h.WriteString(`"last":""}`)
		for i := 0; tensor != nil && i < maxTensors; i++ {
			h.WriteString("," + tensor(i))
		}
		h.WriteString("}")
		b := append(binary.LittleEndian.AppendUint64(nil, uint64(h.Len())), h.String()...)
		bounded(t, what, int64(len(b)), func() {
			if _, err := readSafetensors("x", &mapping{data: b}); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		})
	}
}

// TestMemoryOfOneTensor: the same for a tensor of very many unknown fields, and for
// metadata without end.
func TestMemoryOfOneTensor(t *testing.T) {
	for _, end := range []string{`"a":{%s"dtype":"U8","shape":[0],"data_offsets":[0,0]}`, `"__metadata__":{%s"last":""}`} {
		var fields strings.Builder
		for i := range 1_000_000 {
			fmt.Fprintf(&fields, `"%x":"",`, i)
		}
		h := "{" + fmt.Sprintf(end, fields.String()) + "}"
		b := append(binary.LittleEndian.AppendUint64(nil, uint64(len(h))), h...)
		bounded(t, end, int64(len(b)), func() { readSafetensors("x", &mapping{data: b}) })
	}
}

// TestMemoryOfDirectories: the same for zip archives that are all directory, and for
// indexes of very many tensors.
func TestMemoryOfDirectories(t *testing.T) {
	for _, entries := range []int{60_000, 200_000} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for i := range entries {
			if _, err := z.CreateRaw(&zip.FileHeader{Name: fmt.Sprintf("%x", i)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		bounded(t, fmt.Sprintf("%d entries", entries), int64(b.Len()), func() {
			if _, err := parse("x.pt", &mapping{data: b.Bytes()}); err == nil {
				t.Error("accepted")
			}
		})
	}
	var index strings.Builder
	index.WriteString(`{"weight_map":{"a":"a"`)
	for i := range 1_000_000 {
		fmt.Fprintf(&index, `,"%x":"b"`, i)
	}
	index.WriteString("}}")
	bounded(t, "index", int64(index.Len()), func() {
		if _, err := parseIndex([]byte(index.String())); err == nil {
			t.Error("accepted")
		}
	})
}

// TestTimeOfShared: a long list that lies at very many places does not take their
// product in time.
func TestTimeOfShared(t *testing.T) {
	const n = 100_000
	program := "\x80\x02](]q\x00(" + strings.Repeat("K\x00", n) + "e" + strings.Repeat("h\x00", n) + "e."
	b := torchZip(t, program, false)
	bounded(t, "shared list", int64(len(b)), func() {
		if _, err := parse("x.pt", &mapping{data: b}); err == nil {
			t.Error("accepted")
		}
	})
}
