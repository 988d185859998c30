package weights

import "github.com/easel-go/easel/internal/fault"

func readTorchZip(name string, m *mapping) (*Source, error) {
	return nil, &fault.Error{Kind: fault.Unsupported, Op: "weights", Where: name, What: "torch files"}
}
func readTorchLegacy(name string, m *mapping) (*Source, error) {
	return nil, &fault.Error{Kind: fault.Unsupported, Op: "weights", Where: name, What: "torch files"}
}
