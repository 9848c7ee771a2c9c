#include "store/folder_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "store/maildir_sizes.h"

struct folder_cache *
cache_of(struct folder *folder)
{
	if (folder->cache == NULL) {
		folder->cache = account_allocate(1, sizeof(*folder->cache));
		folder->cache->made = buf_new(DIGEST_MAX);
		folder->cache->row = buf_new(DIGEST_MAX);
		folder->cache->out = buf_new(DIGEST_MAX);
	}
	return folder->cache;
}

void
folder_cache_free(struct folder *folder)
{
	struct folder_cache *cache = folder->cache;

	if (cache == NULL)
		return;
	index_close(cache->index);
	for (size_t g = 0; g < DIGEST_GROUPS; g++)
		if (cache->batches[g] != NULL) {
			buf_free(&cache->batches[g]->bytes);
			free(cache->batches[g]);
		}
	if (cache->mime_uid != 0)
		mime_free(&cache->mime);
	buf_free(&cache->made);
	buf_free(&cache->row);
	buf_free(&cache->out);
	free(cache);
	folder->cache = NULL;
}

void
folder_rest(struct folder *folder)
{
	folder_ahead_free(folder);
	folder_tidy(folder);
	if (folder->cache == NULL)
		return;
	folder_cache_free(folder);
	malloc_trim(0);
}

/* ---- the index ---- */

struct uids {
	const struct folder *folder;
	size_t next;
};

static uint32_t
next_uid(void *context)
{
	struct uids *uids = context;

	return uids->next < uids->folder->count
		   ? uids->folder->items[uids->next++].message.uid
		   : 0;
}

struct index *
cache_index(struct folder *folder)
{
	struct folder_cache *cache = cache_of(folder);
	struct buf path = buf_new(PATH_MAX);

	if (cache->has_tried)
		return cache->index;
	cache->has_tried = true;
	buf_add_string(&path, folder->account->path);
	if (!account_is_inbox(buf_span(&folder->name))) {
		buf_add_char(&path, '/');
		account_add_path(&path, buf_span(&folder->name));
	}
	const char *name = buf_string(&path);
	if (name != NULL)
		cache->index = index_open(name, &folder->header);
	if (cache->index != NULL)
		index_trim(cache->index, folder->count, next_uid,
		    &(struct uids){ .folder = folder });
	buf_free(&path);
	return cache->index;
}

static struct cached_batch *
batch_of(struct folder_cache *cache, enum digest_group group)
{
	if (cache->batches[group] == NULL) {
		struct cached_batch *batch =
		    account_allocate(1, sizeof(*batch));

		batch->bytes = buf_new((size_t)CACHE_BATCH * DIGEST_ROW_MAX);
		batch->last = SIZE_MAX;
		cache->batches[group] = batch;
	}
	return cache->batches[group];
}

static void
take_row(void *context, uint32_t uid, struct span row)
{
	struct cached_batch *batch = context;

	if (batch->count == CACHE_BATCH ||
	    batch->bytes.len + row.len > CACHE_BATCH_BYTES)
		return;
	batch->rows[batch->count++] =
	    (struct cached_row){ uid, batch->bytes.len, row.len };
	buf_add(&batch->bytes, row);
}

