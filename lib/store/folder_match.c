#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "mail/bodytext.h"
#include "mail/header.h"
#include "mail/utf8.h"
#include "mail/words.h"
#include "store/folder_cache.h"
#include "store/signature.h"

/* SEARCH for text. */

enum {
	PIECE_MAX = 4 << 20,
	STORE_EACH = 256,      /* signatures in one transaction */
	SIGN_EARLY_MAX = 65536 /* a file that is read whole for its header */
};

/* A needle that is looked for in text that comes in pieces. */
struct matcher {
	struct span needle; /* folded */
	struct buf window;  /* folded text that was not yet searched */
	struct buf decoded;
	struct signature *signature; /* NULL: none is made */
	bool is_found;
};

static bool
contains(struct span text, struct span needle)
{
	return needle.len == 0 ||
	       (text.len >= needle.len &&
		   memmem(text.ptr, text.len, needle.ptr, needle.len) != NULL);
}

/* Folded text; its end is kept, since a match may begin there. */
static void
search_window(struct matcher *matcher)
{
	struct span text = buf_span(&matcher->window);
	size_t kept = matcher->needle.len > 0 ? matcher->needle.len - 1 : 0;

	matcher->is_found |= contains(text, matcher->needle);
	if (text.len > kept)
		buf_drop(&matcher->window, text.len - kept);
}

static void
take_text(struct matcher *matcher, struct span text)
{
	size_t before = matcher->window.len;

	utf8_add_folded(&matcher->window, text);
	if (matcher->signature != NULL)
		signature_add(
		    matcher->signature, span_slice(buf_span(&matcher->window),
					    before, matcher->window.len));
	search_window(matcher);
}

/* Texts that do not touch: no match lies across. */
static void
end_text(struct matcher *matcher)
{
	buf_clear(&matcher->window);
	if (matcher->signature != NULL)
		signature_break(matcher->signature);
}

/* ---- the body ---- */

struct reading {
	struct matcher *matcher;
	struct mime mime;
	struct bodytext text;
	struct buf headers; /* of all parts, decoded */
	struct bodytext_stream stream;
};

static void
take_header(void *context, uint32_t part, struct span header)
{
	struct reading *reading = context;
	struct span name;
	struct span value;

	bodytext_take_header(&reading->text, &reading->mime, part, header);
	while (header_next(&header, &name, &value)) {
		struct buf *decoded = &reading->matcher->decoded;

		/* A part's header is text of the message's body. */
		buf_clear(decoded);
		buf_add(decoded, name);
		buf_add_string(decoded, ": ");
		words_add_decoded(decoded, value);
		buf_add_char(decoded, part == 0 ? '\0' : '\1');
		buf_add_char(decoded, '\n');
		buf_add(&reading->headers, buf_span(decoded));
	}
}

static bool
take_piece(void *context, struct span piece)
{
	struct reading *reading = context;
	struct buf *decoded = &reading->matcher->decoded;

	buf_clear(decoded);
	bodytext_piece(&reading->stream, decoded, piece);
	take_text(reading->matcher, buf_span(decoded));
	return reading->matcher->signature != NULL ||
	       !reading->matcher->is_found;
}

/* is_header: what the message's own header says counts, too. */
static void
search_headers(struct reading *reading, bool is_header)
{
	struct matcher *matcher = reading->matcher;

	for (struct span rest = buf_span(&reading->headers); rest.len > 0;) {
		struct span line = span_cut(&rest, '\n');

		if (line.len == 0)
			continue;
		bool is_own = line.ptr[line.len - 1] == '\0';
		line.len--;
		bool before = matcher->is_found;
		take_text(matcher, line);
		/* The signature has it, whatever is asked now. */
		if (is_own && !is_header)
			matcher->is_found = before;
		end_text(matcher);
	}
}

static bool
search_parts(struct reading *reading, int fd)
{
	struct matcher *matcher = reading->matcher;
	bool is_good = true;

	for (uint32_t k = 0; k < reading->text.count && is_good; k++) {
		const struct bodytext_part *part = &reading->text.parts[k];
		const struct mime_part *place =
		    &reading->mime.parts[part->part];

		if (matcher->is_found && matcher->signature == NULL)
			break;
		bodytext_begin(&reading->stream, part);
		is_good = message_each_piece(fd, place->body.raw,
			      place->end.raw, take_piece, reading) ||
			  matcher->is_found;
		buf_clear(&matcher->decoded);
		bodytext_end(&reading->stream, &matcher->decoded);
		take_text(matcher, buf_span(&matcher->decoded));
		end_text(matcher);
	}
	return is_good;
}

