package dataset_test

import (
	"testing"

	"github.com/easel-go/easel/dataset/internal/cases"
)

// TestGoldenCases compares every layout with what the datasets library read.
func TestGoldenCases(t *testing.T) { cases.Run(t) }
