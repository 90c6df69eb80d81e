package statedict

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"sresnet/internal/pickle"
)

// legacyMagic is in the first pickle of the form that torch.save wrote before version 1.6: a
// number of 10 bytes.
const legacyMagic = "\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."

// legacyVersion is the only version of that form.
const legacyVersion = 1001

// isLegacy reports whether a file begins as one of that form. What is in front of the number
// depends on pickle's protocol.
func isLegacy(start []byte) bool { return bytes.Contains(start, []byte(legacyMagic)) }

// readLegacy reads a file of that form: pickles of a magic number, the version, properties
// of the machine, what is saved, and the keys of its storages; then for each storage, in
// that order, how many elements it has, and these, all little-endian.
func readLegacy(r io.ReaderAt, size int64) (*File, error) {
	b := make([]byte, min(size, maxPickle))
	if _, err := r.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	types := make(map[string]kind) // Of storages, by key.
	var bad error
	all := rules
	all.Found = func(p pickle.Persistent) {
		key, k, err := legacyStorage(p)
		if was, seen := types[key]; seen && was.name != k.name {
			err = errForm
		}
		types[key], bad = k, errors.Join(bad, err)
	}
	var parts [5]any // The pickles.
	rest := b
	for i := range parts {
		v, after, err := pickle.ParseNext(rest, all)
		if err == nil {
			err = bad
		}
		if err != nil {
			return nil, wrong(save, "%w", err)
		}
		parts[i], rest = v, after
	}
	if version, ok := parts[1].(int64); !ok || version != legacyVersion {
		return nil, wrong(save, "version %v of the form that torch.save wrote before 1.6 is not known", parts[1])
	}
	keys, ok := parts[4].(*pickle.List)
	if !ok || len(keys.Items) > maxMembers {
		return nil, wrong(save, "%w", errForm)
	}
	members := make(map[string]member)
	at := int64(len(b) - len(rest))
	for _, v := range keys.Items {
		key, ok := v.([]byte)
		k, known := types[string(key)]
		if _, twice := members[string(key)]; !ok || !known || twice {
			return nil, wrong(save, "%w", errForm)
		}
		var word [8]byte
		if n, err := r.ReadAt(word[:], at); n < len(word) {
			return nil, wrong(again, "it is cut off: %w", err)
		}
		n := binary.LittleEndian.Uint64(word[:])
		at += int64(len(word))
		if n > uint64((size-at)/k.size) {
			return nil, wrong(again, "a storage has %d elements of %s, and the file ends %d bytes behind its begin: it is cut off or damaged", n, k.name, size-at)
		}
		members[string(key)] = member{at, int64(n) * k.size}
		at += int64(n) * k.size
	}
	tensors, err := findTensors(parts[3], func(key string) (member, bool) {
		m, ok := members[key]
		return m, ok
	})
	return &File{data: r, order: binary.LittleEndian, tensors: tensors}, err
}

// legacyStorage returns the key and the type of ("storage", type, key, location, length,
// view). Views, of part of another storage, are of versions before 0.4.
func legacyStorage(p pickle.Persistent) (key string, k kind, err error) {
	k, key, _, err = storageID(p)
	if err != nil {
		return "", k, err
	}
	if id := p.ID.(pickle.Tuple); len(id) > 5 && id[5] != nil {
		return "", k, fmt.Errorf("a storage is part of another: PyTorch before 0.4 wrote the file")
	}
	return key, k, nil
}
