package dataset

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"testing/fstest"
)

// TestColumnsOfJSON: a column of unlike structs that the first row lacks stands behind
// the first row's, as Data-Juicer's key_order shows.
func TestColumnsOfJSON(t *testing.T) {
	rows := "{\"a\": 1}\n{\"y\": \"new\"}\n{\"z\": {\"k\": 1}}\n{\"z\": {\"k\": 2, \"l\": null}}\n"
	d, err := Open("a.jsonl", WithFS(fstest.MapFS{"a.jsonl": {Data: []byte(rows)}}))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for s, err := range d.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(AppendJSON(nil, s.Fields)))
	}
	want := []string{`{"a": 1, "z": null, "y": null}`, `{"a": null, "z": null, "y": "new"}`, `{"a": null, "z": {"k": 1}, "y": null}`, `{"a": null, "z": {"k": 2, "l": null}, "y": null}`}
	if !slices.Equal(lines, want) {
		t.Errorf("%q, want %q", lines, want)
	}
}

// TestJSONText checks what is read and how it is written again, against Python's json.
func TestJSONText(t *testing.T) {
	for in, want := range map[string]string{
		`[1, -0, 1.0, 1e16, 1e-5, 123456789012345678901, 18446744073709551615, 1e400]`: `[1, 0, 1.0, 1e+16, 1e-05, 1.2345678901234568e+20, 18446744073709551615, Infinity]`,
		`"\u4e8c\ud83c\udfa8\/\b\u0001\u007f\u2028"`:                                   "\"二🎨/\\b\\u0001\u007f\u2028\"",
		` { "a" : [ ] , "b" : { } , "c" : null , "d" : true } `:                        `{"a": [], "b": {}, "c": null, "d": true}`,
	} {
		v, err := ParseJSON([]byte(in))
		if have := string(AppendJSON(nil, v)); err != nil || have != want {
			t.Errorf("%s became %s (%v), want %s", in, have, err, want)
		}
	}
	ascii := string(appendJSON(nil, "二🎨\x7f\"", jsonStyle{ascii: true}))
	if want := `"\u4e8c\ud83c\udfa8\u007f\""`; ascii != want {
		t.Errorf("%s, want %s", ascii, want)
	}
	for _, bad := range []string{``, `{`, `[1,]`, `{"a":1,}`, `01`, `1.`, `.5`, `+1`, `1e`, `nul`, `"a`, `"\x"`, `"\u12"`, `{"a" 1}`, `{a:1}`, `[1 2]`, `1 2`, "\"\x01\"", `NaN`, `"\udc00"`} {
		if v, err := ParseJSON([]byte(bad)); err == nil {
			t.Errorf("%q was read as %v", bad, v)
		}
	}
}

// TestPointsInTime has strings with what Arrow 26 (datasets 4.8.4) makes of a column
// that holds them alone: seconds since 1970, or no point in time.
func TestPointsInTime(t *testing.T) {
	for s, want := range map[string]int64{
		"2024-08-11": 1723334400, "2024-08-11 10": 1723370400, "2024-08-11T10:00Z": 1723370400, "2024-08-11T10:00:00": 1723370400,
		"2024-08-11T10:00:00+02:00": 1723363200, "2024-08-11T10:00:00-0230": 1723379400, "2024-08-11 10:00:00-05": 1723388400, "2024-08-11 10+05": 1723352400,
		"2024-08-11Z": -1, "2024-08-11+02:00": -1, "2024-08-11T10:00:00.5": -1, "2024-08-11T10:00:00+2": -1, "2024-08-11T10:00:00+24:00": -1, "2024-02-30": -1,
		"2024-08-11T10:00:00+02:60": -1, "2024-08-11T10:00:00 Z": -1, "2024-08-11T": -1, "2024-08-11 1-1": -1,
	} {
		have := int64(-1)
		if u, ok := parseTime(s); ok {
			have = u.Unix()
		}
		if have != want {
			t.Errorf("%q is %d, want %d", s, have, want)
		}
	}
}

// TestBigIntegers: a column with integers beyond int64 is one of floats, as Arrow
// reads it.
func TestBigIntegers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.jsonl")
	if err := os.WriteFile(file, []byte(`{"i": 9223372036854775808, "l": [1]}`+"\n"+`{"i": 1, "l": [18446744073709551615]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s, err := d.At(1)
	if err != nil || !reflect.DeepEqual(s.Fields, Struct{{"i", 1.0}, {"l", []any{0x1p64}}}) {
		t.Errorf("%v, %v", s.Fields, err)
	}
}
