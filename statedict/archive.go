package statedict

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"sresnet/internal/pickle"
)

// Bounds of a file, far above what networks have: bytes and instructions of its pickle,
// and storages.
const (
	maxPickle       = 16 << 20
	maxInstructions = 1 << 19
	maxMembers      = 1 << 16
)

// member is a file in the archive.
type member struct{ begin, size int64 }

// read returns the tensors of a file of size bytes, with their places.
func read(r io.ReaderAt, size int64) (*File, error) {
	if size == 0 {
		return nil, wrong(again, "the file is empty")
	}
	start := make([]byte, min(size, 32))
	if _, err := r.ReadAt(start, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if isLegacy(start) {
		return readLegacy(r, size)
	}
	if err := otherFormat(start); err != nil {
		return nil, err
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, wrong(again, "the zip archive is cut off or damaged: %v", err)
	}
	members, prefix, err := list(z, size)
	if err != nil {
		return nil, err
	}
	f := &File{data: r, order: binary.LittleEndian}
	if m, ok := members[prefix+"byteorder"]; ok {
		b := make([]byte, min(m.size, 16))
		if _, err := r.ReadAt(b, m.begin); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		switch string(b) {
		case "little":
		case "big":
			f.order = binary.BigEndian
		default:
			return nil, wrong(save, "the byte order %q is unknown", b)
		}
	}
	m := members[prefix+pickleName]
	if m.size > maxPickle {
		return nil, wrong(save, "%s has %d bytes; up to %d are read", pickleName, m.size, maxPickle)
	}
	b := make([]byte, m.size)
	if _, err := r.ReadAt(b, m.begin); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	v, err := pickle.Parse(b, rules)
	if err != nil {
		return nil, wrong(save, "%w", err)
	}
	storages := func(key string) (member, bool) {
		m, ok := members[prefix+"data/"+key]
		return m, ok
	}
	f.tensors, err = findTensors(v, storages)
	return f, err
}

const pickleName = "data.pkl"

// list returns the members of an archive, and what the names of all begin with.
func list(z *zip.Reader, size int64) (members map[string]member, prefix string, err error) {
	if len(z.File) > maxMembers {
		return nil, "", wrong(save, "the archive has %d files, more than any network has", len(z.File))
	}
	members = make(map[string]member, len(z.File))
	found := false
	total := uint64(0)
	for _, f := range z.File {
		if total += f.UncompressedSize64; f.UncompressedSize64 > uint64(size) || total > uint64(size) {
			return nil, "", wrong(save, "the archive claims more than the %d bytes that it has: it is damaged, or compressed", size)
		}
		if dir, base := path.Split(f.Name); base == pickleName && strings.Count(dir, "/") <= 1 {
			if found {
				return nil, "", wrong(save, "the archive has two files %s", pickleName)
			}
			prefix, found = dir, true
		}
	}
	if !found {
		return nil, "", wrong(save, "a zip archive without %s, so that it was not written by torch.save", pickleName)
	}
	for _, f := range z.File {
		switch rest, ok := strings.CutPrefix(f.Name, prefix); {
		case !ok || strings.HasSuffix(f.Name, "/"):
			continue
		case rest == "constants.pkl" || strings.HasPrefix(rest, "code/"):
			return nil, "", wrong("save the weights alone, with torch.save(model.state_dict(), FILE), or export the network to ONNX", "a TorchScript archive, which holds a program")
		case f.Method != zip.Store || f.Flags&1 != 0 || f.CompressedSize64 != f.UncompressedSize64:
			return nil, "", wrong(save, "%.200q in the archive is compressed or encrypted, which torch.save does not do", f.Name)
		}
		if _, ok := members[f.Name]; ok {
			return nil, "", wrong(save, "the archive has two files %.200q", f.Name)
		}
		begin, err := f.DataOffset()
		if err != nil || begin < 0 || begin > size-int64(f.UncompressedSize64) {
			return nil, "", wrong(again, "%.200q in the archive is cut off or damaged", f.Name)
		}
		members[f.Name] = member{begin, int64(f.UncompressedSize64)}
	}
	return members, prefix, nil
}

// otherFormat says what else the file is, if its first bytes tell.
func otherFormat(start []byte) error {
	if bytes.HasPrefix(start, []byte("PK\x03\x04")) {
		return nil
	}
	for _, k := range []struct{ magic, what, remedy string }{
		{"\x80", "a Python pickle, not a file of torch.save", save},
		{"\x89HDF", "an HDF5 file, perhaps a Keras model", "export the network to ONNX"},
		{"version ", "a Git LFS pointer, not the file itself", "run 'git lfs pull'"},
		{"<!DOCTYPE", "a web page", again},
		{"<html", "a web page", again},
	} {
		if bytes.HasPrefix(start, []byte(k.magic)) {
			return wrong(k.remedy, "%s", k.what)
		}
	}
	if len(start) > 8 && start[8] == '{' {
		return wrong("call it FILE.safetensors", "it looks like a safetensors file")
	}
	return wrong(save, "not a file of torch.save, which is a zip archive")
}

// What a file may call: nothing but what makes dictionaries and tensors.
const (
	rebuildTensor    = pickle.Global("torch._utils _rebuild_tensor")
	rebuildTensor2   = pickle.Global("torch._utils _rebuild_tensor_v2")
	rebuildParameter = pickle.Global("torch._utils _rebuild_parameter")
	torchSize        = pickle.Global("torch Size")
)

var rules = pickle.Rules{
	What: "file of weights", Most: maxInstructions, Any: true,
	Globals: globals(),
}

func globals() []pickle.Global {
	list := []pickle.Global{pickle.OrderedDict, rebuildTensor, rebuildTensor2, rebuildParameter, torchSize}
	for name := range kinds {
		list = append(list, pickle.Global("torch "+name))
	}
	slices.Sort(list)
	return list
}
