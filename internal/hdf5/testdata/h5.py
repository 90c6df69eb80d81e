"""Judge of package hdf5: h5py writes files of every kind, and lists any file.

    h5.py write DIR     writes many files into DIR
    h5.py small DIR     writes few small ones
    h5.py change FILE   changes a file that writer_test.go wrote
    h5.py odd FILE      writes a file of what is outside the subset
    h5.py list FILE...  prints, as JSON, a list per file: path, kind, type, shape,
                        values of every object and attribute, as dump in hdf5_test.go
"""

import json
import sys

import h5py
import numpy as np


def values(data):
    """The elements as texts: floats as the bits of a float64, in decimal."""
    data = np.asarray(data).ravel()
    if data.dtype.kind in "SUO":
        return [x.decode() if isinstance(x, bytes) else str(x) for x in data]
    if data.dtype.kind == "f":
        wide = data.astype("f8")
        wide[np.isnan(wide)] = np.nan
        return [str(x) for x in wide.view("u8").tolist()]
    return [str(int(x)) for x in data.tolist()]


def array(path, kind, obj, dtype, shape, read):
    if shape is None:
        return [path, kind, name(dtype), "null", []]
    return [path, kind, name(dtype), str(list(shape)).replace(",", ""), compact(values(read()))]


def compact(texts):
    """Long arrays are listed as what differs from the value before."""
    if len(texts) < 10000:
        return texts
    out, last = [], None
    for i, v in enumerate(texts):
        if v != last:
            out.append("%d:%s" % (i, v))
            last = v
    return out


def name(dtype):
    if h5py.check_string_dtype(dtype) is not None:
        return "string"
    return dtype.name


def attributes(path, obj, out):
    for k in sorted(obj.attrs.keys(), key=lambda s: s.encode()):
        a = obj.attrs.get_id(k)
        shape = None if a.get_space().get_simple_extent_type() == h5py.h5s.NULL else a.shape
        out.append(array(path + "@" + k, "attribute", a, a.dtype, shape, lambda: obj.attrs[k]))


def walk(path, obj, out):
    if isinstance(obj, h5py.Group):
        out.append([path, "group", "", "", []])
        attributes(path, obj, out)
        for k in sorted(obj.keys(), key=lambda s: s.encode()):
            if isinstance(obj.get(k, getlink=True), h5py.HardLink):
                walk(path.rstrip("/") + "/" + k, obj[k], out)
    elif isinstance(obj, h5py.Dataset):
        out.append(array(path, "dataset", obj, obj.dtype, obj.shape, lambda: obj[()]))
        attributes(path, obj, out)
    else:
        out.append([path, "type", name(obj.dtype), "", []])


def listing(file):
    out = []
    with h5py.File(file, "r") as f:
        walk("/", f, out)
    return out


rng = np.random.default_rng(1)


def types(f):
    for order in "<>":
        for t in "i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8".split():
            d = np.dtype(order + t)
            if d.kind == "f":
                x = np.array([0, -0.0, 1, -2.5, np.inf, -np.inf, np.nan, np.finfo(d).max, np.finfo(d).tiny, np.finfo(d).tiny / 4], d)
            else:
                x = np.array([0, 1, np.iinfo(d).min, np.iinfo(d).max, 100], d)
            k = t + ("be" if order == ">" else "le")
            f.create_dataset(k, data=x)
            f.attrs[k] = x
            f.create_dataset(k + "scalar", data=x[3])
    f["bool"] = np.array([[True, False], [False, True]])
    f["boolscalar"] = True
    f.attrs["bool"] = np.array([True, False])
    enum = h5py.enum_dtype({"RED": -3, "GREEN": 7, "BLUE": 300}, "i2")
    f.create_dataset("enum", data=np.array([7, -3, 300], "i2"), dtype=enum)
    f["named"] = np.dtype("<f4")
    f.create_dataset("of a named type", data=np.arange(3, dtype="f4"), dtype=f["named"])
    f.attrs.create("of a named type", np.arange(3, dtype="f4"), dtype=f["named"])


