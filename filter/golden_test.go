package filter_test

import (
	"testing"

	_ "github.com/easel-go/easel/filter/chinese"
	"github.com/easel-go/easel/filter/filtertest"
)

func TestGoldenOps(t *testing.T) { filtertest.Tables(t, nil) }
