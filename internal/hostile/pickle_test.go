//go:build linux

package hostile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
)

// A pickle is put together of these: what pushes a value, as text.

func str(s string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
}

func num(n int64) string {
	if n >= 0 && n < 256 {
		return "K" + string([]byte{byte(n)})
	}
	return "\x8a\x07" + string(binary.LittleEndian.AppendUint64(nil, uint64(n))[:7])
}

func tup(values ...string) string { return "(" + strings.Join(values, "") + "t" }

func nums(list ...int64) string {
	var values []string
	for _, n := range list {
		values = append(values, num(n))
	}
	return tup(values...)
}

func global(module, name string) string { return "c" + module + "\n" + name + "\n" }

func call(module, name string, args ...string) string {
	return global(module, name) + tup(args...) + "R"
}

// dict is one of values, each after its key.
func dict(items ...string) string { return "}(" + strings.Join(items, "") + "u" }

func ended(value string) string { return "\x80\x02" + value + "." }

// storage is elements that are in the archive.
func storage(kind, key string, length int64) string {
	return tup(str("storage"), global("torch", kind), str(key), str("cpu"), num(length)) + "Q"
}

func rebuilt(storage string, offset int64, shape, strides string) string {
	return call("torch._utils", "_rebuild_tensor_v2", storage, num(offset), shape, strides, "\x89", call("collections", "OrderedDict"))
}

// member is a file in an archive.
type member struct {
	name    string
	content string
	method  uint16
}

func archived(members ...member) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		w, err := z.CreateHeader(&zip.FileHeader{Name: m.name, Method: m.method})
		if err == nil {
			_, err = w.Write([]byte(m.content))
		}
		if err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// checkpoint is a file as torch.save writes it, with one storage of 16 bytes.
func checkpoint(pickle string, more ...member) []byte {
	list := []member{{name: "archive/data.pkl", content: pickle}, {name: "archive/data/0", content: strings.Repeat("\x00", 16)}}
	return archived(append(list, more...)...)
}

