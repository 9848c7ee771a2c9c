#include "store/digest.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/io.h"
#include "mail/addrlist.h"
#include "mail/bodytext.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/structure.h"
#include "mail/threading.h"
#include "mail/utf8.h"
#include "mail/words.h"
#include "store/message_file.h"

enum {
	PREVIEW_CHARACTERS = 200, /* RFC 8970 */
	PREVIEW_BYTES = 16384,    /* of a part that are looked at */
	PREVIEW_PARTS = 16,       /* of them, for the first with a word */
	REFERENCES_MAX = 200,
	DECODED_MAX = 1 << 20,
	SMALL = 65536 /* read in one piece, whatever is wanted */
};

static const char *const usual_fields[] = { "From", "To", "Cc", "Bcc",
	"Subject", "Date", "Message-ID", "In-Reply-To", "References",
	"Reply-To", "Sender", "List-Id", "Delivered-To", "Return-Path",
	"Content-Type", "X-Spam-Flag" };

bool
digest_has_field(struct span field)
{
	return span_is_one_of(
	    field, usual_fields, sizeof(usual_fields) / sizeof(*usual_fields));
}

/* Where each text begins; what moves while text grows is pointed to last. */
struct making {
	struct digest *digest;
	struct buf *text;
	size_t starts[DIGEST_TEXTS];
	size_t lens[DIGEST_TEXTS];
};

static size_t
begin(struct making *making, enum digest_text which)
{
	making->starts[which] = making->text->len;
	return making->text->len;
}

static void
end(struct making *making, enum digest_text which)
{
	making->lens[which] = making->text->len - making->starts[which];
}

/* ---- of the header ---- */

static void
add_folded(struct buf *into, const struct buf *text)
{
	utf8_add_folded(into, buf_span(text));
}

/* RFC 5256 section 3: the mailbox of the first address; RFC 5957 section 3. */
static void
add_address_keys(struct making *making, struct span value,
    enum digest_text mailbox, enum digest_text display)
{
	struct addrlist list = { .rest = value };
	struct addrlist_item item = { .kind = ADDRLIST_MAILBOX };
	struct buf name = buf_new(DECODED_MAX);
	bool is_found = false;

	while (!is_found && addrlist_next_item(&list, &item))
		is_found = item.kind == ADDRLIST_MAILBOX;
	begin(making, mailbox);
	if (is_found)
		add_folded(making->text, &item.local);
	end(making, mailbox);
	if (display != DIGEST_TEXTS) {
		begin(making, display);
		if (is_found && item.name.len > 0) {
			words_add_decoded(&name, buf_span(&item.name));
			add_folded(making->text, &name);
		} else if (is_found) {
			add_folded(making->text, &item.local);
			buf_add_char(making->text, '@');
			add_folded(making->text, &item.domain);
		}
		end(making, display);
	}
	buf_free(&name);
	addrlist_item_free(&item);
}

static void
add_subject(struct making *making, struct span value)
{
	struct buf base = buf_new(DECODED_MAX);

	making->digest->numbers[DIGEST_IS_REPLY] =
	    subject_add_base(&base, value);
	begin(making, DIGEST_SUBJECT);
	add_folded(making->text, &base);
	end(making, DIGEST_SUBJECT);
	buf_free(&base);
}

static void
add_threading(struct making *making, struct span header)
{
	struct span value;

	begin(making, DIGEST_MESSAGE_ID);
	if (header_find(header, "Message-ID", &value) &&
	    message_ids_add(making->text, value, 1) > 0)
		making->text->len--;
	end(making, DIGEST_MESSAGE_ID);
	begin(making, DIGEST_REFERENCES);
	if ((!header_find(header, "References", &value) ||
		message_ids_add(making->text, value, REFERENCES_MAX) == 0) &&
	    header_find(header, "In-Reply-To", &value))
		message_ids_add(making->text, value, 1);
	end(making, DIGEST_REFERENCES);
}

