package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// place is where the files of one fetch go: a folder, or a snapshot in a cache. All of
// it is below root, which nothing leaves.
type place struct {
	root     *os.Root
	base     string // root on the disk
	sub      string // the snapshot's folder below it
	repo     Repo
	commitID string   // what files are asked for by
	blobs    string   // the folder of contents that a Hugging Face snapshot links to, or ""
	old      []string // folders of older clients that may hold the same files
}

// place makes the folders for a request.
func (c *Client) place(q Request, l *Listing) (*place, error) {
	p := &place{repo: q.Repo, commitID: l.Commit, base: c.cache(q.Hub)}
	switch {
	case q.Dir != "":
		p.base, p.sub = q.Dir, "."
	case q.Hub == HuggingFace:
		folder := hfFolder(q.Repo)
		p.sub, p.blobs = path.Join(folder, "snapshots", l.Commit), path.Join(folder, "blobs")
	default:
		p.sub = msSnapshot(q.Repo, q.rev())
		p.old = oldFolders(q.Repo)
	}
	if err := os.MkdirAll(p.base, 0o777); err != nil {
		return nil, wrap(Invalid, p.base, err)
	}
	root, err := os.OpenRoot(p.base)
	if err != nil {
		return nil, wrap(Invalid, p.base, err)
	}
	p.root = root
	if err := root.MkdirAll(filepath.FromSlash(p.sub), 0o777); err != nil {
		root.Close()
		return nil, wrap(Invalid, p.base, err)
	}
	return p, nil
}

func (p *place) close() { p.root.Close() }

// dir returns the folder that the files lie in.
func (p *place) dir() string { return filepath.Join(p.base, filepath.FromSlash(p.sub)) }

// final returns the name of the file's content below root.
func (p *place) final(f File) string {
	if tag := f.tag(); p.blobs != "" && tag != "" {
		return path.Join(p.blobs, tag)
	}
	return path.Join(p.sub, f.Path)
}

// tag is what Hugging Face names a content by.
func (f File) tag() string {
	if f.SHA256 != "" {
		return f.SHA256
	}
	return f.SHA1
}

func (p *place) part(f File) string { return p.final(f) + ".incomplete" }

// have reports whether the file is in its place. A content in Hugging Face's cache is
// named by its hash and trusted if its size is right; elsewhere the hash is checked.
func (p *place) have(f File) (bool, error) {
	ok := p.holds(p.final(f), f, p.blobs != "")
	for _, dir := range p.old {
		if ok || f.SHA256 == "" {
			break
		}
		if ok = p.holds(path.Join(dir, f.Path), f, false); ok {
			return true, p.adopt(path.Join(dir, f.Path), f)
		}
	}
	if ok && p.blobs != "" {
		return true, p.link(f)
	}
	return ok, nil
}

func (p *place) holds(name string, f File, trust bool) bool {
	r, err := p.root.Open(filepath.FromSlash(name))
	if err != nil {
		return false
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil || !info.Mode().IsRegular() || f.Size >= 0 && info.Size() != f.Size {
		return false
	}
	if trust && f.tag() != "" {
		return true
	}
	return f.tag() != "" && f.verify(r) == nil
}

// adopt gives a verified file of an older client's folder its place in the new one.
func (p *place) adopt(name string, f File) error {
	final := filepath.FromSlash(p.final(f))
	if err := p.mkdir(final); err != nil {
		return err
	}
	p.root.Remove(final)
	if p.root.Link(filepath.FromSlash(name), final) == nil {
		return nil
	}
	b, err := p.root.Open(filepath.FromSlash(name))
	if err != nil {
		return wrap(Invalid, name, err)
	}
	defer b.Close()
	part, err := p.openPart(f)
	if err != nil {
		return err
	}
	defer part.Close()
	if err := part.Truncate(0); err != nil {
		return wrap(Invalid, name, err)
	}
	if _, err := part.ReadFrom(b); err != nil {
		return wrap(Invalid, name, err)
	}
	return p.commit(f, part)
}

func (p *place) mkdir(name string) error {
	return wrap(Invalid, name, p.root.MkdirAll(filepath.Dir(name), 0o777))
}

// openPart opens what came so far of a file.
func (p *place) openPart(f File) (*os.File, error) {
	name := filepath.FromSlash(p.part(f))
	if err := p.mkdir(name); err != nil {
		return nil, err
	}
	part, err := p.root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	return part, wrap(Invalid, f.Path, err)
}

func (p *place) dropPart(f File) { p.root.Remove(filepath.FromSlash(p.part(f))) }

// commit gives a verified part its final name.
func (p *place) commit(f File, part *os.File) error {
	if err := errors.Join(part.Sync(), part.Close()); err != nil {
		return wrap(Invalid, f.Path, err)
	}
	final := filepath.FromSlash(p.final(f))
	if err := p.root.Rename(filepath.FromSlash(p.part(f)), final); err != nil {
		return wrap(Invalid, f.Path, err)
	}
	if p.blobs != "" {
		return p.link(f)
	}
	return p.bookkeep(f)
}

// link makes the snapshot's file a relative link to its content, or a copy of it where
// links are not possible.
func (p *place) link(f File) error {
	name := path.Join(p.sub, f.Path)
	content := p.final(f)
	if name == content {
		return nil
	}
	target := filepath.FromSlash(relative(path.Dir(name), content))
	local := filepath.FromSlash(name)
	if have, err := p.root.Readlink(local); err == nil && have == target {
		return nil
	}
	if p.blobs != "" && p.holds(name, f, true) {
		return nil
	}
	if err := p.mkdir(local); err != nil {
		return err
	}
	if err := p.root.Remove(local); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return wrap(Invalid, f.Path, err)
	}
	if p.root.Symlink(target, local) == nil {
		return nil
	}
	if p.root.Link(filepath.FromSlash(content), local) == nil {
		return nil
	}
	return wrap(Invalid, f.Path, p.root.Rename(filepath.FromSlash(content), local))
}

