"""Lists what h5py reads in a file: path, type, shape and values, not how they are stored."""

import sys

import h5py


def show(name, o):
    if not isinstance(o, h5py.Dataset):
        print("/" + name)
        return
    if h5py.check_string_dtype(o.dtype):
        v = o.asstr()[()]
        print("/" + name, "text", o.shape, v if o.shape == () else v.tolist())
        return
    print("/" + name, o.dtype, o.shape, o[()].tolist())


with h5py.File(sys.argv[1], "r") as f:
    f.visititems(show)