/* Rows are by rising UID, mostly asked for in that order. */
static bool
find_row(const struct cached_batch *batch, uint32_t uid, struct span *row)
{
	size_t low = 0;
	size_t high = batch->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (batch->rows[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == batch->count || batch->rows[low].uid != uid)
		return false;
	*row = span_slice(buf_span(&batch->bytes), batch->rows[low].start,
	    batch->rows[low].len);
	return true;
}

static bool
read_cached(struct folder_cache *cache, enum digest_group group, uint32_t uid)
{
	struct span row;

	return find_row(batch_of(cache, group), uid, &row) &&
	       digest_read_row(&cache->digest, group, uid, row);
}

/* ---- making ---- */

static void
store_rows(struct folder_cache *cache, uint32_t uid, enum digest_depth depth,
    bool may_store)
{
	for (int g = 0; g < DIGEST_SIGNATURES && may_store; g++) {
		enum digest_group group = (enum digest_group)g;

		if (digest_depth_of(group) == DIGEST_BY_ALL &&
		    depth == DIGEST_BY_HEADER)
			continue;
		buf_clear(&cache->row);
		digest_add_row(&cache->row, &cache->digest, group, uid);
		if (!cache->row.overflow)
			index_store(
			    cache->index, group, uid, buf_span(&cache->row));
	}
}

static enum account_status
make_one(
    struct folder *folder, size_t i, enum digest_depth depth, bool may_store)
{
	struct folder_cache *cache = folder->cache;
	int fd = folder_open_message(folder, i);

	if (fd == -1)
		return folder_file_error(folder, i);
	bool is_made = digest_make(&cache->digest, &cache->made, fd, &depth);
	int error = errno;
	close(fd);
	errno = error;
	if (!is_made)
		return folder_file_error(folder, i);
	if (depth == DIGEST_BY_ALL)
		folder->items[i].message.octets =
		    (uint64_t)cache->digest.numbers[DIGEST_OCTETS];
	store_rows(cache, folder->items[i].message.uid, depth, may_store);
	return ACCOUNT_OK;
}

/* What the batch lacks of the messages that follow, in one transaction. */
static void
make_batch(
    struct folder *folder, size_t i, size_t count, enum digest_group group)
{
	struct folder_cache *cache = folder->cache;
	struct cached_batch *batch = batch_of(cache, group);
	struct cached_batch *made = account_allocate(1, sizeof(*made));
	bool may_store = cache->index != NULL && index_begin(cache->index);

	made->bytes = buf_new(batch->bytes.max);
	made->last = batch->last;
	made->run = batch->run;
	for (size_t k = i; k < folder->count && k < i + count; k++) {
		uint32_t uid = folder->items[k].message.uid;
		struct span row;

		if (folder->items[k].message.is_expunged)
			continue;
		if (find_row(batch, uid, &row) &&
		    digest_read_row(&cache->digest, group, uid, row)) {
			take_row(made, uid, row);
			continue;
		}
		if (made->bytes.len > CACHE_BATCH_BYTES / 2 ||
		    make_one(folder, k, digest_depth_of(group), may_store) !=
			ACCOUNT_OK)
			continue;
		buf_clear(&cache->row);
		digest_add_row(&cache->row, &cache->digest, group, uid);
		take_row(made, uid, buf_span(&cache->row));
	}
	if (may_store)
		index_commit(cache->index);
	buf_free(&batch->bytes);
	free(batch);
	cache->batches[group] = made;
}

enum account_status
cache_digest(struct folder *folder, size_t i, enum digest_group group,
    const struct digest **digest)
{
	struct folder_cache *cache = cache_of(folder);
	struct cached_batch *batch = batch_of(cache, group);
	uint32_t uid = folder->items[i].message.uid;

	*digest = &cache->digest;
	batch->run = i == batch->last + 1 ? batch->run + 1 : 1;
	batch->last = i;
	if (read_cached(cache, group, uid))
		return ACCOUNT_OK;
	size_t count = batch->run < CACHE_RUN ? 1 : CACHE_BATCH;
	batch->count = 0;
	buf_clear(&batch->bytes);
	if (cache_index(folder) != NULL)
		index_read(cache->index, group, uid, count, take_row, batch);
	if (read_cached(cache, group, uid))
		return ACCOUNT_OK;
	if (folder->items[i].message.is_expunged)
		return ACCOUNT_NONEXISTENT;
	if (group == DIGEST_SIGNATURES)
		return ACCOUNT_NONEXISTENT;
	if (count > 1) {
		make_batch(folder, i, count, group);
		if (read_cached(cache, group, uid))
			return ACCOUNT_OK;
	}
	bool may_store = cache->index != NULL && index_begin(cache->index);
	enum account_status status =
	    make_one(folder, i, digest_depth_of(group), may_store);
	int error = errno;
	if (may_store)
		index_commit(cache->index);
	errno = error;
	return status;
}

/* ---- what is asked ---- */

/* The size that a name tells, if the file's agrees. */
static bool
octets_of_name(struct folder *folder, size_t i, uint64_t *octets)
{
	struct folder_item *item = &folder->items[i];
	struct span base = folder_base(folder, item);
	struct buf name = buf_new(UINT8_MAX);
	struct stat status;

	if (span_index(base, ',') == base.len)
		return false;
	folder_add_file_name(&name, folder, item);
	const char *path = buf_string(&name);
	bool is_known =
	    path != NULL &&
	    fstatat(item->is_in_new ? folder->new : folder->cur, path, &status,
		AT_SYMLINK_NOFOLLOW) == 0 &&
	    maildir_sizes_of_name(base, (uint64_t)status.st_size, octets);
	buf_free(&name);
	return is_known;
}

enum account_status
folder_octets(struct folder *folder, size_t i, uint64_t *octets)
{
	struct folder_message *message = &folder->items[i].message;
	const struct digest *digest;
	enum account_status status = ACCOUNT_OK;

	if (message->octets == FOLDER_OCTETS_UNKNOWN &&
	    !octets_of_name(folder, i, &message->octets)) {
		status = cache_digest(folder, i, DIGEST_SIZES, &digest);
		if (status == ACCOUNT_OK)
			folder->items[i].message.octets =
			    (uint64_t)digest->numbers[DIGEST_OCTETS];
	}
	*octets = folder->items[i].message.octets;
	return status;
}

enum account_status
folder_sum_octets(
    struct folder *folder, uint64_t *octets, uint64_t *deleted_octets)
{
	*octets = *deleted_octets = 0;
	for (size_t i = 0; i < folder->count; i++) {
		uint64_t one;
		enum account_status status = folder_octets(folder, i, &one);

		if (status == ACCOUNT_NONEXISTENT)
			continue;
		/* The sum may be too large, but not too small. */
		if (status == ACCOUNT_UNREADABLE)
			one = 2 * folder_item_bytes(folder, &folder->items[i]);
		else if (status != ACCOUNT_OK)
			return status;
		*octets += one;
		if (folder->items[i].message.flags & MESSAGE_DELETED)
			*deleted_octets += one;
	}
	return ACCOUNT_OK;
}

enum account_status
folder_internal_date(struct folder *folder, size_t i, int64_t *date_s)
{
	const struct digest *digest;
	enum account_status status =
	    cache_digest(folder, i, DIGEST_SIZES, &digest);

	if (status == ACCOUNT_OK)
		*date_s = digest->numbers[DIGEST_DATE_S];
	return status;
}

static enum account_status
hand_out(struct folder *folder, size_t i, enum digest_group group,
    enum digest_text plain, enum digest_text utf8, bool is_utf8,
    struct span *text)
{
	const struct digest *digest;
	enum account_status status = cache_digest(folder, i, group, &digest);

	if (status != ACCOUNT_OK)
		return status;
	*text = digest->texts[plain];
	if (is_utf8 && digest->texts[utf8].len > 0)
		*text = digest->texts[utf8];
	return ACCOUNT_OK;
}

enum account_status
folder_envelope(
    struct folder *folder, size_t i, bool is_utf8, struct span *text)
{
	return hand_out(folder, i, DIGEST_ENVELOPES, DIGEST_ENVELOPE,
	    DIGEST_ENVELOPE_UTF8, is_utf8, text);
}

enum account_status
folder_structure(struct folder *folder, size_t i, bool is_extended,
    bool is_utf8, struct span *text)
{
	return hand_out(folder, i, DIGEST_STRUCTURES,
	    is_extended ? DIGEST_STRUCTURE : DIGEST_BODY,
	    is_extended ? DIGEST_STRUCTURE_UTF8 : DIGEST_BODY_UTF8, is_utf8,
	    text);
}

enum account_status
folder_preview(struct folder *folder, size_t i, struct span *text)
{
	return hand_out(folder, i, DIGEST_STRUCTURES, DIGEST_PREVIEW,
	    DIGEST_PREVIEW, false, text);
}

enum account_status
folder_sort_key(
    struct folder *folder, size_t i, enum sort_key key, struct span *text)
{
	static const enum digest_text texts[] = { DIGEST_SUBJECT, DIGEST_FROM,
		DIGEST_TO, DIGEST_CC, DIGEST_DISPLAY_FROM, DIGEST_DISPLAY_TO };

	return hand_out(
	    folder, i, DIGEST_SORTING, texts[key], texts[key], false, text);
}

enum account_status
folder_thread_data(
    struct folder *folder, size_t i, struct folder_thread_data *data)
{
	const struct digest *digest;
	enum account_status status =
	    cache_digest(folder, i, DIGEST_SORTING, &digest);

	if (status == ACCOUNT_OK)
		*data = (struct folder_thread_data){
			.sent_date_s = digest->numbers[DIGEST_SENT_S],
			.sent_zone_s = (int32_t)digest->numbers[DIGEST_ZONE_S],
			.has_sent_date = digest->numbers[DIGEST_HAS_SENT] != 0,
			.is_reply = digest->numbers[DIGEST_IS_REPLY] != 0,
			.base_subject = digest->texts[DIGEST_SUBJECT],
			.message_id = digest->texts[DIGEST_MESSAGE_ID],
			.references = digest->texts[DIGEST_REFERENCES]
		};
	return status;
}

/*
 * EMAILID is a hash of the message, THREADID one of the first message-id of its
 * thread: both are the same wherever a copy lies, and after any loss.
 */
static void
add_thread_id(const struct digest *digest, struct buf *into)
{
	struct span root = digest->texts[DIGEST_REFERENCES];

	root.len = span_index(root, '\n');
	if (root.len == 0)
		root = digest->texts[DIGEST_MESSAGE_ID];
	if (root.len == 0)
		return;
	XXH128_hash_t hash = XXH3_128bits(root.ptr, root.len);
	buf_printf(into, "T%016llx%016llx", (unsigned long long)hash.high64,
	    (unsigned long long)hash.low64);
}

static void
copy_id(char into[FOLDER_EMAIL_ID_MAX + 1], struct span id)
{
	size_t len =
	    id.len < FOLDER_EMAIL_ID_MAX ? id.len : FOLDER_EMAIL_ID_MAX;

	if (len > 0)
		memcpy(into, id.ptr, len);
	into[len] = '\0';
}

enum account_status
folder_object_ids(struct folder *folder, size_t i,
    char email_id[FOLDER_EMAIL_ID_MAX + 1],
    char thread_id[FOLDER_EMAIL_ID_MAX + 1])
{
	struct buf id = buf_new(FOLDER_EMAIL_ID_MAX);
	const struct digest *digest;
	enum account_status status =
	    cache_digest(folder, i, DIGEST_STRUCTURES, &digest);

	if (status == ACCOUNT_OK) {
		copy_id(email_id, digest->texts[DIGEST_EMAIL_ID]);
		status = cache_digest(folder, i, DIGEST_SORTING, &digest);
	}
	if (status == ACCOUNT_OK) {
		add_thread_id(digest, &id);
		/* One that says nothing is a thread of its own. */
		if (id.len == 0)
			buf_printf(&id, "T%.32s", email_id + 1);
		copy_id(thread_id, buf_span(&id));
	}
	buf_free(&id);
	return status;
}
