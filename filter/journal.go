package filter

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sync"

	"github.com/easel-go/easel/dataset"
)

// journal keeps what costly ops measured, in a file beside the result, until the run is
// over. A killed run that is resumed reads everything again but measures only what is
// not in the journal; since nothing depends on when a sample was measured, it ends with
// the same bytes. An entry is about an op with its parameters and a row with its
// pictures' sizes and times, so that what changed meanwhile is measured anew. A nil
// journal keeps nothing.
type journal struct {
	path  string
	ops   [][]byte // each op's name and parameters
	known map[[16]byte]dataset.Struct

	mu  sync.Mutex
	f   *os.File
	w   *bufio.Writer
	now int // entries since the last flush
}

// costly marks built-in ops whose measurements are worth keeping: those that decode
// pictures, or ask a model. A user's ops are always taken for costly.
type costly interface{ costly() }

func (*imageDedup) costly() {}
func (*scored) costly()     {}

var ownPackage = reflect.TypeFor[Row]().PkgPath()

func isCostly(op Op) bool {
	if _, ok := op.(costly); ok {
		return true
	}
	t := reflect.TypeOf(op)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath() != ownPackage
}

// openJournal starts the recipe's journal, or goes on with what is there. It returns nil
// if no op is worth one.
func (rec *Recipe) openJournal() (*journal, error) {
	j := &journal{path: filepath.Join(filepath.Dir(rec.ExportPath), "."+filepath.Base(rec.ExportPath)+".journal"), known: map[[16]byte]dataset.Struct{}}
	worth := false
	for _, s := range rec.Steps {
		worth = worth || isCostly(s.Op)
		params, err := json.Marshal(s.Op)
		if err != nil {
			params = fmt.Appendf(nil, "%+v", s.Op)
		}
		j.ops = append(j.ops, fmt.Appendf(nil, "%s %s %+v", s.Name, params, s.Keys))
	}
	if !worth {
		return nil, nil
	}
	flags := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if rec.Resume {
		if err := j.read(); err != nil {
			return nil, err
		}
	} else {
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(j.path, flags, 0o666)
	if err != nil {
		return nil, &Error{Kind: Invalid, Op: "filter", What: "journal", Err: err}
	}
	j.f, j.w = f, bufio.NewWriter(f)
	j.w.WriteByte('\n') // ends a line that a kill cut off
	return j, nil
}

// read takes in the entries that are whole.
func (j *journal) read() error {
	f, err := os.Open(j.path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return &Error{Kind: Invalid, Op: "filter", What: "journal", Err: err}
	}
	defer f.Close()
	lines := bufio.NewReader(f)
	for {
		line, err := readLine(lines)
		if err != nil {
			return nil // the end, or damage: what is missing is measured again
		}
		var key [16]byte
		if len(line) < 34 || line[len(line)-1] != '\n' {
			continue
		}
		if _, err := hex.Decode(key[:], line[:32]); err != nil {
			continue
		}
		if v, err := dataset.ParseJSON(bytes.TrimSpace(line[33:])); err == nil {
			if s, ok := v.(dataset.Struct); ok {
				j.known[key] = s
			}
		}
	}
}

// measure is op.Measure, or what the journal has of it, rounded as the statistics
// column rounds.
func (j *journal) measure(ctx context.Context, step int, op Filter, r *Row) error {
	defer r.Stats.round()
	if j == nil || !isCostly(op) {
		return op.Measure(ctx, r)
	}
	key := j.key(step, r)
	if known, ok := j.known[key]; ok {
		for _, f := range known {
			r.Stats.Set(f.Name, f.Value)
		}
		return nil
	}
	had := len(r.Stats.fields)
	err := op.Measure(ctx, r)
	if err == nil {
		j.add(key, r.Stats.fields[had:])
	}
	return err
}

// hash is op.Hash, or what the journal has of it.
func (j *journal) hash(ctx context.Context, step int, op Deduplicator, r *Row) error {
	if j == nil || !isCostly(op) {
		return op.Hash(ctx, r)
	}
	key := j.key(step, r)
	if known, ok := j.known[key]; ok {
		for _, f := range known {
			r.Sample.Set(f.Name, f.Value)
		}
		return nil
	}
	had := len(r.Sample.Fields)
	err := op.Hash(ctx, r)
	if err == nil {
		j.add(key, r.Sample.Fields[had:])
	}
	return err
}

// key tells apart whatever could make a measurement differ.
func (j *journal) key(step int, r *Row) [16]byte {
	b := append([]byte(nil), j.ops[step]...)
	b = dataset.AppendJSON(b, r.columns())
	pics, _, _ := r.pictures()
	for _, p := range pics {
		if st, err := os.Stat(p.file()); err == nil {
			b = fmt.Appendf(b, " %d %d", st.Size(), st.ModTime().UnixNano())
		}
	}
	return md5.Sum(b)
}

func (j *journal) add(key [16]byte, fields dataset.Struct) {
	line := hex.AppendEncode(nil, key[:])
	line = append(dataset.AppendJSON(append(line, ' '), fields), '\n')
	j.mu.Lock()
	defer j.mu.Unlock()
	j.w.Write(line)
	if j.now++; j.now == 64 {
		j.w.Flush()
		j.now = 0
	}
}

// close ends the journal. done says that the run is over, so that nobody needs it.
func (j *journal) close(done bool) {
	if j == nil {
		return
	}
	j.w.Flush()
	j.f.Close()
	if done {
		os.Remove(j.path)
	}
}