def strings(f):
    u = h5py.string_dtype("utf-8")
    a = h5py.string_dtype("ascii")
    f["text"] = "Grüße ⚡"
    f["ascii"] = np.bytes_(b"plain")
    f["empty"] = ""
    f.create_dataset("variable", data=["a", "", "bb", "long " * 100, "ü"], dtype=u)
    f.create_dataset("variable ascii", data=[["a", "b"], ["c", "d"]], dtype=a)
    f.create_dataset("fixed", data=np.array([b"abc", b"", b"12345"], "S5"))
    f.create_dataset("fixed utf8", data=np.array(["ü".encode(), b"x"], h5py.string_dtype("utf-8", 6)))
    f.create_dataset("many", data=["string %d" % i for i in range(5000)], dtype=u)
    f.create_dataset("chunked", data=["s%d" % (i % 7) for i in range(100)], dtype=u, chunks=(9,), compression="gzip")
    f.create_dataset("unwritten", shape=(3,), dtype=u)
    f.attrs["text"] = "Grüße"
    f.attrs["fixed"] = np.bytes_(b"abc")
    f.attrs["list"] = ["x", "yy", "zzz"]
    for pad, n in ((h5py.h5t.STR_NULLTERM, "terminated"), (h5py.h5t.STR_SPACEPAD, "spaces")):
        t = h5py.h5t.C_S1.copy()
        t.set_size(6)
        t.set_strpad(pad)
        d = h5py.h5d.create(f.id, n.encode(), t, h5py.h5s.create_simple((2,)))
        m = h5py.h5t.C_S1.copy()
        m.set_size(6)
        m.set_strpad(pad)
        x = np.array([b"ab\0\0\0\0", b"cde\0\0\0"] if n == "terminated" else [b"ab    ", b"cde   "], "S6")
        d.write(h5py.h5s.ALL, h5py.h5s.ALL, x, m)


def shapes(f):
    for d, x in (("f", np.float32), ("i", np.int64)):
        f[d + "scalar"] = x(7)
        f[d + "empty1"] = np.zeros((0,), x)
        f[d + "empty3"] = np.zeros((2, 0, 3), x)
        f[d + "five"] = np.arange(2 * 3 * 4 * 5 * 6).reshape(2, 3, 4, 5, 6).astype(x)
        f[d + "null"] = h5py.Empty(x)
        f.attrs[d + "null"] = h5py.Empty(x)
        f.attrs[d + "empty"] = np.zeros((0, 2), x)
        f.attrs[d + "matrix"] = np.arange(6).reshape(2, 3).astype(x)
    f.create_dataset("fill", shape=(3, 4), dtype="i2", fillvalue=-5)
    f.create_dataset("hole", shape=(30, 40), dtype="f4", chunks=(7, 9), fillvalue=2.5)[8:9, 12:15] = 1
    f.create_dataset("compact", data=1)
    p = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    p.set_layout(h5py.h5d.COMPACT)
    d = h5py.h5d.create(f.id, b"compact array", h5py.h5t.IEEE_F64LE, h5py.h5s.create_simple((4, 3)), p)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(12.0).reshape(4, 3))


