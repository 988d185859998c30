package cpu

import (
	"testing"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/engine/enginetest"
)

func open(threads int) engine.Engine { return New(Options{Threads: threads}) }

func TestEngine(t *testing.T) { enginetest.Run(t, open) }
