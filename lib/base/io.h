#ifndef BASE_IO_H
#define BASE_IO_H

/*
 * io - buffered reading and writing of descriptors, with a deadline.
 *
 * The fd must be non-blocking, or a regular file.  A failure is sticky: after
 * the first one a reader is at its end and a writer drops what it is given, so
 * a caller checks status at the end of a unit of work, not after each call.
 */

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

enum io_status {
	IO_OK,
	IO_EOF,
	IO_TIMEOUT,
	IO_TOO_LONG,
	IO_ERROR
};

enum {
	READER_SIZE = 32768,
	WRITER_SIZE = 32768,
	PATIENCE_MS = 1000
};

/*
 * A deadline that may move while it is waited for: until is asked before each
 * wait, and every PATIENCE_MS while one lasts, until when (clock_ms) that may
 * last which began at began_ms.
 */
struct patience {
	int64_t (*until)(void *context, int64_t began_ms);
	void *context;
};

/*
 * What lies between the buffers and the fd, as COMPRESS of IMAP does
 * (net/deflate.h); its functions do not wait.
 *
 * read    as read(2), but decoded; fd -1: only of what was read already.
 *         EBADMSG: nobody can decode it, now and later.
 * encode  some bytes off the front of *plain; returns what is to be written
 *         next, empty if that is all.  is_end: the other side must be able to
 *         read up to here.
 */
struct io_layer {
	ssize_t (*read)(void *context, int fd, char *into, size_t max);
	struct span (*encode)(void *context, struct span *plain, bool is_end);
	void *context;
};

struct writer {
	int fd;
	int64_t timeout_ms;              /* for one flush */
	const struct patience *patience; /* instead of timeout_ms, or NULL */
	const struct io_layer *layer;    /* or NULL */
	bool is_behind; /* the layer has bytes that were not flushed */
	enum io_status status;
	int error; /* errno, if status is IO_ERROR */
	size_t used;
	char bytes[WRITER_SIZE];
};

struct reader {
	int fd;
	int64_t timeout_ms;              /* for one line or fill */
	const struct patience *patience; /* instead of timeout_ms, or NULL */
	const struct io_layer *layer;    /* or NULL */
	struct writer *peer;             /* flushed before each wait, or NULL */
	enum io_status status;
	int error;
	bool is_drained; /* the last read took all that was there */
	bool is_eager;   /* may look again at once, for a prompt client */
	bool is_prompt;  /* its last bytes came within microseconds */
	size_t start;
	size_t end;
	size_t high;       /* bytes before it may hold what was read */
	char before_lf[3]; /* of a line that was too long, its last bytes */
	char bytes[READER_SIZE];
};

/* Forget all state; the buffers' bytes are not touched (idle memory). */
void reader_init(struct reader *in, int fd, int64_t timeout_ms);
void writer_init(struct writer *out, int fd, int64_t timeout_ms);

/*
 * Read through the next LF into *line (LF included), whose max bounds it.
 * IO_TOO_LONG: the line was read to its end, *line has some of its beginning
 * and in->before_lf are the bytes before its LF; not sticky. At end of input
 * what was left without an LF is in *line, with IO_EOF.
 */
enum io_status read_line(struct reader *in, struct buf *line);

/*
 * Some bytes that are next in the input, at least one: waits only if none is
 * buffered.  They stay valid and unread until reader_consume, which must be
 * called before anything else is read.
 */
enum io_status reader_peek(struct reader *in, struct span *bytes);
void reader_consume(struct reader *in, size_t bytes);

/* The next octets of the input, piece by piece; false if it ends before. */
typedef void io_taker(void *context, struct span bytes);
bool read_octets(
    struct reader *in, uint64_t octets, io_taker *take, void *context);

/* Are bytes buffered that were read from the fd and not yet consumed? */
bool reader_has_buffered(const struct reader *in);

/*
 * Before a poll(2) of the fd: is there something to read, or the end, without
 * it? What the layer has is decoded.
 */
bool reader_is_ready(struct reader *in);

/* Overwrite all that was read and consumed: after a line with a secret. */
void reader_wipe(struct reader *in);

/* Throw away what is buffered (RFC 3207 section 4.2 and its like). */
void reader_discard(struct reader *in);

void write_span(struct writer *out, struct span bytes);
void write_string(struct writer *out, const char *string);
enum io_status writer_flush(struct writer *out);

/* Read fd to its end, appending to *into; IO_TOO_LONG past its max. */
enum io_status read_all(int fd, struct buf *into, int64_t timeout_ms);

/* Write all of bytes to a blocking fd; false with errno set if it fails. */
bool write_all(int fd, struct span bytes);

/*
 * Hand length bytes of a file, from offset, to take, piece by piece, until it
 * returns false (errno its own) or they end.  False with errno set: EIO if the
 * file is shorter.
 */
bool read_pieces(int fd, uint64_t offset, uint64_t length,
    bool (*take)(void *context, struct span piece), void *context);

/* The same, written to a blocking out. */
bool copy_bytes(int fd, uint64_t offset, uint64_t length, int out);

/* Milliseconds on a clock that never steps. */
int64_t clock_ms(void);

/* Microseconds since 1970, UTC. */
uint64_t clock_utc_us(void);

/* Both end the program with EX_TEMPFAIL if the kernel refuses. */
void fd_set_nonblocking(int fd);
void fd_set_cloexec(int fd, bool on);

/*
 * fstat(2) by its own system call: the C library's asks for an empty path,
 * which the jail of a program without files does not allow.
 */
struct stat;
bool fd_status(int fd, struct stat *status);

#endif