def layouts(f):
    x = rng.integers(-1000, 1000, (23, 17, 5)).astype("i4")
    y = rng.standard_normal(5000).astype("f4")
    maxes = {
        "fixed": [(23, 17, 5), (5000,)],
        "larger": [(40, 20, 6), (7000,)],
        "first": [(None, 17, 5), (None,)],
        "second": [(40, None, 8), (None,)],
        "third": [(23, 30, None), (None,)],
        "all": [(None, None, None), (None,)],
    }
    filters = {
        "none": {},
        "deflate": dict(compression="gzip"),
        "shuffle": dict(compression="gzip", compression_opts=9, shuffle=True),
        "only": dict(shuffle=True),
        "fletcher": dict(fletcher32=True),
        "allthree": dict(compression="gzip", shuffle=True, fletcher32=True),
    }
    for m, (mx, my) in maxes.items():
        for n, kw in filters.items():
            f.create_dataset("x %s %s" % (m, n), data=x, chunks=(5, 4, 3), maxshape=mx, **kw)
            f.create_dataset("y %s %s" % (m, n), data=y, chunks=(7,), maxshape=my, **kw)
            f.create_dataset("one %s %s" % (m, n), data=x, chunks=(23, 17, 5), maxshape=mx, **kw)
    for n in ("none", "allthree"):
        # Thousands of chunks: paged arrays, B-trees of several levels.
        z = np.arange(4900, dtype="u2")
        f.create_dataset("paged fixed %s" % n, data=z, chunks=(1,), maxshape=(6000,), **filters[n])
        f.create_dataset("paged grown %s" % n, data=z, chunks=(1,), maxshape=(None,), **filters[n])
        f.create_dataset("paged all %s" % n, data=z.reshape(70, 70), chunks=(1, 1), maxshape=(None, None), **filters[n])
        # Only beyond 131,000 chunks has an extensible array pages.
        for k, m in (("fixed", 140000), ("grown", None)):
            d = f.create_dataset("sparse %s %s" % (k, n), shape=(135000,), dtype="u1", chunks=(1,), maxshape=(m,), **filters[n])
            for i in (5, 5000, 55555, 134001, 134999):
                d[i] = i % 251
    d = f.create_dataset("shrunk", data=x, chunks=(5, 4, 3), maxshape=(None, None, 5))
    d.resize((11, 6, 5))
    d = f.create_dataset("grown", data=x, chunks=(5, 4, 3), maxshape=(None, 30, 5))
    d.resize((31, 19, 5))
    for early in (False, True):
        p = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        p.set_chunk((5, 4, 3))
        if early:
            p.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)  # With libver latest: no index at all.
        s = h5py.h5s.create_simple((23, 17, 5), (33, 21, 6))
        d = h5py.h5d.create(f.id, b"early" if early else b"late", h5py.h5t.STD_I32BE, s, p)
        d.write(h5py.h5s.ALL, h5py.h5s.ALL, x)


def many(f):
    g = f.create_group("groups")
    for i in range(3000):
        g.create_group("child %d" % i)
    a = f.create_group("attributes")
    for i in range(300):
        a.attrs["attribute %d" % i] = np.arange(i % 5)
    a.attrs["text"] = ["a", "b"]
    if dense:
        a.attrs["large"] = np.arange(20000)
    n = f.create_group("naïve ⚡ name.with dots")
    n["ü"] = 1
    n.attrs["ß"] = 2
    t = f.create_group("tracked", track_order=True)
    for i in range(20):
        t["z%d" % (19 - i)] = i
        t.attrs["z%d" % (19 - i)] = i
    d = f.create_dataset("dataset", data=[1, 2, 3])
    for i in range(20):
        d.attrs["a%d" % i] = "v" * i
    deep = f
    for i in range(40):
        deep = deep.create_group("d%d" % i)
    f["soft"] = h5py.SoftLink("/dataset")
    f["nowhere"] = h5py.ExternalLink("other.h5", "/x")
    f["second name"] = d


dense = False


def write(dir):
    global dense
    for libver in ("earliest", "v108", "latest"):
        dense = libver != "earliest"
        for fill in (types, strings, shapes, layouts, many):
            if fill == layouts and libver == "v108":
                continue  # As earliest.
            with h5py.File("%s/%s %s.h5" % (dir, fill.__name__, libver), "w", libver=libver) as f:
                fill(f)
    dense = False
    for width in (4, 2):  # 2-byte addresses cannot reach far.
        p = h5py.h5p.create(h5py.h5p.FILE_CREATE)
        p.set_sizes(width, width)
        for fill in (types, shapes) if width == 2 else (types, strings, shapes, many):
            id = h5py.h5f.create(("%s/%s width %d.h5" % (dir, fill.__name__, width)).encode(), h5py.h5f.ACC_TRUNC, fcpl=p)
            with h5py.File(id) as f:
                if width == 2:
                    f["x"] = np.arange(10)
                    f.attrs["y"] = 1.5
                else:
                    fill(f)
    with h5py.File(dir + "/user block.h5", "w", userblock_size=1024) as f:
        types(f)
    with h5py.File(dir + "/user block latest.h5", "w", userblock_size=512, libver="latest") as f:
        types(f)


