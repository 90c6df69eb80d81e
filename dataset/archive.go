package dataset

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"

	"sresnet/internal/regular"
)

// maxArchived bounds a file of a CIFAR data set, of which the largest has 155 MB.
const maxArchived = 1 << 29

// readArchive returns the content of those files of a .tar.gz whose names, without
// folders, are wanted. It holds no more memory than those files have, and no more than
// a small multiple of the archive's size, no matter what its headers claim.
func readArchive(name string, wanted func(base string) bool) (map[string][]byte, error) {
	f, size, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	damaged := func(err error) error {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%s: half an archive, as from an interrupted download: get it again", name)
		}
		return fmt.Errorf("%s: not a .tar.gz file, or a damaged one: %v", name, err)
	}
	z, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return nil, damaged(err)
	}
	limit := max(minInflated, maxInflation*size)
	t := tar.NewReader(io.LimitReader(z, limit))
	files := make(map[string][]byte)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, damaged(err)
		}
		base := path.Base(h.Name)
		if h.Typeflag != tar.TypeReg || !wanted(base) {
			continue
		}
		if h.Size > min(maxArchived, limit) || files[base] != nil {
			return nil, fmt.Errorf("%s: no CIFAR archive has a second %s, or one of %d bytes", name, base, h.Size)
		}
		if files[base], err = io.ReadAll(t); err != nil {
			return nil, damaged(err)
		}
	}
}
