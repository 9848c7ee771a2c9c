#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "mail/decoder.h"
#include "mail/header.h"
#include "store/folder_cache.h"

/* BODY[...] and BINARY[...]. */

enum {
	DECODED_PIECE = 4 << 20
};

/* What a section is of: bytes of the file, or fields that were picked. */
struct found {
	int fd; /* from here on it is the same file, whatever others do */
	uint64_t from;
	uint64_t to;
	enum decoder_kind encoding;
	bool is_decoded;
	bool is_in_memory;
	struct buf picked; /* with CRLF */
};

struct folder_section {
	struct folder *folder;
	uint32_t uid;
	struct found found;
};

/* ---- parts ---- */

enum account_status
cache_mime(struct folder *folder, size_t i, int fd)
{
	struct folder_cache *cache = cache_of(folder);
	uint32_t uid = folder->items[i].message.uid;

	if (cache->mime_uid == uid)
		return ACCOUNT_OK;
	if (cache->mime_uid != 0)
		mime_free(&cache->mime);
	cache->mime_uid = 0;
	mime_init(&cache->mime, NULL, NULL);
	if (!message_parse(fd, &cache->mime)) {
		int error = errno;

		mime_free(&cache->mime);
		errno = error;
		return folder_file_error(folder, i);
	}
	cache->mime_uid = uid;
	folder->items[i].message.octets = cache->mime.at.wire;
	return ACCOUNT_OK;
}

/* The part that kind is about: a message's own, for what only it has. */
static const struct mime_part *
find_part(const struct mime *mime, const struct section *section)
{
	uint32_t part = mime_find(mime, section->part, section->part_count);
	bool is_of_message = section->kind == SECTION_HEADER ||
			     section->kind == SECTION_FIELDS ||
			     section->kind == SECTION_FIELDS_NOT ||
			     section->kind == SECTION_TEXT;

	if (part == MIME_NONE ||
	    (section->kind == SECTION_MIME && section->part_count == 0))
		return NULL;
	if (is_of_message && section->part_count > 0) {
		if (mime->parts[part].kind != MIME_MESSAGE)
			return NULL;
		part = mime->parts[part].child;
	}
	return &mime->parts[part];
}

static bool
read_region(const struct found *found, struct buf *into)
{
	uint64_t size = found->to - found->from;
	char *room;

	if (size > into->max)
		size = into->max;
	room = buf_room(into, (size_t)size);
	ssize_t got = room == NULL ? 0
				   : pread(found->fd, room, (size_t)size,
					 (off_t)found->from);
	if (got < 0)
		return false;
	buf_grown(into, (size_t)got);
	return true;
}

/* ---- fields ---- */

static bool
is_named(const struct section *section, struct span name)
{
	for (size_t i = 0; i < section->field_count; i++)
		if (span_equal_nocase(name, section->fields[i]))
			return true;
	return false;
}

static void
add_line(struct buf *into, struct span line)
{
	size_t start = into->len;

	buf_add(into, line);
	for (size_t i = start; i < into->len; i++)
		if (into->data[i] == '\0')
			into->data[i] = (char)0x80;
	buf_add_string(into, "\r\n");
}

static void
add_with_crlf(struct buf *into, struct span text)
{
	while (text.len > 0) {
		size_t end = span_index(text, '\n');
		struct span line = span_slice(text, 0, end);

		text = span_slice(text, end + 1, text.len);
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		add_line(into, line);
	}
}

/* Whole fields as they stand, and the empty line. */
static void
pick_fields(const struct section *section, struct span header, struct buf *into)
{
	struct span rest = header_of(header);
	struct span name;
	struct span value;

	while (header_next(&rest, &name, &value))
		if (is_named(section, name) ==
		    (section->kind == SECTION_FIELDS)) {
			const char *start = name.ptr;
			size_t len = (size_t)(value.ptr + value.len - start);

			/* Space before a name is not the name's. */
			add_with_crlf(into, (struct span){ start, len });
		}
	buf_add_string(into, "\r\n");
}

static enum account_status
find_fields(const struct section *section, struct found *found)
{
	struct buf header = buf_new(MESSAGE_HEADER_MAX);
	bool is_read = found->to == UINT64_MAX
			   ? message_read_header(found->fd, &header)
			   : read_region(found, &header);

	if (is_read)
		pick_fields(section, buf_span(&header), &found->picked);
	buf_free(&header);
	found->is_in_memory = true;
	return is_read ? ACCOUNT_OK : account_error();
}

