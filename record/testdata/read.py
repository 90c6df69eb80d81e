"""Judge of package record: lists what numpy and h5py read from recordings.

    read.py FILE...   prints a JSON object: FILE/ARRAY to [dtype, shape, SHA-256 of the
                      elements, little endian, row-major]; of an HDF5 file, PATH@NAME to
                      every attribute, and all groups as null, too
"""

import glob
import hashlib
import json
import os
import sys

import h5py
import numpy as np


def told(a):
    a = np.asarray(a)
    b = a.astype(a.dtype.newbyteorder("<")).tobytes(order="C")
    return [str(a.dtype), list(a.shape), hashlib.sha256(b).hexdigest()]


out = {}
for name in sys.argv[1:]:
    base = os.path.basename(name)
    if os.path.isdir(name):
        for f in sorted(glob.glob(os.path.join(name, "*.npy"))):
            out[base + "/" + os.path.basename(f)[:-4]] = told(np.load(f, mmap_mode="r"))
    elif name.endswith(".npy"):
        out[base] = told(np.load(name))
    elif name.endswith(".npz"):
        with np.load(name) as z:
            for key in z.files:
                out[base + "/" + key] = told(z[key])
    else:
        with h5py.File(name, "r") as f:
            def note(path, obj):
                for key, value in obj.attrs.items():
                    out[base + path + "@" + key] = value if isinstance(value, str) else value.item()
                out[base + path] = told(obj[()]) if isinstance(obj, h5py.Dataset) else None
            note("/", f)
            f.visititems(lambda path, obj: note("/" + path, obj))
json.dump(out, sys.stdout)