// pickles are bad files of torch.save, w.pt each.
func pickles() []hostile {
	raw := func(name string, make func() []byte, want ...string) hostile {
		return hostile{name: name, args: "inspect w.pt", want: append(want, "w.pt"), make: func(f *files) { f.write("w.pt", make()) }}
	}
	value := func(name, value string, want ...string) hostile {
		return raw(name, func() []byte { return checkpoint(ended(value)) }, want...)
	}
	// weight is a file with one tensor.
	weight := func(name, tensor string, want ...string) hostile {
		return value(name, dict(str("conv1.weight"), tensor), append(want, "conv1.weight")...)
	}
	four := storage("FloatStorage", "0", 4)
	sound := rebuilt(four, 0, nums(2, 2), nums(2, 1))
	// run is a file that has Python run something as soon as it is loaded.
	run := func(name, value string) hostile {
		h := raw(name, func() []byte { return checkpoint(ended(value)) }, "not run")
		return h
	}
	const touch = "touch owned"
	list := []hostile{
		run("os.system", call("os", "system", str(touch))),
		run("posix.system", call("posix", "system", str(touch))),
		run("eval", call("__builtin__", "eval", str("__import__('os').system('"+touch+"')"))),
		run("exec of Python 3", call("builtins", "exec", str(touch))),
		run("subprocess", call("subprocess", "Popen", str(touch))),
		run("getattr", call("builtins", "getattr", global("os", "system"), str("x"))),
		run("import in a value", dict(str("conv1.weight"), call("importlib", "import_module", str("os")))),
		run("torch.load in torch.load", call("torch.serialization", "load", str("w.pt"))),
		run("a whole model", call("torch.nn.modules.container", "Sequential")),
		run("arguments of a program", dict(str("args"), call("argparse", "Namespace"), str("state_dict"), dict(str("a"), sound))),
		run("numbers of numpy", dict(str("best"), call("numpy.core.multiarray", "scalar", num(1)))),
		run("name of a megabyte", call(strings.Repeat("a", 1<<20), "b")),
		run("name that draws on terminals", call("\x1b[2J\x1b]0;owned\a", "b")),
		run("stack global", str("os")+str("system")+"\x93"+tup(str(touch))+"R"),
		run("type of storage that nobody knows", dict(str("a"), rebuilt(storage("QInt8Storage", "0", 4), 0, nums(4), nums(1)))),
		value("instance of a class", tup(str("x"))+"(ios\nsystem\n", "instruction"),
		value("object of a class", "(cos\nsystem\no", "os.system"),
		value("new object", global("collections", "OrderedDict")+")\x81", "instruction"),
		value("extension registry", "\x82\x01", "instruction"),
		value("persistent number", "Q", "damaged"),
		value("persistent name", "P0\n", "instruction"),
		value("numbers as text", "I1\n", "instruction"),
		value("call of what cannot be called", str("x")+")R", "damaged"),
		value("call without arguments", "cos\n"),
		value("state of a number", num(1)+dict()+"b", "damaged"),
		value("state of a call", rebuilt(four, 0, nums(4), nums(1))+dict(str("__class__"), str("os"))+"b"),
		value("empty", ""),
		value("a number", num(7), "dictionary"),
		value("a list", "]", "dictionary"),
		value("one tensor", sound, "dictionary"),
		value("no tensors", dict(str("epoch"), num(3)), "no dictionary of tensors"),
		value("two dictionaries of tensors", dict(str("first"), dict(str("a"), sound), str("second"), dict(str("a"), sound)), "first, second"),
		value("list in itself", "]q\x00h\x00a", "dictionary"),
		value("dictionary in itself", "}q\x00"+str("state_dict")+"h\x00s"),
		value("lists in lists", strings.Repeat("](", 30000)+strings.Repeat("e", 30000)),
		value("tuples in tuples", strings.Repeat("(", 30000)+strings.Repeat("t", 30000)),
		value("tuple of one, again and again", ")"+strings.Repeat("\x85", 500000), "dictionary"),
		value("half a million lists", strings.Repeat("]", 1<<19), "stack"),
		value("a million instructions", strings.Repeat("]0", 1<<20), "instructions"),
		value("half a million numbers of the memo", "]"+func() string {
			var b strings.Builder
			for i := range 1 << 18 {
				b.WriteString("r" + string(binary.LittleEndian.AppendUint32(nil, uint32(i))))
			}
			return b.String()
		}(), "dictionary"),
		value("list of lists of lists", "](q\x00"+strings.Repeat("h\x00h\x00", 1000)+"e"),
		value("memo that is empty", "h\x07", "damaged"),
		value("mark that is missing", "t", "damaged"),
		value("string of 2 GB", "X\xff\xff\xff\x7f", "truncated"),
		value("bytes of an exabyte", "\x8e\xff\xff\xff\xff\xff\xff\xff\x0f", "truncated"),
		value("long number that breaks off", "\x8a\xff", "truncated"),
		value("items without values", "}(X\x01\x00\x00\x00au", "damaged"),
		raw("pickle without an end", func() []byte { return checkpoint("\x80\x02}") }, "truncated"),
		raw("pickle that is empty", func() []byte { return checkpoint("") }, "truncated"),

		weight("tensor of no storage", rebuilt(num(1), 0, nums(4), nums(1))),
		weight("storage that is not there", rebuilt(storage("FloatStorage", "1", 4), 0, nums(4), nums(1)), "is not in the file"),
		weight("storage of another folder", rebuilt(storage("FloatStorage", "../../secret", 4), 0, nums(4), nums(1)), "is not in the file"),
		weight("storage of an absolute path", rebuilt(storage("FloatStorage", "/etc/passwd", 4), 0, nums(4), nums(1)), "is not in the file"),
		weight("storage that is the pickle", rebuilt(storage("FloatStorage", "../data.pkl", 4), 0, nums(4), nums(1)), "is not in the file"),
		weight("storage of a name without end", rebuilt(storage("FloatStorage", strings.Repeat("9", 1<<20), 4), 0, nums(4), nums(1)), "is not in the file"),
		weight("storage that is too small", rebuilt(storage("FloatStorage", "0", 5), 0, nums(4), nums(1)), "16 bytes"),
		weight("storage of a petabyte", rebuilt(storage("FloatStorage", "0", 1<<50), 0, nums(1<<50), nums(1)), "16 bytes"),
		weight("storage below 0", rebuilt(storage("FloatStorage", "0", -4), 0, nums(4), nums(1)), "16 bytes"),
		weight("offset beyond the storage", rebuilt(four, 1, nums(2, 2), nums(2, 1)), "begins at 1"),
		weight("offset below 0", rebuilt(four, -1, nums(2), nums(1)), "begins at -1"),
		weight("offset that overflows", rebuilt(four, 1<<54, nums(2), nums(1)), "begins at"),
		weight("shape below 0", rebuilt(four, 0, nums(-1, -4), nums(1, 1))),
		weight("shape that overflows", rebuilt(four, 0, nums(1<<32, 1<<32), nums(0, 0)), "axis"),
		weight("shape above the storage", rebuilt(four, 0, nums(4, 4), nums(1, 0)), "more elements"),
		weight("shape of a thousand axes", rebuilt(four, 0, nums(make([]int64, 1000)...), nums(make([]int64, 1000)...)), "1000 axes"),
		weight("shape of words", rebuilt(four, 0, tup(str("a")), nums(1))),
		weight("strides below 0", rebuilt(four, 3, nums(2), nums(-1))),
		weight("strides that overflow", rebuilt(four, 0, nums(2, 2), nums(1<<54, 1<<54)), "beyond"),
		weight("strides of fewer axes", rebuilt(four, 0, nums(2, 2), nums(1)), "2 axes and 1 strides"),
		weight("strides beyond the storage", rebuilt(four, 0, nums(2, 2), nums(3, 1)), "beyond"),
		weight("tensor of two arguments", call("torch._utils", "_rebuild_tensor_v2", four, num(0))),
		weight("parameter of a number", call("torch._utils", "_rebuild_parameter", num(0), "\x88", num(0))),
		weight("parameter in parameters", call("torch._utils", "_rebuild_parameter", call("torch._utils", "_rebuild_parameter", sound))),
		value("name of a megabyte, of a tensor", dict(str(strings.Repeat("a", 1<<20)), sound), "1048576"),
		raw("ten thousand tensors in one place", func() []byte {
			var items []string
			for i := range 5000 {
				items = append(items, str(fmt.Sprint("w", i)), sound)
			}
			return checkpoint(ended(dict(items...)))
		}, "no known architecture"),

		raw("archive that is cut off", func() []byte { b := checkpoint(ended(dict(str("a"), sound))); return b[:len(b)/2] }, "cut off"),
		raw("archive of nothing", func() []byte { return archived() }),
		raw("archive without a pickle", func() []byte { return archived(member{name: "archive/data/0", content: "0000"}) }, "data.pkl"),
		raw("archive of two pickles", func() []byte { return checkpoint(ended("}"), member{name: "other/data.pkl", content: "}."}) }, "two files"),
		raw("archive of a name twice", func() []byte {
			return checkpoint(ended(dict(str("a"), sound)), member{name: "archive/data/0", content: "0000"})
		}, "two files"),
		raw("pickle that is compressed", func() []byte {
			return archived(member{name: "archive/data.pkl", content: strings.Repeat("]0", 1<<26), method: zip.Deflate})
		}, "w.pt"),
		raw("weights that are compressed", func() []byte {
			return archived(member{name: "archive/data.pkl", content: ended(dict(str("a"), sound))}, member{name: "archive/data/0", content: strings.Repeat("\x00", 1<<10), method: zip.Deflate})
		}, "w.pt"),
		raw("sizes that are not those of the archive", func() []byte {
			b := checkpoint(ended(dict(str("a"), sound)))
			at := bytes.LastIndex(b, []byte("PK\x01\x02"))
			binary.LittleEndian.PutUint32(b[at+20:], 1<<31)
			binary.LittleEndian.PutUint32(b[at+24:], 1<<31)
			return b
		}, "claims more"),
		raw("members in one place", func() []byte { return overlapping(5000, 1<<16) }),
		raw("a hundred thousand members", func() []byte {
			more := make([]member, 100000)
			for i := range more {
				more[i].name = fmt.Sprint("archive/data/", i+1)
			}
			return checkpoint(ended(dict(str("a"), sound)), more...)
		}, "files"),
		raw("program of TorchScript", func() []byte { return checkpoint(ended("}"), member{name: "archive/constants.pkl", content: ")."}) }, "TorchScript"),
		raw("byte order that nobody knows", func() []byte {
			return checkpoint(ended(dict(str("a"), sound)), member{name: "archive/byteorder", content: "middle"})
		}, "middle"),
		raw("before version 1.6, cut off", func() []byte { return []byte("\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.") }, "truncated"),
		raw("before version 1.6, a call", func() []byte {
			return []byte("\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.\x80\x02].")
		}, "it is not run"),
		raw("before version 1.6, of another version", func() []byte {
			return []byte("\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe8\x03.\x80\x02}.\x80\x02}.\x80\x02].")
		}, "version 1000"),
		raw("pickle without an archive", func() []byte { return []byte(ended(call("os", "system", str(touch)))) }, "pickle"),
		raw("safetensors by another name", func() []byte { return []byte("\x02\x00\x00\x00\x00\x00\x00\x00{}") }, "safetensors"),
		raw("page of a server, for weights", func() []byte { return []byte("<!DOCTYPE html>") }, "web page"),
		raw("text, for weights", func() []byte { return []byte("weights of my network\n") }, "torch.save"),
		raw("nothing", func() []byte { return nil }, "empty"),
		{name: "folder of weights", args: "inspect w.pt", want: []string{"w.pt"}, make: func(f *files) { f.folder("w.pt") }},
		{name: "pipe of weights", args: "inspect w.pth", want: []string{"w.pth"}, make: func(f *files) { f.pipe("w.pth") }},
		{name: "device of weights", args: "inspect w.pt", want: []string{"w.pt"}, make: func(f *files) { f.link("/dev/zero", "w.pt") }},
		{name: "hole of a terabyte, of weights", args: "inspect w.pt", want: []string{"w.pt"}, make: func(f *files) { f.sparse("w.pt", 1<<40) }},
	}
	return list
}

