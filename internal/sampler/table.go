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
		{"DDIMScheduler", []name{called("DDIM")}, newDDIM},
		{"DDPMScheduler", []name{called("DDPM")}, newDDPM},
		{"PNDMScheduler", []name{called("PNDM"), called("PLMS", option{"skip_prk_steps", true})}, newPNDM},
		{"LMSDiscreteScheduler", []name{called("LMS")}, newLMS},
		{"EulerDiscreteScheduler", []name{called("Euler")}, newEuler},
		{"EulerAncestralDiscreteScheduler", []name{called("Euler a"), called("euler_ancestral")}, newEulerAncestral},
		{"HeunDiscreteScheduler", []name{called("Heun")}, newHeun},
		{"KDPM2DiscreteScheduler", []name{called("DPM2")}, newKDPM2},
		{"KDPM2AncestralDiscreteScheduler", []name{called("DPM2 a"), called("dpm_2_ancestral")}, newKDPM2Ancestral},
		{"DPMSolverMultistepScheduler", []name{
			called("DPM++ 2M"), called("DPM++ 2M SDE", sde), called("DPM++ 2M SDE Heun", sde, option{"solver_type", "heun"}),
			called("DPM++ 3M", option{"solver_order", 3}), called("DPM++ 3M SDE", sde, option{"solver_order", 3}),
		}, newDPMMultistep},
		{"DPMSolverSinglestepScheduler", []name{called("DPM++ 2S")}, newDPMSinglestep},
		{"DPMSolverSDEScheduler", []name{called("DPM++ SDE")}, newDPMSDE},
		{"UniPCMultistepScheduler", []name{called("UniPC"), called("uni_pc_bh2"), called("uni_pc_bh1", option{"solver_type", "bh1"})}, newUniPC},
		{"DEISMultistepScheduler", []name{called("DEIS")}, newDEIS},
		{"EDMDPMSolverMultistepScheduler", []name{called("EDM DPM++ 2M")}, newEDMMultistep},
		{"EDMEulerScheduler", []name{called("EDM Euler")}, newEDMEuler},
		{"LCMScheduler", []name{called("LCM")}, newLCM},
		{"TCDScheduler", []name{called("TCD")}, newTCD},
		{"EnhancedDDIMScheduler", []name{called("DiffSynth DDIM")}, newEnhancedDDIM},
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

// Names returns the names that As takes beside the classes', as a list for users to
// choose from. " Karras", " Exponential" and " Beta" may follow where the class knows
// them.
func Names() []string {
	var names []string
	for _, r := range table() {
		for _, n := range r.names {
			names = append(names, n.text)
		}
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
	return row{}, nil, unsupported("name", text, "one of "+strings.Join(append(Names(), Classes()...), ", "))
}

// plainName is a name without case, spaces, hyphens and underscores, "pp" read as "++".
func plainName(s string) string {
	s = strings.NewReplacer(" ", "", "-", "", "_", "").Replace(strings.ToLower(s))
	return strings.Replace(s, "dpmpp", "dpm++", 1)
}
