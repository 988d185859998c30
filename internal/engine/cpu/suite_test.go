package cpu

import (
	"os"
	"os/exec"
	"testing"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/engine/enginetest"
)

func TestEngine(t *testing.T) {
	enginetest.Run(t, func(threads int) engine.Engine { return New(Options{Threads: threads}) })
}

// TestNoKernelIsMissing holds the engine to every op of the suite, which passes over
// what an engine says it lacks.
func TestNoKernelIsMissing(t *testing.T) {
	e := New(Options{Threads: 1})
	defer e.Close()
	for _, c := range enginetest.Cases() {
		if _, err := e.Prepare(c.Op); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
}

// TestEngineOnLowerLevels runs a third of TestEngine's cases as if this were a lesser
// processor; EASEL_CPU=level go test runs all of them.
func TestEngineOnLowerLevels(t *testing.T) {
	if testing.Short() {
		t.Skip("the suite once for every level")
	}
	for l := asm.PureGo; l < asm.Use(); l++ {
		t.Run(l.String(), func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEngine$", "-test.short")
			cmd.Env = append(os.Environ(), "EASEL_CPU="+l.String())
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
}
