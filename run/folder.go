package run

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"sresnet/eval"
	"sresnet/internal/atomic"
	"sresnet/internal/regular"
)

// Folder keeps one run: result.json, which is the [eval.Result], manifest.json, which
// says what was run and has the hashes of all other files, the [Views], and what else
// there is about the run, such as activations.json ([eval.Activations]) and
// changed.json ([eval.ChangedFile]). Each file is written in one step, so that after a
// kill at any moment each is the old one or the new one; the manifest comes last, so
// that its hashes tell whether all are of the same run.
type Folder struct{ dir string }

// OpenFolder makes the folder dir where it is missing and makes sure that files
// can be written into it, so that a long run does not end in an error that could
// have been known before. It removes what runs that were killed more than an hour
// ago left unfinished.
func OpenFolder(dir string) (*Folder, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("run: %s is a file; a run is kept in a folder", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("run: cannot make the folder of the run: %w", err)
	}
	removeLeftovers(dir)
	probe := filepath.Join(dir, ".probe")
	err := atomic.WriteFile(probe, func(w io.Writer) error {
		_, err := w.Write(make([]byte, 1<<12)) // One block: a full disk still makes empty files.
		return err
	})
	if err == nil {
		if err = os.Remove(probe); errors.Is(err, fs.ErrNotExist) {
			err = nil // Another process, which has just made sure as well, removed it.
		}
	}
	if err != nil {
		return nil, fmt.Errorf("run: cannot write into the folder of the run: %w", err)
	}
	return &Folder{dir}, nil
}

// leftover matches the names that atomic.WriteFile gives to unfinished files of a run.
var leftover = regexp.MustCompile(`^\.(\.probe|[^.].*\.(csv|json))\.[0-9]+\.tmp$`)

// removeLeftovers removes the unfinished files of a run that was killed. A run
// that is at it now has files of its own, which are younger.
func removeLeftovers(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && info.Mode().IsRegular() && leftover.MatchString(e.Name()) && time.Since(info.ModTime()) > time.Hour {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// File is a further file of a run, such as the curve of a search.
type File struct {
	Name  string                // Base name.
	Write func(io.Writer) error // Nil for a file that is there already.
}

// resultFile is the truth about a run.
const resultFile = "result.json"

// Views are the tables of a run, which follow from r and which nothing reads back: they
// are for people, spreadsheets and other languages.
func Views(r *eval.Result) []File {
	views := []File{
		{"accuracy.csv", r.WriteAccuracy},
		{"layers.csv", r.WriteLayers},
		{"predictions.csv", r.WritePredictions},
	}
	if len(r.Layers) > 0 && r.Layers[0].SpikesAt != nil {
		views = append(views, File{"spikes.csv", r.WriteSpikes})
	}
	if r.Energy != nil {
		views = append(views, File{"energy.json", r.Energy.WriteJSON})
	}
	return views
}

// Write keeps r with its views and the further files, and the manifest m, whose Format,
// Files, Complete and Images it fills.
func (f *Folder) Write(m Manifest, r *eval.Result, further ...File) error {
	files := append(Views(r), File{resultFile, r.WriteJSON})
	files = append(files, further...)
	m.Format, m.Complete, m.Images = Format, r.Complete, r.Images
	m.Files = make(map[string]string)
	for _, file := range files {
		if err := f.write(&m, file); err != nil {
			return err
		}
	}
	return f.writeManifest(&m)
}

// Add keeps a further file of the run that is in the folder, or a newer version of
// one.
func (f *Folder) Add(file File) error {
	m, err := ReadManifest(f.dir)
	if err != nil {
		return err
	}
	delete(m.Files, file.Name)
	if err := f.write(m, file); err != nil {
		return err
	}
	return f.writeManifest(m)
}

// write writes a file and notes its hash in m.
func (f *Folder) write(m *Manifest, file File) error {
	if !plain(file.Name) || m.Files[file.Name] != "" {
		return fmt.Errorf("run: %q is not a name for a file of a run", file.Name)
	}
	if file.Write == nil {
		sum, err := regular.Hash(filepath.Join(f.dir, file.Name))
		if err != nil {
			return fmt.Errorf("run: cannot keep the run: %w", err)
		}
		m.Files[file.Name] = sum
		return nil
	}
	h := sha256.New()
	err := atomic.WriteFile(filepath.Join(f.dir, file.Name), func(w io.Writer) error {
		return file.Write(io.MultiWriter(w, h))
	})
	if err != nil {
		return fmt.Errorf("run: cannot keep the run: %w", err)
	}
	m.Files[file.Name] = hex.EncodeToString(h.Sum(nil))
	return nil
}

func (f *Folder) writeManifest(m *Manifest) error {
	err := atomic.WriteFile(filepath.Join(f.dir, manifestFile), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(m)
	})
	if err != nil {
		return fmt.Errorf("run: cannot keep the run: %w", err)
	}
	atomic.SyncDir(f.dir)
	return nil
}

// Keep writes one file that belongs to no run, such as a table of several runs in
// the folder above theirs.
func (f *Folder) Keep(file File) error {
	if err := atomic.WriteFile(filepath.Join(f.dir, file.Name), file.Write); err != nil {
		return fmt.Errorf("run: cannot keep %s: %w", file.Name, err)
	}
	atomic.SyncDir(f.dir)
	return nil
}
