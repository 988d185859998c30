package filter

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
)

// Recipe is a Data-Juicer configuration: where the samples are, what happens to them,
// and where they go. The zero value of a field means Data-Juicer's default.
type Recipe struct {
	ProjectName string   `param:"project_name"`
	DatasetPath string   `param:"dataset_path"` // a file, a folder, or several of them, with or without weights
	Sources     []Source // the list under "dataset:", used if DatasetPath is empty
	MaxSamples  int      // of Sources: how many are drawn, in proportion to their weights; 0 means all
	ExportPath  string   `param:"export_path"`
	ExportType  string   `param:"export_type"` // jsonl, json or parquet; "" is the suffix of ExportPath
	ShardSize   int      `param:"export_shard_size"`
	Workers     int      // np: samples at a time; 0 means 4
	TextKeys    []string `param:"text_keys"` // ops use the first; a null in any drops the sample
	ImageKey    string   `param:"image_key"`
	ImageBytes  string   `param:"image_bytes_key"`
	ImageToken  string   `param:"image_special_token"`
	EOCToken    string   `param:"eoc_special_token"`
	AudioKey    string   `param:"audio_key"`
	VideoKey    string   `param:"video_key"`
	AudioToken  string   `param:"audio_special_token"`
	VideoToken  string   `param:"video_special_token"`
	Suffixes    []string `param:"suffixes"` // which files of a folder are read; none means all
	KeepStats   bool     `param:"keep_stats_in_res_ds"`
	KeepHashes  bool     `param:"keep_hashes_in_res_ds"`
	Trace       bool     `param:"open_tracer"` // write what ops changed and dropped to WorkDir/trace
	TraceOps    []string `param:"op_list_to_trace"`
	TraceNum    int      `param:"trace_num"`
	TraceKeys   []string `param:"trace_keys"`
	Fusion      bool     `param:"op_fusion"` // run filters of pictures after the others
	StopOnError bool     `param:"skip_op_error,not"`
	Lenient     bool     `param:"load_jsonl_lenient"` // pass over lines that are no JSON objects
	WorkDir     string   `param:"work_dir"`           // for traces and the journal; "" is a folder named by the time, beside the result
	TempDir     string   `param:"temp_dir"`           // where samples wait that an op must see together; "" is the result's folder
	Compat      string   `param:"compat"`             // "strict" does what Data-Juicer 1.6.1 does, see Rules
	Steps       []Step

	// Ignored names the settings that were given and mean nothing here: caches,
	// monitors, Ray and the like, and those that are given again further down.
	Ignored []string

	// Models opens the models that ops name. It may be nil if none does.
	Models Models

	// CPUs bounds Workers in strict mode, as the number of CPUs does there; 0 means those of this
	// machine.
	CPUs int

	// Resume goes on with what a killed run of the same recipe left.
	Resume bool

	// OnSample is called after every sample, in order, from one goroutine.
	OnSample func(*Result)

	analyze bool // ops measure, and drop nothing; there is no result
}

// Source is an entry of "dataset: configs:".
type Source struct {
	Type   string  `param:"type"`
	Path   string  `param:"path"`
	Weight float64 `param:"weight"`
}

// ParseRecipe reads a Data-Juicer configuration in YAML. args are overrides as on
// dj-process's command line: "--np", "2", "--image_shape_filter.min_width", "512".
//
// Everything that is wrong comes in one error, with line and column: settings and
// parameters that do not exist, with the nearest that do, and values of the wrong type.
func ParseRecipe(r io.Reader, args ...string) (*Recipe, error) {
	b, err := io.ReadAll(io.LimitReader(r, 1<<24))
	if err != nil {
		return nil, &Error{Kind: Invalid, Op: "filter", What: "recipe", Err: err}
	}
	t, lost, err := parseTree(b)
	if err != nil {
		return nil, err
	}
	o, ok := t.value.(object)
	if !ok {
		return nil, refused(2, fail(Invalid, "the recipe is a %s, want settings with values", pyTypeOf(t.value)))
	}
	if o, err = override(o, args); err != nil {
		return nil, err
	}
	rec, err := fromTree(o)
	if err == nil {
		rec.Ignored = append(rec.Ignored, lost...)
	}
	return rec, err
}

func fromTree(o object) (*Recipe, error) {
	rec := &Recipe{ExportPath: "./outputs/hello_world/hello_world.jsonl", Workers: 4, TextKeys: []string{"text"}, ImageKey: "images", ImageBytes: "image_bytes",
		ImageToken: "<__dj__image>", EOCToken: "<|__dj__eoc|>", AudioKey: "audios", VideoKey: "videos", AudioToken: "<__dj__audio>", VideoToken: "<__dj__video>", TraceNum: 10}
	var bad complaints
	settings := paramsOf(rec)
	for _, e := range o {
		rec.set(e, settings, &bad)
	}
	if rec.DatasetPath == "" && len(rec.Sources) == 0 {
		bad.parser(tree{}, "the recipe names no data: want dataset_path, or dataset with configs")
	}
	if rec.Compat != "" && rec.Compat != "strict" {
		bad.parser(tree{}, "compat is %q, want strict, or nothing", rec.Compat)
	}
	process, _ := o.get("process")
	rec.addSteps(process, &bad)
	if err := bad.err("recipe"); err != nil {
		return nil, err
	}
	for _, s := range rec.Steps {
		if err := s.check(); err != nil {
			return nil, err
		}
	}
	return rec, nil
}