static void
add_sorting(struct making *making, struct span header)
{
	const struct span none = { "", 0 };
	struct span value;
	struct digest *digest = making->digest;
	int32_t zone_s = 0;

	add_subject(
	    making, header_find(header, "Subject", &value) ? value : none);
	add_address_keys(making,
	    header_find(header, "From", &value) ? value : none, DIGEST_FROM,
	    DIGEST_DISPLAY_FROM);
	add_address_keys(making,
	    header_find(header, "To", &value) ? value : none, DIGEST_TO,
	    DIGEST_DISPLAY_TO);
	add_address_keys(making,
	    header_find(header, "Cc", &value) ? value : none, DIGEST_CC,
	    DIGEST_TEXTS);
	add_threading(making, header);
	digest->numbers[DIGEST_SENT_S] = digest->numbers[DIGEST_DATE_S];
	digest->numbers[DIGEST_HAS_SENT] =
	    header_find(header, "Date", &value) &&
	    date_parse(value, &digest->numbers[DIGEST_SENT_S], &zone_s);
	digest->numbers[DIGEST_ZONE_S] = zone_s;
}

static void
add_fields(struct making *making, struct span header)
{
	struct buf decoded = buf_new(DECODED_MAX);
	struct span name;
	struct span value;

	begin(making, DIGEST_FIELD_TEXT);
	while (header_next(&header, &name, &value)) {
		if (!digest_has_field(name))
			continue;
		utf8_add_folded(making->text, name);
		buf_add_char(making->text, ':');
		buf_clear(&decoded);
		words_add_decoded(&decoded, value);
		add_folded(making->text, &decoded);
		buf_add_char(making->text, '\n');
	}
	end(making, DIGEST_FIELD_TEXT);
	buf_free(&decoded);
}

static void
add_header(struct making *making, struct span header)
{
	begin(making, DIGEST_ENVELOPE);
	structure_add_envelope(making->text, header, false);
	end(making, DIGEST_ENVELOPE);
	if (!span_is_ascii(header)) {
		begin(making, DIGEST_ENVELOPE_UTF8);
		structure_add_envelope(making->text, header, true);
		end(making, DIGEST_ENVELOPE_UTF8);
	}
	add_sorting(making, header);
	add_fields(making, header);
}

/* ---- of all of it ---- */

/* Up to four renderings of one reading. */
struct whole {
	struct mime mime;
	struct structure forms[2][2]; /* extended, UTF-8 */
	struct bodytext text;
	struct buf header; /* the message's own */
	bool is_wide;      /* some header is not ASCII */
	bool has_utf8;     /* then the forms in UTF-8 are made */
	XXH3_state_t *hash;
};

static void
take_header(void *context, uint32_t part, struct span header)
{
	struct whole *whole = context;

	whole->is_wide |= !span_is_ascii(header);
	whole->has_utf8 |= whole->is_wide && part == 0;
	for (int i = 0; i < 4; i++)
		if (i % 2 == 0 || whole->has_utf8)
			structure_take_header(&whole->forms[i / 2][i % 2],
			    &whole->mime, part, header);
	bodytext_take_header(&whole->text, &whole->mime, part, header);
	if (part == 0)
		buf_add(&whole->header, header);
}

static bool
take_piece(void *context, struct span piece)
{
	struct whole *whole = context;

	mime_add(&whole->mime, piece);
	XXH3_128bits_update(whole->hash, piece.ptr, piece.len);
	return true;
}

struct previewing {
	struct bodytext_stream stream;
	struct buf text;
};

static bool
add_preview_piece(void *context, struct span piece)
{
	struct previewing *previewing = context;

	bodytext_piece(&previewing->stream, &previewing->text, piece);
	return true;
}

static void
add_preview_of(struct making *making, const struct whole *whole,
    const struct bodytext_part *part, int fd)
{
	struct previewing previewing = { .text = buf_new(DECODED_MAX) };
	uint64_t from = whole->mime.parts[part->part].body.raw;
	uint64_t to = whole->mime.parts[part->part].end.raw;

	if (to - from > PREVIEW_BYTES)
		to = from + PREVIEW_BYTES;
	bodytext_begin(&previewing.stream, part);
	message_each_piece(fd, from, to, add_preview_piece, &previewing);
	bodytext_end(&previewing.stream, &previewing.text);
	bodytext_add_preview(making->text, buf_span(&previewing.text),
	    part->is_html, PREVIEW_CHARACTERS);
	buf_free(&previewing.text);
}

/* Some programs put no word into the text that they put beside HTML. */
static void
add_preview(struct making *making, const struct whole *whole, int fd)
{
	const struct bodytext_part *part = NULL;
	size_t start = begin(making, DIGEST_PREVIEW);

	for (int i = 0; i < PREVIEW_PARTS && making->text->len == start; i++) {
		part = bodytext_next(&whole->text, part);
		if (part == NULL)
			break;
		add_preview_of(making, whole, part, fd);
	}
	end(making, DIGEST_PREVIEW);
}