// relative returns the way from folder dir to content: up to where they part, then
// down.
func relative(dir, content string) string {
	d, c := strings.Split(dir, "/"), strings.Split(content, "/")
	for len(d) > 0 && len(c) > 1 && d[0] == c[0] {
		d, c = d[1:], c[1:]
	}
	return strings.Repeat("../", len(d)) + strings.Join(c, "/")
}

// bookkeep notes what the Python client notes beside files in a folder of the user's.
func (p *place) bookkeep(f File) error {
	if p.sub != "." || p.repo.Hub != HuggingFace || f.tag() == "" {
		return nil
	}
	name := filepath.FromSlash(path.Join(".cache/huggingface/download", f.Path) + ".metadata")
	if err := p.mkdir(name); err != nil {
		return err
	}
	text := fmt.Sprintf("%s\n%s\n%.6f\n", p.commitID, f.tag(), float64(time.Now().UnixMicro())/1e6)
	return wrap(Invalid, f.Path, p.root.WriteFile(name, []byte(text), 0o666))
}

// finish notes what a cache knows about the snapshot once all files are there.
func (p *place) finish() error {
	if p.blobs == "" {
		return nil
	}
	folder := path.Dir(p.blobs)
	if p.repo.rev() != p.commitID {
		if err := p.write(path.Join(folder, "refs", p.repo.rev()), p.commitID); err != nil {
			return err
		}
	}
	if _, err := p.root.Stat("CACHEDIR.TAG"); err == nil {
		return nil
	}
	return p.write("CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n# A cache of models and datasets: see https://bford.info/cachedir/\n")
}

// write puts a small text in its place in one step.
func (p *place) write(name, text string) error {
	name = filepath.FromSlash(name)
	if err := p.mkdir(name); err != nil {
		return err
	}
	part := name + ".incomplete"
	if err := p.root.WriteFile(part, []byte(text), 0o666); err != nil {
		return wrap(Invalid, name, err)
	}
	return wrap(Invalid, name, p.root.Rename(part, name))
}

// lock keeps other processes, the Python clients too, from fetching the same file. It
// waits as long as ctx lasts.
func (p *place) lock(ctx context.Context, f File) (unlock func(), err error) {
	name := filepath.FromSlash(p.lockName(f))
	if err := p.mkdir(name); err != nil {
		return nil, err
	}
	file, err := p.root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, wrap(Invalid, f.Path, err)
	}
	for {
		ok, err := tryLock(file)
		if ok {
			return func() { file.Close() }, nil
		}
		if err != nil {
			file.Close()
			return nil, wrap(Unavailable, f.Path, err)
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (p *place) lockName(f File) string {
	switch {
	case p.blobs != "":
		tag := f.tag()
		if tag == "" {
			tag = hashOf(f.Path)
		}
		return path.Join(".locks", hfFolder(p.repo), tag+".lock")
	case p.sub == ".":
		return path.Join(".cache/easel", hashOf(f.Path)+".lock")
	}
	return path.Join(".lock", "file_"+hashOf("modelscope-hub-download-lock-v2\x00file\x00"+p.repo.Kind.String()+"\x00"+p.repo.ID+"\x00"+f.Path)+".lock")
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