/* ---- finding ---- */

/* The message's own header needs no look at what is behind it. */
static enum account_status
find_header(const struct section *section, struct found *found)
{
	struct buf header = buf_new(MESSAGE_HEADER_MAX);

	if (section->kind != SECTION_HEADER)
		return find_fields(section, found);
	bool is_read = message_read_header(found->fd, &header);
	found->to = header.len;
	bool is_whole = header.len < header.max;
	buf_free(&header);
	if (!is_read)
		return account_error();
	return is_whole ? ACCOUNT_OK : ACCOUNT_LIMIT;
}

/* header: where it is, or begins; no more than a buf holds is read. */
static enum decoder_kind
find_encoding(struct found header)
{
	enum decoder_kind kind = DECODER_LINES;
	struct buf text = buf_new(MIME_HEADER_MAX);
	struct span value;

	if (read_region(&header, &text) &&
	    header_find(header_of(buf_span(&text)), "Content-Transfer-Encoding",
		&value))
		kind = decoder_kind_with_lines(value);
	buf_free(&text);
	return kind;
}

static enum account_status
find_in_parts(struct folder *folder, size_t i, const struct section *section,
    struct found *found)
{
	enum account_status status = cache_mime(folder, i, found->fd);
	const struct mime_part *part;

	if (status != ACCOUNT_OK)
		return status;
	part = find_part(&folder->cache->mime, section);
	if (part == NULL)
		return ACCOUNT_NO_PART;
	found->from = part->body.raw;
	found->to = part->end.raw;
	switch (section->kind) {
	case SECTION_WHOLE:
		if (section->form == SECTION_DECODED &&
		    part->kind == MIME_LEAF) {
			found->encoding =
			    find_encoding((struct found){ .fd = found->fd,
				.from = part->header.raw,
				.to = part->body.raw });
			found->is_decoded = true;
		}
		return found->encoding == DECODER_UNKNOWN ? ACCOUNT_INVALID
							  : ACCOUNT_OK;
	case SECTION_TEXT:
		return ACCOUNT_OK;
	case SECTION_HEADER:
	case SECTION_MIME:
	case SECTION_FIELDS:
	case SECTION_FIELDS_NOT:
		found->from = part->header.raw;
		found->to = part->body.raw;
		break;
	}
	return section->kind == SECTION_FIELDS ||
		       section->kind == SECTION_FIELDS_NOT
		   ? find_fields(section, found)
		   : ACCOUNT_OK;
}

/* All of a message is lines, encoded or not, unless it is binary. */
static void
find_message(struct found *found)
{
	found->is_decoded = true;
	found->encoding = find_encoding(*found) == DECODER_AS_IS
			      ? DECODER_AS_IS
			      : DECODER_LINES;
}

static enum account_status
find(struct folder *folder, size_t i, const struct section *section,
    struct found *found)
{
	enum account_status status = ACCOUNT_OK;

	*found = (struct found){ .fd = folder_open_message(folder, i),
		.to = UINT64_MAX,
		.picked = buf_new((size_t)2 * MESSAGE_HEADER_MAX) };
	if (found->fd == -1)
		return folder_file_error(folder, i);
	if (section->part_count == 0 && section->kind == SECTION_WHOLE) {
		if (section->form == SECTION_DECODED)
			find_message(found);
	} else if (section->part_count == 0 && section->kind != SECTION_TEXT &&
		   section->kind != SECTION_MIME) {
		status = find_header(section, found);
	}
	/* A header of more than that is found like anything else. */
	if (status == ACCOUNT_LIMIT) {
		status = ACCOUNT_OK;
		found->to = UINT64_MAX;
	} else if (section->part_count == 0 && section->kind != SECTION_TEXT &&
		   section->kind != SECTION_MIME) {
		return status;
	}
	return status == ACCOUNT_OK ? find_in_parts(folder, i, section, found)
				    : status;
}

/* ---- handing out ---- */

struct decoding {
	struct decoder decoder;
	struct buf out;
	uint64_t skip;
	uint64_t left;
	uint64_t octets; /* of all of it */
	bool (*take)(void *context, struct span piece);
	void *context;
	bool is_stopped;
};

