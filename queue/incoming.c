#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/io.h"
#include "queue/injector.h"

void
incoming_init(struct incoming *incoming, const struct queue_id *id)
{
	*incoming = (struct incoming){ .fd = -1,
		.sum = queue_sum_new(),
		.name = { .id = *id },
		.start = buf_new(INJECTOR_INLINE_MAX) };
}

static bool
append(struct incoming *incoming, struct span bytes)
{
	if (!write_all(incoming->fd, bytes))
		return false;
	incoming->written += bytes.len;
	return true;
}

/*
 * Something has our name already (a report's and a forward's id are derived,
 * and so the same again): an injector writes it now (false, EBUSY), died
 * writing it (torn, and removed), or died between its write and its sync
 * (whole: *fd is it, locked).  It was never acknowledged.
 */
static bool
settle_remains(
    int folder, const char *text, const struct queue_name *name, int *fd)
{
	struct queue_file file;
	int found = openat(folder, text, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	*fd = -1;
	if (found == -1)
		return errno == ENOENT;
	if (flock(found, LOCK_EX | LOCK_NB) == -1) {
		close(found);
		errno = EBUSY;
		return false;
	}
	bool is_whole = name != NULL && queue_file_read(&file, found, name);
	if (is_whole) {
		is_whole = queue_file_check(&file);
		queue_file_free(&file);
	}
	if (is_whole) {
		*fd = found;
		return true;
	}
	bool is_gone = unlinkat(folder, text, 0) == 0 || errno == ENOENT;
	close(found);
	return is_gone;
}

/* A new file, or (*is_there) the whole one that an injector left. */
static int
create(
    int folder, const char *text, const struct queue_name *name, bool *is_there)
{
	int fd = spool_create(folder, text);

	*is_there = false;
	if (fd != -1 || errno != EEXIST)
		return fd;
	if (!settle_remains(folder, text, name, &fd))
		return -1;
	*is_there = fd != -1;
	return *is_there ? fd : spool_create(folder, text);
}

/* The message has outgrown memory: go on in tmp/. */
static bool
begin_file(struct injector *injector, struct incoming *incoming,
    const struct envelope *envelope)
{
	struct buf head = buf_new(QUEUE_PLAIN_HEAD_MAX);
	bool is_there;

	incoming->fd = create(
	    injector->spool.temporary, incoming->name.id.text, NULL, &is_there);
	if (incoming->fd == -1)
		return false;
	incoming->is_in_tmp = true;
	incoming->name.is_plain = envelope != NULL &&
				  queue_add_plain_head(&head, envelope) &&
				  !head.overflow;
	bool is_written = true;
	if (incoming->name.is_plain) {
		incoming->head_bytes = head.len;
		queue_sum_add(incoming->sum, buf_span(&head));
		is_written = append(incoming, buf_span(&head));
	}
	buf_free(&head);
	queue_sum_add(incoming->sum, buf_span(&incoming->start));
	is_written = is_written && append(incoming, buf_span(&incoming->start));
	buf_free(&incoming->start);
	return is_written;
}

bool
incoming_add(struct injector *injector, struct incoming *incoming,
    struct span bytes, const struct envelope *envelope_so_far)
{
	uint64_t size =
	    incoming->fd == -1 ? incoming->start.len : incoming->written;

	if (injector->size_max > 0 && size + bytes.len > injector->size_max) {
		errno = EFBIG;
		return false;
	}
	if (incoming->fd == -1) {
		if (incoming->start.len + bytes.len <= INJECTOR_INLINE_MAX) {
			buf_add(&incoming->start, bytes);
			return true;
		}
		if (!begin_file(injector, incoming, envelope_so_far))
			return false;
	}
	queue_sum_add(incoming->sum, bytes);
	return append(incoming, bytes);
}

/* Create NAME in new/ and write head, message and tail with one call. */
static bool
write_whole(struct injector *injector, struct incoming *incoming,
    struct span head, struct span tail)
{
	char name[QUEUE_NAME_MAX];
	struct span parts[3] = { head, buf_span(&incoming->start), tail };
	struct iovec vector[3];
	size_t total = 0;
	bool is_there;

	queue_name_format(&incoming->name, name);
	incoming->fd =
	    create(injector->spool.arrived, name, &incoming->name, &is_there);
	if (incoming->fd == -1)
		return false;
	incoming->is_in_new = true;
	if (is_there)
		return true;
	for (int i = 0; i < 3; i++) {
		vector[i].iov_base = (void *)(uintptr_t)parts[i].ptr;
		vector[i].iov_len = parts[i].len;
		total += parts[i].len;
	}
	ssize_t put = writev(incoming->fd, vector, 3);
	if (put >= 0 && (size_t)put < total)
		errno = ENOSPC; /* a short write to a file is a full disk */
	return put == (ssize_t)total;
}

static bool
finish_small(struct injector *injector, struct incoming *incoming,
    struct span envelope_bytes, const struct envelope *envelope)
{
	struct buf head = buf_new(QUEUE_PLAIN_HEAD_MAX);
	struct buf tail = buf_new(SIZE_MAX / 2);
	bool is_plain = queue_add_plain_head(&head, envelope) && !head.overflow;

	if (is_plain) {
		queue_sum_add(incoming->sum, buf_span(&head));
		queue_sum_add(incoming->sum, buf_span(&incoming->start));
		incoming->name.is_plain = true;
		incoming->name.length = head.len + incoming->start.len;
		incoming->name.checksum = queue_sum_value(incoming->sum);
	} else {
		buf_clear(&head);
		queue_sum_add(incoming->sum, buf_span(&incoming->start));
		queue_add_tail(&tail, incoming->sum, incoming->start.len,
		    envelope_bytes, envelope);
	}
	bool is_written =
	    write_whole(injector, incoming, buf_span(&head), buf_span(&tail));
	int error = errno;
	buf_free(&head);
	buf_free(&tail);
	errno = error;
	return is_written;
}

static bool
rename_large(
    struct injector *injector, struct incoming *incoming, const char *name)
{
	if (renameat2(injector->spool.temporary, incoming->name.id.text,
		injector->spool.arrived, name, RENAME_NOREPLACE) == -1)
		return false;
	incoming->is_in_tmp = false;
	incoming->is_in_new = true;
	return true;
}

/* From tmp/ to new/, unless an injector left the same there. */
static bool
name_large(
    struct injector *injector, struct incoming *incoming, const char *name)
{
	int fd;

	if (rename_large(injector, incoming, name))
		return true;
	if (errno != EEXIST || !settle_remains(injector->spool.arrived, name,
				   &incoming->name, &fd))
		return false;
	if (fd == -1)
		return rename_large(injector, incoming, name);
	unlinkat(injector->spool.temporary, incoming->name.id.text, 0);
	close(incoming->fd);
	incoming->fd = fd;
	incoming->is_in_tmp = false;
	incoming->is_in_new = true;
	return true;
}

static bool
finish_large(struct injector *injector, struct incoming *incoming,
    struct span envelope_bytes, const struct envelope *envelope)
{
	char name[QUEUE_NAME_MAX];
	bool is_written = true;

	if (incoming->name.is_plain) {
		incoming->name.length = incoming->written;
		incoming->name.checksum = queue_sum_value(incoming->sum);
	} else {
		struct buf tail = buf_new(SIZE_MAX / 2);

		queue_add_tail(&tail, incoming->sum, incoming->written,
		    envelope_bytes, envelope);
		is_written = append(incoming, buf_span(&tail));
		buf_free(&tail);
	}
	queue_name_format(&incoming->name, name);
	return is_written && name_large(injector, incoming, name);
}

bool
incoming_finish(struct injector *injector, struct incoming *incoming,
    struct span envelope_bytes, const struct envelope *envelope)
{
	return incoming->fd == -1
		   ? finish_small(injector, incoming, envelope_bytes, envelope)
		   : finish_large(injector, incoming, envelope_bytes, envelope);
}

void
incoming_abort(struct injector *injector, struct incoming *incoming)
{
	char name[QUEUE_NAME_MAX];

	queue_name_format(&incoming->name, name);
	if (incoming->is_in_tmp)
		unlinkat(injector->spool.temporary, incoming->name.id.text, 0);
	if (incoming->is_in_new)
		unlinkat(injector->spool.arrived, name, 0);
	incoming_free(incoming);
}

void
incoming_free(struct incoming *incoming)
{
	if (incoming->fd != -1)
		close(incoming->fd);
	incoming->fd = -1;
	if (incoming->sum != NULL)
		queue_sum_free(incoming->sum);
	incoming->sum = NULL;
	buf_free(&incoming->start);
}

void
incoming_add_name(const struct incoming *incoming, struct buf *names)
{
	char name[QUEUE_NAME_MAX];

	queue_name_format(&incoming->name, name);
	buf_add_string(names, name);
	buf_add_char(names, '\n');
}