static bool
search_file(struct matcher *matcher, int fd, bool is_header)
{
	struct reading reading = { .matcher = matcher,
		.headers = buf_new(PIECE_MAX) };

	matcher->is_found = false;
	end_text(matcher);
	mime_init(&reading.mime, take_header, &reading);
	bool is_good = message_parse(fd, &reading.mime);
	if (is_good) {
		search_headers(&reading, is_header);
		is_good = search_parts(&reading, fd);
	}
	/* Of headers beyond the limits the signature knows nothing. */
	if (reading.headers.overflow ||
	    (is_good && reading.mime.parts[0].body.raw > MIME_HEADER_MAX))
		matcher->signature = NULL;
	mime_free(&reading.mime);
	bodytext_free(&reading.text);
	buf_free(&reading.headers);
	return is_good;
}

struct search {
	struct folder *folder;
	struct matcher matcher;
	struct signature *signature;
	bool is_header;
	bool has_unreadable;
	bool may_store;
	size_t stored;
};

static void
store_signature(struct search *search, uint32_t uid)
{
	struct folder_cache *cache = search->folder->cache;
	struct digest digest = { .numbers = { 0 } };
	struct buf bytes = buf_new(SIGNATURE_MAX);

	if (search->matcher.signature == NULL)
		return;
	signature_end(search->signature, &bytes);
	digest.texts[DIGEST_SIGNATURE] = buf_span(&bytes);
	buf_clear(&cache->row);
	digest_add_row(&cache->row, &digest, DIGEST_SIGNATURES, uid);
	if (!search->may_store)
		search->may_store = index_begin(cache->index);
	if (search->may_store) {
		index_store(cache->index, DIGEST_SIGNATURES, uid,
		    buf_span(&cache->row));
		if (++search->stored % STORE_EACH == 0) {
			index_commit(cache->index);
			search->may_store = false;
		}
	}
	buf_free(&bytes);
}

static uint64_t
size_of(int fd)
{
	struct stat status;

	return fd_status(fd, &status) ? (uint64_t)status.st_size : UINT64_MAX;
}

/* What cannot be read does not match, and keeps nobody from finding others. */
static enum account_status
pass_over(struct search *search, enum account_status status)
{
	search->has_unreadable |= status == ACCOUNT_UNREADABLE;
	return status == ACCOUNT_NONEXISTENT || status == ACCOUNT_UNREADABLE
		   ? ACCOUNT_OK
		   : status;
}

static enum account_status
search_one(struct search *search, size_t i, bool has_signature)
{
	struct folder *folder = search->folder;
	bool will_store = !has_signature && folder->cache->index != NULL;
	int fd = folder_open_message(folder, i);

	search->matcher.is_found = false;
	if (fd == -1)
		return pass_over(search, folder_file_error(folder, i));
	search->matcher.signature = will_store ? search->signature : NULL;
	if (will_store)
		signature_begin(search->signature, size_of(fd));
	bool is_read = search_file(&search->matcher, fd, search->is_header);
	int error = errno;
	close(fd);
	if (is_read && will_store)
		store_signature(search, folder->items[i].message.uid);
	errno = error;
	return is_read ? ACCOUNT_OK
		       : pass_over(search, folder_file_error(folder, i));
}

static bool
is_wanted(const uint64_t *wanted, size_t i)
{
	return wanted[i / 64] >> i % 64 & 1;
}

static void
unwant(uint64_t *wanted, size_t i)
{
	wanted[i / 64] &= ~((uint64_t)1 << i % 64);
}

static enum account_status
match_body(struct search *search, uint64_t *wanted)
{
	struct folder *folder = search->folder;
	struct span needle = search->matcher.needle;
	enum account_status status = ACCOUNT_OK;

	for (size_t i = 0; i < folder->count && status == ACCOUNT_OK; i++) {
		const struct digest *digest;

		folder_tick(folder);
		if (!is_wanted(wanted, i))
			continue;
		bool has_signature = cache_digest(folder, i, DIGEST_SIGNATURES,
					 &digest) == ACCOUNT_OK;
		if (has_signature && needle.len >= SIGNATURE_NEEDLE_MIN &&
		    !signature_may_have(
			digest->texts[DIGEST_SIGNATURE], needle)) {
			unwant(wanted, i);
			continue;
		}
		status = search_one(search, i, has_signature);
		if (!search->matcher.is_found)
			unwant(wanted, i);
	}
	if (search->may_store)
		index_commit(folder->cache->index);
	return status;
}

/* ---- fields ---- */

/* "NAME:VALUE" LF, folded. */
static bool
match_lines(struct span lines, struct span name, struct span needle)
{
	while (lines.len > 0) {
		struct span line = span_cut(&lines, '\n');
		struct span found = span_cut(&line, ':');

		if (span_equal(found, name) && contains(line, needle))
			return true;
	}
	return false;
}

