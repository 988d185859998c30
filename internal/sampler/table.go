package sampler

import (
	"slices"
	"strings"
)

// row is a sampler: its class in diffusers (or DiffSynth), the names it has elsewhere,
// and its rule with the class's defaults.
type row struct {
	class string
	names []name
	rule  func() rule
}

// name is what a user may call a row, and the options the name implies.
type name struct {
	text    string
	options []option
}

type option struct {
	key   string
	value any
}

func called(text string, options ...option) name { return name{text, options} }

var sde = option{"algorithm_type", "sde-dpmsolver++"}

// table has a row per sampler.
func table() []row {
	return []row{
		{"DDIMScheduler", []name{called("ddim")}, newDDIM},
		{"DDPMScheduler", []name{called("ddpm")}, newDDPM},
		{"PNDMScheduler", []name{called("pndm"), called("plms", option{"skip_prk_steps", true})}, newPNDM},
		{"LMSDiscreteScheduler", []name{called("lms")}, newLMS},
		{"EulerDiscreteScheduler", []name{called("euler")}, newEuler},
		{"EulerAncestralDiscreteScheduler", []name{called("euler a"), called("euler ancestral")}, newEulerAncestral},
		{"HeunDiscreteScheduler", []name{called("heun")}, newHeun},
		{"KDPM2DiscreteScheduler", []name{called("dpm2"), called("dpm 2")}, newKDPM2},
		{"KDPM2AncestralDiscreteScheduler", []name{called("dpm2 a"), called("dpm 2 ancestral"), called("dpm2 ancestral")}, newKDPM2Ancestral},
		{"DPMSolverMultistepScheduler", []name{
			called("dpm++ 2m"), called("dpm++ 2m sde", sde), called("dpm++ 2m sde heun", sde, option{"solver_type", "heun"}),
			called("dpm++ 3m", option{"solver_order", 3}), called("dpm++ 3m sde", sde, option{"solver_order", 3}),
		}, newDPMMultistep},
		{"DPMSolverSinglestepScheduler", []name{called("dpm++ 2s")}, newDPMSinglestep},
		{"DPMSolverSDEScheduler", []name{called("dpm++ sde")}, newDPMSDE},
		{"UniPCMultistepScheduler", []name{called("unipc"), called("uni pc bh2"), called("uni pc bh1", option{"solver_type", "bh1"})}, newUniPC},
		{"DEISMultistepScheduler", []name{called("deis")}, newDEIS},
		{"EDMDPMSolverMultistepScheduler", []name{called("edm dpm++ 2m")}, newEDMMultistep},
		{"EDMEulerScheduler", []name{called("edm euler")}, newEDMEuler},
		{"LCMScheduler", []name{called("lcm")}, newLCM},
		{"TCDScheduler", []name{called("tcd")}, newTCD},
		{"EnhancedDDIMScheduler", []name{called("diffsynth ddim")}, newEnhancedDDIM},
	}
}

// Classes returns the names of all sampler classes, in the table's order.
func Classes() []string {
	var names []string
	for _, r := range table() {
		names = append(names, r.class)
	}
	return names
}

// find returns the row that name means. A name may end in a way to lay the noise
// levels out: "DPM++ 2M Karras".
func find(text string) (row, []option, error) {
	plain := plainName(text)
	var spread []option
	for _, way := range []string{"karras", "exponential", "beta"} {
		if base, ok := strings.CutSuffix(plain, way); ok && base != "" {
			plain, spread = base, []option{{"use_" + way + "_sigmas", true}}
			break
		}
	}
	for _, r := range table() {
		if plain == plainName(r.class) {
			return r, spread, nil
		}
		for _, n := range r.names {
			if plain == plainName(n.text) {
				return r, slices.Concat(n.options, spread), nil
			}
		}
	}
	return row{}, nil, unsupported("name", text, "one of "+strings.Join(Classes(), ", "))
}

// plainName is a name without case, spaces, hyphens and underscores, "pp" read as "++".
func plainName(s string) string {
	s = strings.NewReplacer(" ", "", "-", "", "_", "").Replace(strings.ToLower(s))
	return strings.Replace(s, "dpmpp", "dpm++", 1)
}
