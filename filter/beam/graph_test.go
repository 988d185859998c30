package beam

import (
	"cmp"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	v1pb "github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx/v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/util/protox"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"google.golang.org/protobuf/proto"
)

// TestGraph looks at what a remote runner is sent: every function of this package is a
// registered type with its settings, none is a closure.
func TestGraph(t *testing.T) {
	p, s := beam.NewPipelineWithRoot()
	err := Run(s, []byte("dataset_path: x.jsonl\nexport_path: result.parquet\nprocess:\n  - text_length_filter:\n  - document_deduplicator:\n  - clean_html_mapper:\n"))
	if err != nil {
		t.Fatal(err)
	}
	edges, _, err := p.Build()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := graphx.Marshal(edges, &graphx.Options{Environment: &pipeline_v1.Environment{Urn: "beam:env:external:v1"}})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, tr := range pipe.GetComponents().GetTransforms() {
		if fn := functionOf(t, tr); fn != nil && strings.HasPrefix(tr.GetUniqueName(), "easel/") {
			name := cmp.Or(fn.GetType().GetExternalKey(), fn.GetType().GetElement().GetExternalKey())
			seen[name[strings.LastIndexByte(name, '.')+1:]] = true
			if f := fn.GetFn(); f != nil && strings.Contains(f.GetName(), "easel") || fn.GetDynfn() != nil {
				t.Errorf("%s is a function: %v", tr.GetUniqueName(), fn)
			}
		}
	}
	for _, name := range []string{"readFn", "stepsFn", "globalFn", "shardFn", "emptyFn", "writeFn"} {
		if !seen[name] {
			t.Errorf("%s is not among %v", name, seen)
		}
	}
}

// functionOf decodes the function of a ParDo of this SDK.
func functionOf(t *testing.T, tr *pipeline_v1.PTransform) *v1pb.Fn {
	if tr.GetSpec().GetUrn() != graphx.URNParDo {
		return nil
	}
	var do pipeline_v1.ParDoPayload
	var payload v1pb.TransformPayload
	if err := proto.Unmarshal(tr.GetSpec().GetPayload(), &do); err != nil {
		t.Fatal(err)
	}
	if err := protox.DecodeBase64(string(do.GetDoFn().GetPayload()), &payload); err != nil {
		return nil
	}
	return payload.GetEdge().GetFn()
}
