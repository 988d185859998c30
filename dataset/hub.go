package dataset

import (
	"context"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/hub"
)

// Progress is how far a download has come, in bytes.
type Progress = hub.Progress

// What can be wrong between here and a hub, for errors.Is.
const (
	NoRepo      = hub.NoRepo      // no such repository, or hidden from this caller
	NoRevision  = hub.NoRevision  // no such branch, tag or commit
	NoFile      = hub.NoFile      // listed or asked for, and not there
	NeedsToken  = hub.NeedsToken  // private, or the token is refused
	Gated       = hub.Gated       // access must be asked for on the hub's page
	Denied      = hub.Denied      // refused without a reason
	Offline     = hub.Offline     // not in the cache, and no request may be made
	Damaged     = hub.Damaged     // other bytes than the hub says
	NotAHub     = hub.NotAHub     // the answer is none of a hub: a captive portal
	Unavailable = hub.Unavailable // the network, or a hub that is down
	Redirect    = hub.Redirect    // redirects that lead nowhere
	Unsafe      = hub.Unsafe      // a path or an address that is refused
)

// WithCache keeps what Load fetches below dir, in the layout of the hub's Python
// client, which may share it. The default is that client's own cache.
func WithCache(dir string) Option {
	return func(o *options) error { o.hub.Cache = dir; return nil }
}

// WithRevision names the branch, tag or commit that Load fetches. The default is the
// hub's main branch.
func WithRevision(revision string) Option {
	return func(o *options) error { o.revision = revision; return nil }
}

// WithToken gives the hub's access token. The default is HF_TOKEN, or
// MODELSCOPE_API_TOKEN. It is sent to the hub's own scheme, host and port alone.
func WithToken(token string) Option {
	return func(o *options) error { o.hub.Token = token; return nil }
}

// WithEndpoint sets the hub's address. The default is HF_ENDPOINT, or
// MODELSCOPE_ENDPOINT, else the public one.
func WithEndpoint(address string) Option {
	return func(o *options) error { o.hub.Endpoint = address; return nil }
}

// WithOffline makes Load use what is in the cache, without any request.
func WithOffline() Option {
	return func(o *options) error { o.hub.Offline = true; return nil }
}

// OnProgress is called while Load fetches, one call at a time.
func OnProgress(f func(Progress)) Option {
	return func(o *options) error { o.hub.Progress = f; return nil }
}

// Load opens a dataset of a hub by its name there, "AI-ModelScope/lowres_anime" or
// "ms:owner/name" on ModelScope, "hf:owner/name" on Hugging Face, and fetches first
// what the cache lacks of the split that is asked for. A path on the disk is opened as
// [Open] does. Scripts in a repository are never run.
func Load(ctx context.Context, name string, opts ...Option) (*Dataset, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(name); err == nil {
		return Open(name, opts...)
	}
	repo, err := hub.ParseName(name, hub.ModelScope)
	if err != nil {
		return nil, err
	}
	repo.Kind = hub.Dataset
	if o.revision != "" {
		repo.Revision = o.revision
	}
	d, err := o.load(ctx, repo)
	return d, failed(Invalid, repo.String(), err)
}

func (o *options) load(ctx context.Context, repo hub.Repo) (*Dataset, error) {
	o.inside = true
	if o.hub.IsForbidden(repo) {
		return o.loadCached(repo)
	}
	if err := o.checkFormation(ctx, repo); err != nil {
		return nil, err
	}
	list, err := o.hub.List(ctx, repo)
	if err != nil {
		return nil, err
	}
	var names, heads []string
	for _, f := range list.Files {
		if names = append(names, f.Path); decides(f.Path) {
			heads = append(heads, f.Path)
		}
	}
	slices.Sort(names)
	names = slices.DeleteFunc(names, hidden)
	dir := ""
	if len(heads) > 0 {
		if dir, err = o.hub.Fetch(ctx, hub.Request{Repo: repo, Files: heads, Listing: list}); err != nil {
			return nil, err
		}
	}
	o.at(dir)
	lay, err := o.layoutOf(names)
	if err != nil {
		return nil, err
	}
	i, err := chooseSplit(lay.names(), o.split)
	if err != nil {
		return nil, err
	}
	if dir, err = o.hub.Fetch(ctx, hub.Request{Repo: repo, Files: lay.splits[i].files, Listing: list}); err != nil {
		return nil, err
	}
	o.at(dir)
	return lay.open(o)
}

// at makes dir the dataset's folder; "" is one that holds nothing.
func (o *options) at(dir string) {
	if dir == "" {
		o.fsys = noFiles{}
		return
	}
	o.dir, o.fsys = dir, os.DirFS(dir)
}

// decides reports whether the file says which files hold the rows.
func decides(name string) bool {
	if strings.Count(name, "/") > 1 {
		return false
	}
	switch path.Base(name) {
	case "README.md", "state.json", "dataset_info.json", "dataset_dict.json":
		return true
	}
	return false
}

// checkFormation refuses the older formations of ModelScope, whose rows lie in a
// storage with keys of its own.
func (o *options) checkFormation(ctx context.Context, repo hub.Repo) error {
	if repo.Hub != hub.ModelScope {
		return nil
	}
	kind, err := o.hub.DatasetType(ctx, repo)
	if err == nil && (kind == 1 || kind == 2) {
		err = fail(Unsupported, repo.String(), "a dataset of ModelScope's older formation (type %d), whose files lie in a storage of its own: download its json, csv and zip files into one folder and open that", kind)
	}
	return err
}

// loadCached opens what the cache holds.
func (o *options) loadCached(repo hub.Repo) (*Dataset, error) {
	dir, err := o.hub.Cached(hub.Request{Repo: repo})
	if err != nil {
		return nil, err
	}
	o.at(dir)
	lay, err := o.layout("")
	if err != nil {
		return nil, err
	}
	return lay.open(o)
}

// openCached opens a name of a hub that is no path: from the cache, or not at all.
func (o *options) openCached(name string, missing error) (*Dataset, error) {
	repo, err := hub.ParseName(name, hub.ModelScope)
	if err != nil {
		return nil, missing
	}
	repo.Kind = hub.Dataset
	if o.revision != "" {
		repo.Revision = o.revision
	}
	o.inside = true
	d, err := o.loadCached(repo)
	if fault.KindOf(err) == hub.Offline {
		return nil, fail(Missing, name, "no such file, and not in the cache: dataset.Load(ctx, %q) fetches it", name)
	}
	return d, err
}
