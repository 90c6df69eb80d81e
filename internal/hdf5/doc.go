// Package hdf5 reads and writes the part of HDF5 that NIR files use: trees of
// groups with typed arrays and attributes in them. It knows nothing of NIR.
//
// # Reading
//
// [Open] gives a [File], whose [Group] values have children by name and whose
// [Dataset] and [Attribute] values are an [Array] each: a shape and elements,
// row-major, which are read as the type that the caller asks for and converted
// on the way. The numbers are sections of the HDF5 File Format Specification,
// version 3.0 (https://docs.hdfgroup.org/hdf5/develop/_f_m_t3.html).
//
//	superblock          0, 1, 2, 3, behind a user block too (II.A)
//	object headers      1 and 2, shared messages in other headers (IV.A)
//	groups              symbol tables: B-tree 1, local heap (III.A.1, III.B, III.D);
//	                    link messages (IV.A.2.g); fractal heap and B-tree 2 (III.A.2, III.G)
//	attributes          messages 1 to 3 (IV.A.2.m); fractal heap, huge objects too (IV.A.2.v)
//	dataspaces          scalar, simple, null (IV.A.2.b)
//	types               integers of 1, 2, 4, 8 bytes, IEEE floats of 2, 4, 8 bytes, both
//	                    byte orders; enumerations as integers, h5py's bool; strings of
//	                    fixed and of variable length, in the global heap (IV.A.2.d, III.E)
//	layouts             compact, contiguous, chunked (IV.A.2.i)
//	indexes of chunks   B-tree 1, single chunk, implicit, fixed array, extensible
//	                    array, B-tree 2 (III.A, VII)
//	filters             deflate, shuffle, fletcher32 (IV.A.2.l)
//
// What is outside ends in an error that is [ErrUnsupported] and names it:
// compound, array, reference, opaque, bit field and variable-length sequence
// types; other floats and widths; szip, LZF, nbit, scale-offset and the filters
// of plug-ins; virtual and external data; layout messages 1 and 2 (HDF5 before
// 1.6.3); shared message tables; filters of fractal heaps. Such a dataset is
// still listed, with its shape. Soft and external links are not followed. A
// group has one name: a second hard link to it, and so a cycle, is an error.
//
// # Hostile files
//
// Every address and length is compared with the file before it is used, and
// what describes the data may be read about four times over, then the file is
// refused: valid structures do not overlap, and trees that share nodes or
// chains that come back cost more than that. [Options.MaxBytes] bounds the data.
// So memory is a small multiple of the file, plus the arrays asked for.
//
// # Writing
//
// [Create] gives a [Writer]: superblock 0, object headers 1, groups of link
// messages, contiguous or chunked data with shuffle, deflate and fletcher32,
// strings of variable length. HDF5 1.8 (2008) and later reads that. Data goes
// to the file as it is handed in, and [GroupWriter.Chunks] takes an array in parts;
// in memory stay the names, the attributes and the strings. The same calls give the
// same bytes, however many processors filter chunks.
package hdf5
