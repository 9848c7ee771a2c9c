#ifndef NET_WELLKNOWN_H
#define NET_WELLKNOWN_H

/*
 * wellknown - the files of control/wellknown/, which are shown to whoever asks.
 *
 * They are read once, and their names are what reading the folders gave:
 * whoever asks has its words compared with these, and opens nothing.
 *
 * Names    the path below the folder, of any bytes; none begins with a dot.
 * Limits   as below.
 * Errors   what is not a file or a folder, is too much, or may not be read by
 *          everybody ends the program with EX_TEMPFAIL after a line that names
 *          it and the mend.
 */

#include "base/buf.h"

enum {
	WELLKNOWN_FILES_MAX = 100,
	WELLKNOWN_BYTES_MAX = 64 << 10, /* of a file */
	WELLKNOWN_DEPTH_MAX = 4         /* folders in folders */
};

struct wellknown_file {
	struct buf name;
	struct buf content;
};

struct wellknown {
	struct wellknown_file *files;
	size_t count;
};

/* No folder: none. */
struct wellknown wellknown_read(void);

/* The one of that name, letter for letter, or NULL. */
const struct wellknown_file *wellknown_find(
    const struct wellknown *wellknown, struct span name);

#endif