// set stores one setting.
func (rec *Recipe) set(e entry, settings map[string]setter, bad *complaints) {
	switch set, known := settings[e.key]; {
	case e.key == "process":
	case e.key == "np":
		if want := atLeast(1, &rec.Workers)(e.value.value); want != "" {
			bad.parser(e.value, "np is %v, want %s", e.value.plainGo(), want)
		}
	case e.key == "dataset":
		rec.setSources(e.value, bad)
	case known:
		if e.value.value == nil {
			return
		}
		if want := set(e.value.value); want != "" {
			bad.parser(e.value, "%s is %v (%s), want %s", e.key, e.value.plainGo(), pyTypeOf(e.value.value), want)
		}
	case slices.Contains(unusedSettings, e.key) || dotted(e.key):
		rec.Ignored = append(rec.Ignored, e.key)
	default:
		bad.parser(e.at, "unknown setting %q%s", e.key, suggest(e.key, append(sortedKeys(settings), append(unusedSettings, "process", "np", "dataset")...)))
	}
}

// dotted reports whether a setting is one of a group that means nothing here.
func dotted(key string) bool {
	group, _, ok := strings.Cut(key, ".")
	return ok && slices.Contains([]string{"checkpoint", "event_logging", "partition"}, group)
}

// unusedSettings are taken and reported in Recipe.Ignored.
var unusedSettings = []string{"executor_type", "strict_preflight", "generated_dataset_config", "validators", "load_dataset_kwargs", "read_options",
	"override_num_blocks", "export_in_parallel", "export_extra_args", "export_aws_credentials", "decrypt_after_reading", "encrypt_before_export",
	"encryption_key_path", "turbo", "use_cache", "ds_cache_dir", "cache_compress", "open_monitor", "use_checkpoint", "checkpoint", "event_logging",
	"event_log_dir", "checkpoint_dir", "job_id", "resume", "open_insight_mining", "op_list_to_mine", "min_common_dep_num_to_combine",
	"conflict_resolve_strategy", "fusion_strategy", "mapper_fusion", "mapper_fusion_vram_limit", "adaptive_batch_size", "percentiles",
	"export_original_dataset", "save_stats_in_one_file", "ray_address", "partition", "partition_size", "partition_dir", "max_partition_size_mb",
	"custom-operator-paths", "custom_operator_paths", "debug", "auto", "auto_num", "hpo_config", "data_probe_algo", "data_probe_ratio", "use_dag",
	"elastic_juicer_adaptive_batching", "elastic_juicer_profile_seed", "auto_op_parallelism"}

func (rec *Recipe) setSources(t tree, bad *complaints) {
	list, isList := t.value.([]tree)
	if o, ok := t.value.(object); ok {
		configs, _ := o.get("configs")
		list, isList = configs.value.([]tree)
		if n, ok := o.get("max_sample_num"); ok {
			if want := atLeast(1, &rec.MaxSamples)(n.value); want != "" {
				bad.parser(n, "max_sample_num is %v, want %s", n.plainGo(), want)
			}
		}
	}
	if !isList {
		bad.parser(t, "dataset is a %s, want configs: a list of sources", pyTypeOf(t.value))
		return
	}
	for _, c := range list {
		s := Source{Type: "local", Weight: 1}
		o, ok := c.value.(object)
		if !ok {
			bad.parser(c, "a source is a %s, want type, path and weight", pyTypeOf(c.value))
			continue
		}
		fields := map[string]setter{}
		addParams(fields, reflect.ValueOf(&s).Elem())
		for _, e := range o {
			set, known := fields[e.key]
			if !known {
				bad.parser(e.at, "a source has no setting %q%s", e.key, suggest(e.key, sortedKeys(fields)))
			} else if want := set(e.value.value); want != "" {
				bad.parser(e.value, "%s of a source is %v, want %s", e.key, e.value.plainGo(), want)
			}
		}
		if s.Type != "local" || s.Path == "" {
			bad.parser(c, "a source has type %q and path %q, want type local and a path", s.Type, s.Path)
		}
		rec.Sources = append(rec.Sources, s)
	}
}