def small(dir):
    """Small files, for tests that damage every byte."""
    for libver in ("earliest", "latest"):
        with h5py.File("%s/groups %s.h5" % (dir, libver), "w", libver=libver) as f:
            d = f.create_dataset("text", data=["a", "bb"], dtype=h5py.string_dtype())
            d.attrs["text"] = "x"
            g = f.create_group("group")
            for i in range(10):
                g["child %d" % i] = d
                g.attrs["attribute %d" % i] = i
        x = np.arange(6, dtype="i2").reshape(2, 3)
        limits = {"single": (2, 3), "fixed": (4, 3), "grown": (None, 3), "all": (None, None)}
        for name, limit in limits.items():
            with h5py.File("%s/%s %s.h5" % (dir, name, libver), "w", libver=libver) as f:
                chunk = (2, 3) if name == "single" else (1, 2)
                f.create_dataset("x", data=x, chunks=chunk, maxshape=limit, compression="gzip", shuffle=True, fletcher32=True)


def change(file):
    with h5py.File(file, "r+") as f:
        f["new"] = 1
        f["node/new"] = "x"
        f["version"][()] = "2.0"
        f["chunks/x2"][...] = 3
        f["node"].attrs["text"] = "longer than it was before"
        f["node"].attrs["new"] = [1, 2]
        f["many"].create_group("new")
        del f["kinds"]


def odd(file):
    with h5py.File(file, "w", libver="latest") as f:
        x = np.arange(10.0)
        f["compound"] = np.zeros(10, [("a", "i4"), ("b", "f4")])
        f["complex"] = x.astype("c8")
        f.create_dataset("array", shape=(10,), dtype=np.dtype(("f4", (2,))))
        f.create_dataset("sequence", shape=(10,), dtype=h5py.vlen_dtype(np.dtype("i4")))
        f.create_dataset("reference", shape=(10,), dtype=h5py.ref_dtype)
        f["opaque"] = np.zeros(10, "V5")
        f["long double"] = x.astype(np.longdouble)
        f.create_dataset("lzf", data=x, compression="lzf")
        f.create_dataset("scale-offset", data=x.astype("i4"), scaleoffset=0)
        f.create_dataset("external", data=x, external=[(file + ".raw", 0, h5py.h5f.UNLIMITED)])
        v = h5py.VirtualLayout((10,), "f8")
        v[:] = h5py.VirtualSource(f["lzf"])
        f.create_virtual_dataset("virtual", v)
        f["soft link"] = h5py.SoftLink("/lzf")
        f["external link"] = h5py.ExternalLink("other.h5", "/x")
        # 24-bit integers and bfloat16.
        for name, t, size in (("int24", h5py.h5t.STD_I32LE.copy(), 3), ("bfloat16", h5py.h5t.IEEE_F32LE.copy(), 2)):
            if name == "int24":
                t.set_precision(24)
            else:
                t.set_fields(15, 7, 8, 0, 7)
                t.set_precision(16)
            t.set_size(size)
            h5py.h5d.create(f.id, name.encode(), t, h5py.h5s.create_simple((10,)))


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2])
    elif sys.argv[1] == "small":
        small(sys.argv[2])
    elif sys.argv[1] == "change":
        change(sys.argv[2])
    elif sys.argv[1] == "odd":
        odd(sys.argv[2])
    else:
        json.dump([listing(x) for x in sys.argv[2:]], sys.stdout)
