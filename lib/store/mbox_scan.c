#include "store/mbox_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/mbox_lines.h"

static struct span
unquoted(const struct mbox_piece *piece)
{
	struct span rest = piece->bytes;

	if (!piece->is_start || rest.ptr[0] != '>')
		return rest;
	while (rest.len > 0 && rest.ptr[0] == '>')
		rest = span_slice(rest, 1, rest.len);
	return span_starts(rest, span_of("From "))
		   ? span_slice(piece->bytes, 1, piece->bytes.len)
		   : piece->bytes;
}

/* ---- one message ---- */

struct scanner {
	struct mbox_list *list;
	struct store_hash *hash;
	struct crlf counter;
	uint64_t octets;
	struct mbox_piece held; /* an empty line: part of the message, or not */
	bool is_in_from;        /* the rest of a long "From " line */
	bool is_in_header;
	bool is_ignored; /* this field does not count for the hash */
	bool is_bounded; /* the message's end is known: all of it counts */
};

static bool
count_octets(void *context, struct span piece)
{
	uint64_t *octets = context;

	*octets += piece.len;
	return true;
}

static bool
is_readers_own(struct span line)
{
	static const char *const fields[] = { "Status:", "X-Status:", "X-UID:",
		"X-UIDL:", "X-Keywords:", "X-IMAP:", "X-IMAPbase:",
		"Content-Length:" };

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (span_starts_nocase(line, span_of(fields[i])))
			return true;
	return false;
}

/* The value of a field, if line is that field. */
static bool
is_field(struct span line, const char *name, struct span *value)
{
	struct span field = span_of(name);

	if (!span_starts_nocase(line, field))
		return false;
	*value = span_trim(span_slice(line, field.len, line.len));
	return true;
}

/* What IMAP and POP3 servers note in an mbox. */
static void
note_ids(struct mbox_list *list, struct span line)
{
	struct mbox_message *message = &list->messages[list->count - 1];
	struct span value;
	uint64_t number;

	if (is_field(line, "X-UIDL:", &value)) {
		if (*message->x_uidl == '\0' && uidl_is_valid(value))
			memcpy(message->x_uidl, value.ptr, value.len);
	} else if (is_field(line, "X-UID:", &value)) {
		if (span_number(value, 10, UINT32_MAX, &number))
			message->uid = (uint32_t)number;
	} else if (is_field(line, "X-IMAPbase:", &value) ||
		   is_field(line, "X-IMAP:", &value)) {
		if (list->uid_validity == 0 && list->count == 1 &&
		    span_number(span_cut(&value, ' '), 10, UINT32_MAX, &number))
			list->uid_validity = (uint32_t)number;
	}
}

static void
take_line(struct scanner *scanner, const struct mbox_piece *piece)
{
	struct span bytes = unquoted(piece);
	char first = bytes.len > 0 ? bytes.ptr[0] : '\0';

	crlf_add(&scanner->counter, bytes);
	if (mbox_is_empty_line(piece))
		scanner->is_in_header = scanner->is_ignored = false;
	else if (piece->is_start && first != ' ' && first != '\t')
		scanner->is_ignored =
		    scanner->is_in_header && is_readers_own(bytes);
	if (scanner->is_ignored && piece->is_start)
		note_ids(scanner->list, bytes);
	if (!scanner->is_ignored)
		store_hash_add(scanner->hash, bytes);
}

static void
take_held(struct scanner *scanner)
{
	if (scanner->held.bytes.len > 0)
		take_line(scanner, &scanner->held);
	scanner->held.bytes.len = 0;
}

static void
begin_message(struct scanner *scanner, uint64_t from)
{
	struct mbox_list *list = scanner->list;

	if (list->count % 64 == 0)
		list->messages = store_allocate(list->messages,
		    list->count + 64 + list->count / 64 * 64,
		    sizeof(*list->messages));
	list->messages[list->count++] = (struct mbox_message){ .from = from };
	scanner->octets = 0;
	scanner->counter = (struct crlf){
		.take = count_octets, .context = &scanner->octets, .last = '\n'
	};
	scanner->held.bytes.len = 0;
	scanner->is_in_from = scanner->is_in_header = true;
	scanner->is_ignored = false;
}