static void
add_structures(struct making *making, struct whole *whole)
{
	static const enum digest_text texts[2][2] = { { DIGEST_BODY,
							  DIGEST_BODY_UTF8 },
		{ DIGEST_STRUCTURE, DIGEST_STRUCTURE_UTF8 } };

	for (int i = 0; i < 4; i++) {
		bool is_utf8 = i % 2 == 1;

		if (is_utf8 && !whole->is_wide)
			continue;
		begin(making, texts[i / 2][i % 2]);
		structure_add(
		    &whole->forms[i / 2][i % 2], &whole->mime, making->text);
		end(making, texts[i / 2][i % 2]);
	}
}

/* The same for each copy of a message, in any folder: RFC 8474. */
static void
add_email_id(struct making *making, const struct whole *whole)
{
	XXH128_hash_t hash = XXH3_128bits_digest(whole->hash);

	begin(making, DIGEST_EMAIL_ID);
	buf_printf(making->text, "E%016llx%016llx",
	    (unsigned long long)hash.high64, (unsigned long long)hash.low64);
	end(making, DIGEST_EMAIL_ID);
}

static void
begin_whole(struct whole *whole, bool has_utf8)
{
	*whole = (struct whole){ .header = buf_new(MIME_HEADER_MAX),
		.has_utf8 = has_utf8,
		.hash = XXH3_createState() };
	mime_init(&whole->mime, take_header, whole);
	for (int i = 0; i < 4; i++)
		structure_init(
		    &whole->forms[i / 2][i % 2], i / 2 == 1, i % 2 == 1);
}

static void
end_whole(struct whole *whole)
{
	for (int i = 0; i < 4; i++)
		structure_free(&whole->forms[i / 2][i % 2]);
	bodytext_free(&whole->text);
	mime_free(&whole->mime);
	buf_free(&whole->header);
	XXH3_freeState(whole->hash);
}

static bool
read_whole(struct whole *whole, int fd)
{
	if (whole->hash == NULL) {
		errno = ENOMEM;
		return false;
	}
	XXH3_128bits_reset(whole->hash);
	if (!message_each_piece(fd, 0, UINT64_MAX, take_piece, whole))
		return false;
	mime_finish(&whole->mime);
	return true;
}

static bool
make_whole(struct making *making, int fd)
{
	struct whole whole;

	begin_whole(&whole, false);
	bool is_good = read_whole(&whole, fd);
	/* It was ASCII up to some part, which is rare: once more. */
	if (is_good && whole.is_wide && !whole.has_utf8) {
		end_whole(&whole);
		begin_whole(&whole, true);
		is_good = read_whole(&whole, fd);
	}
	int error = errno;
	if (is_good) {
		making->digest->numbers[DIGEST_OCTETS] =
		    (int64_t)whole.mime.at.wire;
		add_header(making, buf_span(&whole.header));
		add_structures(making, &whole);
		add_preview(making, &whole, fd);
		add_email_id(making, &whole);
	}
	end_whole(&whole);
	errno = error;
	return is_good;
}

static bool
make_of_header(struct making *making, int fd)
{
	struct buf header = buf_new(MIME_HEADER_MAX);
	bool is_good = message_read_header(fd, &header);

	if (is_good)
		add_header(making, header_of(buf_span(&header)));
	buf_free(&header);
	return is_good;
}

bool
digest_make(
    struct digest *digest, struct buf *text, int fd, enum digest_depth *depth)
{
	struct making making = { .digest = digest, .text = text };
	struct stat status;

	*digest = (struct digest){ .numbers = { 0 } };
	buf_clear(text);
	if (!fd_status(fd, &status))
		return false;
	digest->numbers[DIGEST_DATE_S] = status.st_mtim.tv_sec;
	if (status.st_size <= SMALL)
		*depth = DIGEST_BY_ALL;
	if (!(*depth == DIGEST_BY_ALL ? make_whole(&making, fd)
				      : make_of_header(&making, fd)))
		return false;
	for (int i = 0; i < DIGEST_TEXTS; i++)
		digest->texts[i] =
		    (struct span){ making.lens[i] == 0
				       ? ""
				       : text->data + making.starts[i],
			    making.lens[i] };
	return true;
}