/* A field that is not cached. */
static bool
match_header(struct matcher *matcher, struct span header, struct span field)
{
	struct span name;
	struct span value;

	while (header_next(&header, &name, &value)) {
		if (!span_equal_nocase(name, field))
			continue;
		buf_clear(&matcher->decoded);
		buf_clear(&matcher->window);
		words_add_decoded(&matcher->decoded, value);
		utf8_add_folded(&matcher->window, buf_span(&matcher->decoded));
		if (contains(buf_span(&matcher->window), matcher->needle))
			return true;
	}
	return false;
}

/* The file is open and small: the next search need not open it in vain. */
static void
sign_early(struct search *search, size_t i, int fd)
{
	struct matcher *matcher = &search->matcher;
	uint64_t size = size_of(fd);

	if (search->folder->cache->index == NULL || size > SIGN_EARLY_MAX)
		return;
	matcher->signature = search->signature;
	signature_begin(search->signature, size);
	if (search_file(matcher, fd, true))
		store_signature(search, search->folder->items[i].message.uid);
	matcher->signature = NULL;
}

static enum account_status
match_field_of_file(
    struct search *search, size_t i, struct span field, bool *is_found)
{
	struct buf header = buf_new(MESSAGE_HEADER_MAX);
	const struct digest *digest;

	*is_found = false;
	bool has_signature = cache_digest(search->folder, i, DIGEST_SIGNATURES,
				 &digest) == ACCOUNT_OK;
	if (has_signature &&
	    search->matcher.needle.len >= SIGNATURE_NEEDLE_MIN &&
	    !signature_may_have(
		digest->texts[DIGEST_SIGNATURE], search->matcher.needle))
		return ACCOUNT_OK;
	int fd = folder_open_message(search->folder, i);
	if (fd == -1)
		return pass_over(search, folder_file_error(search->folder, i));
	bool is_read = message_read_header(fd, &header);
	int error = errno;
	if (is_read && !has_signature)
		sign_early(search, i, fd);
	close(fd);
	if (is_read)
		*is_found = match_header(
		    &search->matcher, header_of(buf_span(&header)), field);
	buf_free(&header);
	errno = error;
	return is_read
		   ? ACCOUNT_OK
		   : pass_over(search, folder_file_error(search->folder, i));
}

static enum account_status
match_field(struct search *search, struct span field, uint64_t *wanted)
{
	struct folder *folder = search->folder;
	struct buf name = buf_new(4 * field.len + 64);
	bool is_cached = digest_has_field(field);
	enum account_status status = ACCOUNT_OK;

	utf8_add_folded(&name, field);
	for (size_t i = 0; i < folder->count && status == ACCOUNT_OK; i++) {
		const struct digest *digest;
		bool is_found = false;

		folder_tick(folder);
		if (!is_wanted(wanted, i))
			continue;
		if (is_cached) {
			status =
			    cache_digest(folder, i, DIGEST_FIELDS, &digest);
			is_found = status == ACCOUNT_OK &&
				   match_lines(digest->texts[DIGEST_FIELD_TEXT],
				       buf_span(&name), search->matcher.needle);
			status = pass_over(search, status);
		} else {
			status =
			    match_field_of_file(search, i, field, &is_found);
		}
		if (!is_found)
			unwant(wanted, i);
	}
	if (search->may_store)
		index_commit(folder->cache->index);
	buf_free(&name);
	return status;
}

/* ---- all ---- */

enum account_status
folder_match(struct folder *folder, enum folder_text text, struct span field,
    struct span needle, uint64_t *wanted)
{
	/* Nothing is in everything. */
	if (needle.len == 0 && text != FOLDER_TEXT_FIELD)
		return ACCOUNT_OK;
	struct buf folded = buf_new(32 * needle.len + 64);
	struct search search = { .folder = folder,
		.is_header = text == FOLDER_TEXT_ALL,
		.matcher = { .window = buf_new(8 * (size_t)PIECE_MAX),
		    .decoded = buf_new(PIECE_MAX) } };

	utf8_add_folded(&folded, needle);
	search.matcher.needle = buf_span(&folded);
	cache_index(folder);
	search.signature = account_allocate(1, sizeof(*search.signature));
	enum account_status status = text == FOLDER_TEXT_FIELD
					 ? match_field(&search, field, wanted)
					 : match_body(&search, wanted);
	free(search.signature);
	buf_free(&folded);
	buf_free(&search.matcher.window);
	buf_free(&search.matcher.decoded);
	return status == ACCOUNT_OK && search.has_unreadable
		   ? ACCOUNT_UNREADABLE
		   : status;
}