// overlapping is an archive of n members that are the same bytes.
func overlapping(n, size int) []byte {
	content := bytes.Repeat([]byte{'.'}, size)
	b := archived(member{name: "archive/data.pkl", content: string(content)})
	sum := crc32.ChecksumIEEE(content)
	at := bytes.LastIndex(b, []byte("PK\x01\x02"))
	begin := len(b[:at])
	b = b[:at]
	for i := range n {
		name := fmt.Sprint("archive/data/", i)
		if i == 0 {
			name = "archive/data.pkl"
		}
		h := make([]byte, 46)
		copy(h, "PK\x01\x02")
		binary.LittleEndian.PutUint32(h[16:], sum)
		binary.LittleEndian.PutUint32(h[20:], uint32(size))
		binary.LittleEndian.PutUint32(h[24:], uint32(size))
		binary.LittleEndian.PutUint16(h[28:], uint16(len(name)))
		b = append(append(b, h...), name...)
	}
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	binary.LittleEndian.PutUint16(end[8:], uint16(n))
	binary.LittleEndian.PutUint16(end[10:], uint16(n))
	binary.LittleEndian.PutUint32(end[12:], uint32(len(b)-begin))
	binary.LittleEndian.PutUint32(end[16:], uint32(begin))
	return append(b, end...)
}
