package safetensors

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"sresnet/tensor"
)

// Write writes a file of float32 tensors, sorted by name.
func Write(w io.Writer, tensors map[string]*tensor.Tensor) error {
	type entry struct {
		DType   string       `json:"dtype"`
		Shape   tensor.Shape `json:"shape"`
		Offsets [2]int       `json:"data_offsets"`
	}
	names := slices.Sorted(maps.Keys(tensors))
	header := make(map[string]entry)
	end := 0
	for _, name := range names {
		t := tensors[name]
		if name == "__metadata__" || len(t.Data) != t.Shape.Len() {
			return fmt.Errorf("safetensors: tensor %q: %d elements of shape %v cannot be written", name, len(t.Data), t.Shape)
		}
		begin := end
		end += 4 * len(t.Data)
		header[name] = entry{"F32", append(tensor.Shape{}, t.Shape...), [2]int{begin, end}} // A scalar's shape is [], not null.
	}
	b, err := json.Marshal(header)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	for len(b)%8 != 0 { // Elements are aligned.
		b = append(b, ' ')
	}
	out := bufio.NewWriter(w)
	binary.Write(out, binary.LittleEndian, uint64(len(b)))
	out.Write(b)
	for _, name := range names {
		binary.Write(out, binary.LittleEndian, tensors[name].Data)
	}
	if err := out.Flush(); err != nil { // Of all writes: the first error stays.
		return fmt.Errorf("safetensors: %w", err)
	}
	return nil
}
