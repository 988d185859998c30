package lora

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/easel-go/easel/internal/fault"
)

// peftConfig is what scales an adapter of PEFT: adapter_config.json, or what diffusers
// puts into the metadata of a safetensors file.
type peftConfig struct {
	Type         string   `json:"peft_type"`
	Rank         int      `json:"r"`
	LoraAlpha    *float64 `json:"lora_alpha"` // LORA
	Alpha        *float64 `json:"alpha"`      // LOHA, LOKR
	RootRank     bool     `json:"use_rslora"`
	RankPattern  patterns `json:"rank_pattern"`
	AlphaPattern patterns `json:"alpha_pattern"`
}

// configure scales the layers as adapter_config.json says.
func (a *Adapter) configure(text []byte) error {
	var c peftConfig
	if err := json.Unmarshal(text, &c); err != nil {
		return &fault.Error{Kind: fault.Invalid, Op: "lora", What: "adapter_config.json", Err: err}
	}
	switch c.Type {
	case "LORA", "LOHA", "LOKR", "":
	default:
		return &fault.Error{Kind: fault.Unsupported, Op: "lora", What: "peft_type", Have: c.Type, Want: "LORA, LOHA or LOKR"}
	}
	for _, l := range a.layers {
		if err := c.apply(l, strings.TrimPrefix(l.name, "base_model.model.")); err != nil {
			return err
		}
	}
	return nil
}

// metadataKey is where diffusers keeps configs in a safetensors file.
const metadataKey = "lora_adapter_metadata"

// configureFromMetadata scales the layers as diffusers' metadata say, keys of which
// begin with the part they are for: "unet.lora_alpha".
func (a *Adapter) configureFromMetadata() error {
	text, ok := a.meta[metadataKey]
	if !ok {
		return nil
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return &fault.Error{Kind: fault.Invalid, Op: "lora", What: "metadata " + metadataKey, Err: err}
	}
	configs := map[string]map[string]json.RawMessage{}
	for k, v := range all {
		part, name, ok := strings.Cut(k, ".")
		if !ok {
			continue
		}
		if configs[part] == nil {
			configs[part] = map[string]json.RawMessage{}
		}
		configs[part][name] = v
	}
	for _, l := range a.layers {
		part, rest, _ := strings.Cut(l.name, ".")
		if configs[part] == nil {
			continue
		}
		text, err := json.Marshal(configs[part])
		if err != nil {
			return err
		}
		var c peftConfig
		if err := json.Unmarshal(text, &c); err != nil {
			return &fault.Error{Kind: fault.Invalid, Op: "lora", What: "metadata " + metadataKey + " of " + part, Err: err}
		}
		if err := c.apply(l, rest); err != nil {
			return err
		}
	}
	return nil
}

// inheritAlpha gives the layers of a kohya file that lack an alpha the one that most
// layers of their network have, the first of several, as diffusers does (0.36
// utils/peft_utils.py, get_peft_kwargs). A network without any alpha is not scaled.
func (a *Adapter) inheritAlpha() {
	network := func(l *layer) string {
		_, rest, _ := strings.Cut(l.name, "_") // lora_unet_…
		name, _, _ := strings.Cut(rest, "_")
		return name
	}
	counts, most := map[string]map[float64]int{}, map[string]float64{}
	for _, l := range a.layers {
		n := network(l)
		if counts[n] == nil {
			counts[n] = map[float64]int{}
		}
		if l.alpha > 0 {
			counts[n][l.alpha]++
		}
	}
	for _, l := range a.layers {
		if n := network(l); counts[n][l.alpha] > counts[n][most[n]] {
			most[n] = l.alpha
		}
	}
	for _, l := range a.layers {
		if l.parts[alpha] == nil && l.parts[down] != nil && a.dialect == Kohya {
			l.alpha = most[network(l)]
		}
	}
}

// apply sets alpha, and checks the rank that the config names.
func (c *peftConfig) apply(l *layer, name string) error {
	l.peft, l.rootRank = true, c.RootRank
	if c.LoraAlpha != nil {
		l.alpha = *c.LoraAlpha
	} else if c.Alpha != nil {
		l.alpha = *c.Alpha
	}
	if v, ok, err := c.AlphaPattern.match(name); err != nil {
		return err
	} else if ok {
		l.alpha = v
	}
	rank := float64(c.Rank)
	if v, ok, err := c.RankPattern.match(name); err != nil {
		return err
	} else if ok {
		rank = v
	}
	if l.rank > 0 && rank > 0 && rank != float64(l.rank) {
		return &fault.Error{Kind: fault.Shape, Op: "lora", What: "layer " + name, Have: fmt.Sprintf("of rank %d", l.rank), Want: fmt.Sprintf("%v, as the config says", rank)}
	}
	if l.rank == 0 {
		l.rank = int(rank) // of LoKr with two whole factors
	}
	return nil
}

// patterns are numbers for the layers whose names end in a match of a regular
// expression. The first match counts, in the order of the file.
type patterns []pattern

type pattern struct {
	text  string
	value float64
}

// UnmarshalJSON keeps the order of the object's keys.
func (p *patterns) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	t, err := d.Token()
	if err != nil || t == nil {
		return err
	}
	if t != json.Delim('{') {
		return fmt.Errorf("%v, want an object", t)
	}
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return err
		}
		var v float64
		if err := d.Decode(&v); err != nil {
			return err
		}
		if v < 0 || math.IsInf(v, 0) {
			return fmt.Errorf("%v for %v", v, k)
		}
		*p = append(*p, pattern{k.(string), v})
	}
	_, err = d.Token()
	return err
}

func (p patterns) match(name string) (float64, bool, error) {
	for _, x := range p {
		re, err := regexp.Compile(`^(?:.*\.)?(?:` + x.text + `)$`)
		if err != nil {
			return 0, false, &fault.Error{Kind: fault.Unsupported, Op: "lora", What: "pattern", Have: x.text, Err: err}
		}
		if re.MatchString(name) {
			return x.value, true, nil
		}
	}
	return 0, false, nil
}

// triggers finds the words that an adapter was trained to react to.
func triggers(meta map[string]string) []string {
	if s := meta["modelspec.trigger_phrase"]; s != "" {
		return []string{s}
	}
	var folders map[string]map[string]float64
	if json.Unmarshal([]byte(meta["ss_tag_frequency"]), &folders) != nil {
		return nil
	}
	counts, most := map[string]float64{}, 0.
	for _, tags := range folders {
		for tag, n := range tags {
			counts[strings.TrimSpace(tag)] += n
		}
	}
	for _, n := range counts {
		most = max(most, n)
	}
	var words []string
	for tag, n := range counts { // what stands beside every picture
		if n == most {
			words = append(words, tag)
		}
	}
	return sorted(words)
}
