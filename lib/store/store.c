#include "store/store.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/xattr.h>
#include <time.h>

#include "base/die.h"
#include "base/io.h"
#include "store/store_kind.h"

static const struct store_kind *const kinds[] = { &store_maildir, &store_mbox };

enum {
	GROW_FIRST = 64,
	AHEAD_MAX = 65536,
	LOCK_MS = 1000,
	LOCK_PAUSE_NS = 1000000
};

bool
store_take_lock(int fd, int64_t timeout_ms)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };
	int64_t until_ms =
	    clock_ms() + (timeout_ms < LOCK_MS ? timeout_ms : LOCK_MS);

	while (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno != EWOULDBLOCK || clock_ms() >= until_ms)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* Room is made when the count is a power of two. */
void
store_add(struct store *store, char *uidl, uint64_t octets)
{
	size_t count = store->count;

	if (count == 0)
		store->messages = store_allocate(
		    store->messages, GROW_FIRST, sizeof(*store->messages));
	else if (count >= GROW_FIRST && (count & (count - 1)) == 0)
		store->messages = store_allocate(
		    store->messages, count * 2, sizeof(*store->messages));
	store->messages[store->count++] =
	    (struct store_message){ .uidl = uidl, .octets = octets };
}

enum store_status
store_open(struct store **store, const char *name, int64_t timeout_ms,
    const struct uidl_formats *formats)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t len = strlen(kinds[i]->prefix);

		if (strncmp(name, kinds[i]->prefix, len) != 0)
			continue;
		struct store *new = store_allocate(NULL, 1, sizeof(*new));
		*new = (struct store){ .kind = kinds[i],
			.lock = -1,
			.ahead_of = SIZE_MAX,
			.ahead = buf_new(AHEAD_MAX),
			.path = store_copy(span_of(name + len)),
			.formats = formats != NULL && formats->count > 0
				       ? formats
				       : NULL };
		enum store_status status = new->kind->open(new, timeout_ms);
		if (status == STORE_OK) {
			store_settle_uidls(new);
			*store = new;
			return STORE_OK;
		}
		int error = errno;
		store_close(new);
		errno = error;
		return status;
	}
	errno = EINVAL;
	return STORE_ERROR;
}

bool
store_note_visit(struct store *store, uint64_t delay_s)
{
	static const char name[] = "user.estafeta.login";
	char text[32];
	ssize_t got = fgetxattr(store->lock, name, text, sizeof(text));
	uint64_t now = (uint64_t)time(NULL);
	uint64_t last;

	/* A clock that was set back lets nobody wait for long. */
	if (got > 0 &&
	    span_number(
		(struct span){ text, (size_t)got }, 10, INT64_MAX, &last) &&
	    last <= now && now - last < delay_s)
		return false;
	int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)now);
	if (fsetxattr(store->lock, name, text, (size_t)len, 0) == -1)
		errno = 0;
	return true;
}

size_t
store_count(const struct store *store)
{
	return store->count;
}

const char *
store_uidl(const struct store *store, size_t i)
{
	return store->messages[i].uidl;
}

static bool
count_piece(void *context, struct span piece)
{
	uint64_t *octets = context;

	*octets += piece.len;
	return true;
}

bool
store_octets(struct store *store, size_t i, uint64_t *octets)
{
	struct store_message *message = &store->messages[i];

	if (message->octets == STORE_OCTETS_UNKNOWN) {
		uint64_t count = 0;

		if (store->kind->recall == NULL ||
		    !store->kind->recall(store, i, &count)) {
			count = 0;
			if (!store_read(store, i, count_piece, &count))
				return false;
			if (store->kind->learn != NULL)
				store->kind->learn(store, i, count);
		}
		message->octets = count;
	}
	*octets = message->octets;
	return true;
}

bool
store_read(struct store *store, size_t i,
    bool (*take)(void *context, struct span piece), void *context)
{
	struct crlf out = { .take = take, .context = context, .last = '\n' };

	if (i == store->ahead_of) {
		store->ahead_of = SIZE_MAX;
		return take(context, buf_span(&store->ahead));
	}
	return store->kind->read(store, i, &out) && crlf_end(&out);
}

static bool
keep_piece(void *context, struct span piece)
{
	struct buf *ahead = context;

	buf_add(ahead, piece);
	return !ahead->overflow;
}

void
store_read_ahead(struct store *store, size_t i)
{
	store->ahead_of = SIZE_MAX;
	buf_clear(&store->ahead);
	if (i < store->count && !store->messages[i].is_deleted &&
	    store_read(store, i, keep_piece, &store->ahead))
		store->ahead_of = i;
}

void
store_mark(struct store *store, size_t i, bool is_deleted)
{
	store->messages[i].is_deleted = is_deleted;
}

bool
store_is_deleted(const struct store *store, size_t i)
{
	return store->messages[i].is_deleted;
}

void
store_mark_seen(struct store *store, size_t i)
{
	store->messages[i].is_seen = true;
}

bool
store_commit(struct store *store)
{
	for (size_t i = 0; i < store->count; i++)
		if (store->messages[i].is_deleted || store->messages[i].is_seen)
			return store->kind->commit(store);
	return true;
}

void
store_close(struct store *store)
{
	store->kind->close(store);
	for (size_t i = 0; i < store->count; i++) {
		free(store->messages[i].uidl);
		free(store->messages[i].foreign_uidl);
	}
	free(store->messages);
	buf_free(&store->ahead);
	free(store->path);
	free(store);
}

/* ---- unique-ids ---- */

struct store_hash {
	struct sha256_ctx digest;
};

struct store_hash *
store_hash_new(void)
{
	struct store_hash *hash = store_allocate(NULL, 1, sizeof(*hash));

	sha256_init(&hash->digest);
	return hash;
}

void
store_hash_add(struct store_hash *hash, struct span bytes)
{
	sha256_update(&hash->digest, bytes.len, (const uint8_t *)bytes.ptr);
}

/* Ready for the next one afterwards. */
void
store_hash_end(struct store_hash *hash, char hex[STORE_HASH_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t bytes[STORE_HASH_LEN / 2];

	sha256_digest(&hash->digest, sizeof(bytes), bytes); /* its first half */
	for (size_t i = 0; i < sizeof(bytes); i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	hex[STORE_HASH_LEN] = '\0';
}

void
store_hash_free(struct store_hash *hash)
{
	free(hash);
}