static bool
flush(struct decoding *decoding)
{
	struct span bytes = buf_span(&decoding->out);

	decoding->octets += bytes.len;
	if (bytes.len <= decoding->skip) {
		decoding->skip -= bytes.len;
		bytes.len = 0;
	} else {
		bytes = span_slice(bytes, (size_t)decoding->skip, bytes.len);
		decoding->skip = 0;
	}
	if (bytes.len > decoding->left)
		bytes.len = (size_t)decoding->left;
	decoding->left -= bytes.len;
	if (bytes.len > 0 && decoding->take != NULL &&
	    !decoding->take(decoding->context, bytes))
		decoding->is_stopped = true;
	buf_clear(&decoding->out);
	return !decoding->is_stopped;
}

static bool
decode_piece(void *context, struct span piece)
{
	struct decoding *decoding = context;

	decoder_add(&decoding->decoder, &decoding->out, piece);
	return flush(decoding) &&
	       (decoding->left > 0 || decoding->take == NULL);
}

static bool
decode(const struct found *found, struct decoding *decoding)
{
	decoding->out = buf_new(DECODED_PIECE);
	decoder_init(&decoding->decoder, found->encoding);
	bool is_good = message_each_piece(found->fd, found->from, found->to,
			   decode_piece, decoding) ||
		       (decoding->left == 0 && !decoding->is_stopped);
	if (is_good) {
		decoder_end(&decoding->decoder, &decoding->out);
		is_good = flush(decoding);
	}
	buf_free(&decoding->out);
	return is_good;
}

static enum account_status
count(const struct found *found, uint64_t *octets)
{
	struct decoding decoding = { .left = UINT64_MAX };

	if (found->is_in_memory) {
		*octets = found->picked.len;
		return ACCOUNT_OK;
	}
	if (!found->is_decoded)
		return message_octets(found->fd, found->from, found->to, octets)
			   ? ACCOUNT_OK
			   : account_error();
	if (!decode(found, &decoding))
		return account_error();
	*octets = decoding.octets;
	return ACCOUNT_OK;
}

enum account_status
folder_section_open(struct folder *folder, size_t i,
    const struct section *section, struct folder_section **opened,
    uint64_t *octets)
{
	struct folder_section *new = account_allocate(1, sizeof(*new));

	new->folder = folder;
	new->uid = folder->items[i].message.uid;
	enum account_status status = find(folder, i, section, &new->found);
	/* Of all of it the size is known without a look at it. */
	if (status == ACCOUNT_OK && section->kind == SECTION_WHOLE &&
	    section->part_count == 0 && section->form == SECTION_AS_SENT)
		status = folder_octets(folder, i, octets);
	else if (status == ACCOUNT_OK)
		status = count(&new->found, octets);
	if (status == ACCOUNT_OK)
		*opened = new;
	else
		folder_section_close(new);
	return status;
}

void
folder_section_close(struct folder_section *section)
{
	int error = errno;

	if (section->found.fd != -1)
		close(section->found.fd);
	buf_free(&section->found.picked);
	free(section);
	errno = error;
}

static bool
read_file(const struct folder_section *section, uint64_t offset,
    uint64_t length, bool (*take)(void *context, struct span piece),
    void *context)
{
	const struct found *found = &section->found;
	struct folder_cache *cache = cache_of(section->folder);
	const struct message_range range = { found->from, found->to, offset,
		length };

	if (cache->place_uid != section->uid ||
	    cache->place_from != found->from)
		cache->place = (struct message_place){ 0 };
	cache->place_uid = section->uid;
	cache->place_from = found->from;
	return message_emit(found->fd, &range, &cache->place, take, context);
}

enum account_status
folder_section_read(const struct folder_section *section, uint64_t offset,
    uint64_t length, bool (*take)(void *context, struct span piece),
    void *context)
{
	const struct found *found = &section->found;
	bool is_good = true;

	errno = 0;
	if (found->is_in_memory) {
		struct span text = buf_span(&found->picked);
		size_t start = offset < text.len ? (size_t)offset : text.len;
		size_t len = length < text.len ? (size_t)length : text.len;

		text = span_slice(text, start, len);
		is_good = text.len == 0 || take(context, text);
	} else if (found->is_decoded) {
		struct decoding decoding = { .skip = offset,
			.left = length,
			.take = take,
			.context = context };

		is_good = length == 0 || decode(found, &decoding);
	} else {
		is_good = read_file(section, offset, length, take, context);
	}
	if (is_good)
		return ACCOUNT_OK;
	return errno == 0 ? ACCOUNT_ERROR : account_error();
}
