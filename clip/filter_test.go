package clip_test

import (
	"testing"

	"github.com/easel-go/easel/clip"
	"github.com/easel-go/easel/filter"
	"github.com/easel-go/easel/filter/filtertest"
)

var _ filter.Models = (*clip.Models)(nil)

// TestGoldenFilters runs Data-Juicer's tables of the ops that need a model.
func TestGoldenFilters(t *testing.T) {
	models := &clip.Models{}
	defer models.Close()
	filtertest.Tables(t, models)
}
