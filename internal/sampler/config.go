package sampler

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/easel-go/easel/internal/fault"
)

// Config names a sampler and sets its options: what a scheduler_config.json says. It
// is a value; With and As return changed copies.
//
// Keys that the sampler's class does not have are carried along without effect, as
// diffusers does, so that As can change the class of a model's file: what the file
// says holds where the new class knows it, and the new class's defaults where it does
// not.
type Config struct {
	class  string
	values map[string]json.RawMessage
}

// ParseConfig reads a scheduler_config.json. Names that start with an underscore,
// other than _class_name, are diffusers' bookkeeping. Python's NaN and Infinity are
// read. Without _class_name, As must name a sampler before New.
func ParseConfig(text []byte) (Config, error) {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(quoteInfinities(text), &values); err != nil {
		return Config{}, &fault.Error{Kind: fault.Invalid, Op: "sampler", What: "config", Err: err}
	}
	c := Config{values: map[string]json.RawMessage{}}
	for k, v := range values {
		switch {
		case k == "_class_name":
			if err := json.Unmarshal(v, &c.class); err != nil {
				return Config{}, &fault.Error{Kind: fault.Invalid, Op: "sampler", What: k, Have: shortened(v), Err: err}
			}
		case !strings.HasPrefix(k, "_"):
			c.values[k] = v
		}
	}
	return c, nil
}

// quoteInfinities turns the numbers that Python's json writes and JSON does not have
// into strings.
func quoteInfinities(text []byte) []byte {
	var out []byte
	inside := false
	for i := 0; i < len(text); i++ {
		word := ""
		switch c := text[i]; {
		case inside && c == '\\' && i+1 < len(text):
			out = append(out, c)
			i++
		case c == '"':
			inside = !inside
		case !inside && (c == '-' || c == 'I' || c == 'N'):
			word = pythonNumber(text[i:])
		}
		if word == "" {
			out = append(out, text[i])
			continue
		}
		out = append(append(append(out, '"'), word...), '"')
		i += len(word) - 1
	}
	return out
}

func pythonNumber(b []byte) string {
	for _, w := range []string{"-Infinity", "Infinity", "NaN"} {
		if bytes.HasPrefix(b, []byte(w)) {
			return w
		}
	}
	return ""
}

// number is a float64 that may be infinite, which JSON spells as a string.
type number float64

// UnmarshalJSON reads a number, or one of "inf", "-inf", "Infinity", "-Infinity".
func (n *number) UnmarshalJSON(b []byte) error {
	switch strings.ToLower(strings.Trim(string(b), `"+`)) {
	case "inf", "infinity":
		*n = number(math.Inf(1))
		return nil
	case "-inf", "-infinity":
		*n = number(math.Inf(-1))
		return nil
	case "null":
		return nil
	}
	return json.Unmarshal(b, (*float64)(n))
}

// Class returns the class or name that the config has, "" for none.
func (c Config) Class() string { return c.class }

// As returns the config for another sampler on the same schedule, as diffusers'
// OtherScheduler.from_config(config) is. The name is a diffusers class
// ("EulerDiscreteScheduler"), a name as stable-diffusion-webui has it ("DPM++ 2M
// Karras", "Euler a"), ComfyUI's ("dpmpp_2m_sde"), DiffSynth's
// ("EnhancedDDIMScheduler"), in any case and with any of space, hyphen and underscore.
// A name chooses the rule and its options; the numbers are diffusers' for them.
func (c Config) As(name string) (Config, error) {
	r, options, err := find(name)
	if err != nil {
		return Config{}, err
	}
	c = Config{class: r.class, values: maps.Clone(c.values)}
	for _, o := range options {
		if c, err = c.With(o.key, o.value); err != nil {
			return Config{}, err
		}
	}
	return c, nil
}

// With returns the config with one option set: a key of scheduler_config.json, or one
// of what diffusers passes to step(): eta, use_clipped_model_output (DDIM, TCD),
// s_churn, s_tmin, s_tmax, s_noise (Euler), order (LMS). An option that the class does
// not have is an error of kind Unsupported, a wrong value one of kind Invalid.
func (c Config) With(key string, value any) (Config, error) {
	r, err := c.row()
	if err != nil {
		return Config{}, err
	}
	raw, err := marshal(value)
	if err != nil {
		return Config{}, &fault.Error{Kind: fault.Invalid, Op: "sampler", What: key, Err: err}
	}
	if !knows(r.rule(), key) {
		return Config{}, &fault.Error{Kind: fault.Unsupported, Op: "sampler", What: "option " + key, Have: "for " + r.class, Want: "one that it has"}
	}
	if err := set(r.rule(), key, raw); err != nil {
		return Config{}, err
	}
	c.values = maps.Clone(c.values)
	if c.values == nil {
		c.values = map[string]json.RawMessage{}
	}
	c.values[key] = raw
	return c, nil
}

// marshal is json.Marshal with infinities.
func marshal(value any) (json.RawMessage, error) {
	if x, ok := value.(float64); ok && math.IsInf(x, 0) {
		value = fmt.Sprint(x)
	}
	return json.Marshal(value)
}

// knows reports whether rule has a field for key.
func knows(rule rule, key string) bool {
	one, _ := json.Marshal(map[string]any{key: nil})
	d := json.NewDecoder(bytes.NewReader(one))
	d.DisallowUnknownFields()
	return d.Decode(rule) == nil
}

func (c Config) row() (row, error) {
	if c.class == "" {
		return row{}, &fault.Error{Kind: fault.Missing, Op: "sampler", What: "config", Have: "has no _class_name", Want: "the name of a sampler"}
	}
	i := slices.IndexFunc(table(), func(r row) bool { return r.class == c.class })
	if i < 0 {
		return row{}, unsupported("class", c.class, "one of "+strings.Join(Classes(), ", "))
	}
	return table()[i], nil
}

func (c Config) sortedKeys() []string { return slices.Sorted(maps.Keys(c.values)) }