/* Without the empty line that is held: it stands between two messages. */
static void
end_message(struct scanner *scanner, uint64_t offset)
{
	struct mbox_list *list = scanner->list;

	if (list->count == 0)
		return;
	struct mbox_message *message = &list->messages[list->count - 1];
	if (scanner->is_bounded)
		take_held(scanner);
	if (scanner->is_in_from)
		message->start = offset; /* nothing but a "From " line */
	message->end = offset - scanner->held.bytes.len;
	crlf_end(&scanner->counter);
	message->octets = scanner->octets;
	store_hash_end(scanner->hash, message->hash);
}

/* False if there is text before the first "From " line. */
static bool
scan_piece(struct scanner *scanner, const struct mbox_piece *piece)
{
	static const char newlines[] = "\r\n";
	struct mbox_list *list = scanner->list;
	bool is_after_empty = list->count == 0 || scanner->held.bytes.len > 0;

	if (piece->is_start && is_after_empty &&
	    span_starts(piece->bytes, span_of("From "))) {
		end_message(scanner, piece->offset);
		begin_message(scanner, piece->offset);
		return true;
	}
	if (list->count == 0)
		return mbox_is_empty_line(piece);
	if (scanner->is_in_from && piece->is_start) {
		scanner->is_in_from = false;
		list->messages[list->count - 1].start = piece->offset;
	}
	if (scanner->is_in_from)
		return true;
	take_held(scanner);
	if (!mbox_is_empty_line(piece)) {
		take_line(scanner, piece);
		return true;
	}
	/* Its bytes move with the buffer: keep a copy that does not. */
	scanner->held = *piece;
	scanner->held.bytes.ptr = newlines + 2 - piece->bytes.len;
	return true;
}

/* All of the file, or only what is where that message was. */
static bool
scan(int fd, const struct mbox_message *only, struct mbox_list *list)
{
	static struct mbox_lines lines; /* large */
	struct scanner scanner = { .list = list,
		.hash = store_hash_new(),
		.is_bounded = only != NULL };
	struct mbox_piece piece;
	int got;

	mbox_lines_open(&lines, fd, only == NULL ? 0 : only->from,
	    only == NULL ? INT64_MAX : only->end);
	while ((got = mbox_lines_next(&lines, &piece)) == 1)
		if (!scan_piece(&scanner, &piece)) {
			errno = EBADMSG;
			got = -1;
			break;
		}
	if (got == 0)
		end_message(&scanner, lines.offset);
	store_hash_free(scanner.hash);
	list->size = lines.offset;
	return got == 0;
}

bool
mbox_scan(int fd, struct mbox_list *list)
{
	*list = (struct mbox_list){ 0 };
	if (scan(fd, NULL, list))
		return true;
	int error = errno;
	mbox_list_free(list);
	errno = error;
	return false;
}

void
mbox_list_free(struct mbox_list *list)
{
	free(list->messages);
	*list = (struct mbox_list){ 0 };
}

bool
mbox_unquote(int fd, const struct mbox_message *message, struct crlf *out)
{
	static struct mbox_lines lines;
	struct mbox_piece piece;
	int got;

	mbox_lines_open(&lines, fd, message->start, message->end);
	while ((got = mbox_lines_next(&lines, &piece)) == 1)
		if (!crlf_add(out, unquoted(&piece)))
			return false;
	return got == 0;
}

int
mbox_is_there(int fd, const struct mbox_message *message)
{
	struct mbox_list list = { 0 };
	int is_there = scan(fd, message, &list) ? 1 : -1;

	if (is_there == -1 && errno == EBADMSG)
		is_there = 0;
	if (is_there == 1)
		is_there = list.count == 1 &&
			   list.messages[0].start == message->start &&
			   strcmp(list.messages[0].hash, message->hash) == 0;
	mbox_list_free(&list);
	return is_there;
}