// addSteps makes the ops of "process".
func (rec *Recipe) addSteps(process tree, bad *complaints) {
	list, ok := process.value.([]tree)
	if !ok && process.value != nil {
		bad.parser(process, "process is a %s, want a list of ops", pyTypeOf(process.value))
	}
	given := map[string]object{}
	for _, item := range list {
		o, ok := item.value.(object)
		if !ok || len(o) != 1 {
			bad.parser(item, "an entry of process must be an op's name, a colon and its parameters")
			continue
		}
		name, args := o[0].key, o[0].value
		args.line, args.col = o[0].at.line, o[0].at.col
		if rec.Compat == "strict" {
			args.value = inherit(given, name, args.value)
		}
		s := newStep(name, args, rec.keys(), bad)
		s.StopOnError = s.StopOnError || rec.StopOnError
		rec.Steps = append(rec.Steps, s)
	}
	if rec.Fusion {
		rec.fuse()
	}
}

// inherit adds to the parameters of an op those that the same op was given before, as
// happens in Data-Juicer.
func inherit(given map[string]object, name string, args any) any {
	o, ok := args.(object)
	if args != nil && !ok {
		return args
	}
	merged := slices.Clone(o)
	for _, e := range given[name] {
		if _, ok := merged.get(e.key); !ok {
			merged = append(merged, e)
		}
	}
	given[name] = merged
	return merged
}

func (rec *Recipe) keys() Keys {
	k := Keys{Image: rec.ImageKey, ImageBytes: rec.ImageBytes}
	if len(rec.TextKeys) > 0 {
		k.Text = rec.TextKeys[0]
	}
	return k.withDefaults()
}

// fuse puts, in every run of filters, those of lines, words and pictures behind the
// others, as op_fusion does. In strict mode fused ones do not skip errors.
func (rec *Recipe) fuse() {
	var out []Step
	for from := 0; from < len(rec.Steps); {
		to := from
		for to < len(rec.Steps) && kindOf(rec.Steps[to].Op) == "filter" {
			to++
		}
		if to == from {
			out = append(out, rec.Steps[from])
			from++
			continue
		}
		groups := make([][]Step, 4)
		for _, s := range rec.Steps[from:to] {
			g := shares(s)
			groups[g] = append(groups[g], s)
		}
		for g, steps := range groups {
			for i := range steps {
				steps[i].StopOnError = steps[i].StopOnError || rec.Compat == "strict" && g > 0 && len(steps) > 1
			}
			out = append(out, steps...)
		}
		from = to
	}
	rec.Steps = out
}

// shares tells what a filter computes that others could use: 1 lines, 2 words, 3
// pictures, 0 nothing.
func shares(s Step) int {
	switch s.Op.(type) {
	case *averageLine, *maximumLine:
		return 1
	case *wordsNum, *wordRepetition, *flaggedWords, *stopwords:
		return 2
	case *imageShape, *imageAspectRatio, *imageNSFW, *imageWatermark, *imageAesthetics, *imageText, *imagePair:
		return 3
	}
	return 0
}

// override changes settings as a command line does. A dotted name is a parameter of
// every op of that name.
func override(o object, args []string) (object, error) {
	for len(args) > 0 {
		name, ok := strings.CutPrefix(args[0], "--")
		value, inline := "", false
		if ok {
			name, value, inline = strings.Cut(name, "=")
		}
		switch {
		case !ok || name == "":
			return nil, refused(2, fail(Invalid, "unrecognised argument %q, want --setting value", args[0]))
		case inline:
			args = args[1:]
		case len(args) < 2:
			return nil, refused(2, fail(Invalid, "--%s has no value", name))
		default:
			value, args = args[1], args[2:]
		}
		t, _, err := parseTree([]byte(value))
		if err != nil {
			return nil, refused(2, fail(Invalid, "--%s %s: %w", name, value, err))
		}
		if _, empty := t.value.(object); empty && !strings.HasPrefix(strings.TrimSpace(value), "{") {
			t.value = plain(value)
		}
		t.line = 0
		if o, err = put(o, name, t); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func put(o object, name string, t tree) (object, error) {
	op, param, ok := strings.Cut(name, ".")
	if !ok || dotted(name) {
		return o.with(name, t), nil
	}
	process, _ := o.get("process")
	list, _ := process.value.([]tree)
	found := false
	for i := range list {
		e, ok := list[i].value.(object)
		if !ok || len(e) != 1 || e[0].key != op {
			continue
		}
		found = true
		args, _ := e[0].value.value.(object)
		e[0].value.value = args.with(param, t)
	}
	if !found {
		return nil, refused(2, fail(Invalid, "--%s: the recipe has no op %q", name, op))
	}
	return o, nil
}

func (o object) with(key string, t tree) object {
	for i := range o {
		if o[i].key == key {
			o[i].value = t
			return o
		}
	}
	return append(o, entry{key: key, value: t})
}

// String lists the recipe's steps.
func (rec *Recipe) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s → %s", rec.DatasetPath, rec.ExportPath)
	for i, s := range rec.Steps {
		fmt.Fprintf(&b, "\n%d %s", i+1, s.Name)
	}
	return b.String()
}
