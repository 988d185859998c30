package lora

import (
	"io/fs"
	"maps"
	"slices"

	"github.com/easel-go/easel/internal/fault"
)

// Error is what every call of this package returns: what, where, have and want.
// errors.Is finds the Kind in it.
type (
	Error = fault.Error
	Kind  = fault.Kind
)

// The kinds of error.
const (
	Truncated   = fault.Truncated
	Unsupported = fault.Unsupported
	Missing     = fault.Missing
	Shape       = fault.Shape
	Closed      = fault.Closed
	NotFinite   = fault.NotFinite
	Limit       = fault.Limit
	Invalid     = fault.Invalid
)

// Dialect is a way of writing adapters down.
type Dialect string

// The dialects.
const (
	PEFT         Dialect = "peft"          // a folder with adapter_config.json
	Diffusers    Dialect = "diffusers"     // unet.….lora_A.weight
	OldDiffusers Dialect = "diffusers-old" // ….processor.to_q_lora.down.weight, ….lora.down.weight
	Kohya        Dialect = "kohya"         // lora_unet_….lora_down.weight; also LyCORIS
	DiffSynth    Dialect = "diffsynth"     // blocks.7.….lora_A.default.weight
	Cloneofsimo  Dialect = "cloneofsimo"   // unet:0:down
)

// Adapter is a set of changes, one for each layer it touches, in the names of the
// file it came from. It is immutable, and needs no file once it is loaded.
type Adapter struct {
	path    string
	dialect Dialect
	layers  []*layer
	meta    map[string]string
	skipped []string // keys that SkipUnknown passed over
}

// Info describes an adapter.
type Info struct {
	Dialect Dialect
	Rank    int     // of most layers; 0 for an adapter without ranks
	Alpha   float64 // of most layers; 0 where the file does not tell it
	Trigger []string
	Layers  []LayerInfo
	Skipped []string // keys that were passed over, see SkipUnknown
	Bytes   int64    // of its numbers

	// Metadata is the text that a safetensors file carries besides its tensors.
	Metadata map[string]string
}

// LayerInfo describes the change of one layer.
type LayerInfo struct {
	Name  string  // as the file has it
	Kind  string  // lora, locon-tucker, loha, lokr or full, with "+dora" behind it where rows are rescaled
	Rank  int     // 0 for a whole difference
	Alpha float64 // 0 where the file does not tell it: the change is not scaled then
}

// Info says what an adapter holds.
func (a *Adapter) Info() Info {
	i := Info{Dialect: a.dialect, Trigger: triggers(a.meta), Skipped: slices.Clone(a.skipped), Metadata: maps.Clone(a.meta)}
	ranks, alphas := map[int]int{}, map[float64]int{}
	for _, l := range a.layers {
		i.Layers = append(i.Layers, LayerInfo{l.name, l.kind(), l.rank, l.alpha})
		ranks[l.rank]++
		alphas[l.alpha]++
		i.Bytes += l.bytes()
	}
	i.Rank, i.Alpha = mostOften(ranks), mostOften(alphas)
	return i
}

// mostOften returns the key of the largest count; of equal ones the smallest.
func mostOften[K int | float64](counts map[K]int) K {
	var best K
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		if counts[k] > counts[best] {
			best = k
		}
	}
	return best
}

// Option changes how Load reads.
type Option func(*loadOptions) error

type loadOptions struct {
	alpha   float64
	fsys    fs.FS
	partial bool
	merged  bool
}

// WithAlpha sets the alpha of every layer, whatever the file says: DiffSynth-Studio's
// files do not record it, and its tutorial loads rank 16 with alpha 2. The default is
// the file's, or the rank where there is none, which scales by 1.
func WithAlpha(alpha float64) Option {
	return func(o *loadOptions) error {
		if !(alpha > 0 && alpha < 1e9) {
			return fault.Newf(fault.Invalid, "lora", "alpha %v, want a positive number", alpha)
		}
		o.alpha = alpha
		return nil
	}
}

// WithFS takes the file or folder from fsys.
func WithFS(fsys fs.FS) Option {
	return func(o *loadOptions) error {
		if fsys == nil {
			return &fault.Error{Kind: fault.Invalid, Op: "lora", What: "file system", Have: "nil", Want: "one"}
		}
		o.fsys = fsys
		return nil
	}
}

// SkipUnknown passes over keys that are none of an adapter's; Info names them. Without
// it they are an error: a key that nobody understands is an effect that goes missing.
func SkipUnknown() Option {
	return func(o *loadOptions) error { o.partial = true; return nil }
}

// LikeLyCORISMerge scales LoHa and LoKr in kohya's names by (alpha/rank)² instead of
// alpha/rank. LyCORIS 4.1 trains and runs them with the latter, as all other programs
// do, but its get_merged_weight multiplies twice; models merged by it need this to be
// met.
func LikeLyCORISMerge() Option {
	return func(o *loadOptions) error { o.merged = true; return nil }
}
