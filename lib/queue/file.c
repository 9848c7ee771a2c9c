#include "queue/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/io.h"

enum {
	EXPECTED_TAIL = 8192 /* envelope, slots and trailer of nearly all */
};

/* ---- names ---- */

bool
queue_name_parse(struct span text, struct queue_name *name)
{
	struct span rest = text;

	*name = (struct queue_name){ .is_plain = false };
	if (!queue_id_parse(span_cut(&rest, '.'), &name->id))
		return false;
	if (text.len == QUEUE_ID_LEN)
		return true;
	name->is_plain = true;
	return span_number(
		   span_cut(&rest, '.'), 16, INT64_MAX, &name->length) &&
	       span_number(rest, 16, UINT64_MAX, &name->checksum);
}

void
queue_name_format(const struct queue_name *name, char text[QUEUE_NAME_MAX])
{
	if (name->is_plain)
		snprintf(text, QUEUE_NAME_MAX, "%s.%llx.%llx", name->id.text,
		    (unsigned long long)name->length,
		    (unsigned long long)name->checksum);
	else
		snprintf(text, QUEUE_NAME_MAX, "%s", name->id.text);
}

/* ---- reading ---- */

static bool
read_at(int fd, uint64_t offset, char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t got = pread(fd, bytes, len, (off_t)offset);

		if (got == 0)
			errno = EBADMSG;
		if (got == 0 || (got == -1 && errno != EINTR))
			return false;
		if (got > 0) {
			bytes += got;
			len -= (size_t)got;
			offset += (uint64_t)got;
		}
	}
	return true;
}

static bool
bad_file(void)
{
	errno = EBADMSG;
	return false;
}

static bool
next_hex(struct span *rest, uint64_t *value)
{
	*rest = span_trim(*rest);
	return span_number(span_cut(rest, ' '), 16, UINT64_MAX, value);
}

/* Lengths that fit the file's size, or nothing. */
static bool
parse_trailer(struct queue_file *file, struct span trailer, uint64_t size,
    uint64_t *envelope_length)
{
	struct span magic = span_of(QUEUE_MAGIC);
	struct span rest = span_trim(trailer);
	uint64_t tail;

	if (!span_starts(rest, magic))
		return false;
	rest = span_slice(rest, magic.len, rest.len);
	if (!next_hex(&rest, &file->message_length) ||
	    !next_hex(&rest, envelope_length) ||
	    !next_hex(&rest, &file->slot_count) ||
	    !next_hex(&rest, &file->checksum))
		return false;
	if (*envelope_length > ENVELOPE_MAX ||
	    file->slot_count > ENVELOPE_RECIPIENTS_MAX ||
	    file->message_length > size)
		return false;
	tail = file->slot_count * QUEUE_SLOT_SIZE + QUEUE_TRAILER_SIZE;
	file->slots_offset = size - tail;
	return tail <= size && file->slots_offset % QUEUE_SLOT_SIZE == 0 &&
	       file->message_length + *envelope_length <= file->slots_offset;
}

static bool
read_full(struct queue_file *file, uint64_t size)
{
	char trailer[QUEUE_TRAILER_SIZE];
	uint64_t envelope_length;

	if (size < sizeof(trailer))
		return bad_file();
	if (!read_at(
		file->fd, size - sizeof(trailer), trailer, sizeof(trailer)))
		return false;
	if (!parse_trailer(file, (struct span){ trailer, sizeof(trailer) },
		size, &envelope_length))
		return bad_file();
	char *room = buf_room(&file->envelope_bytes, (size_t)envelope_length);
	if (!read_at(
		file->fd, file->message_length, room, (size_t)envelope_length))
		return false;
	buf_grown(&file->envelope_bytes, (size_t)envelope_length);
	if (envelope_parse(buf_span(&file->envelope_bytes), &file->envelope) !=
		ENVELOPE_OK ||
	    file->envelope.recipient_count != file->slot_count)
		return bad_file();
	return true;
}

/* Cut "NAME: " and a value off the first line of *rest. */
static bool
cut_field(struct span *rest, const char *name, struct span *value)
{
	struct span prefix = span_of(name);

	if (!span_starts(*rest, prefix) || span_index(*rest, '\n') == rest->len)
		return false;
	*value = span_cut(rest, '\n');
	*value = span_slice(*value, prefix.len, value->len);
	return true;
}

static bool
read_plain(struct queue_file *file, uint64_t size)
{
	char head[QUEUE_PLAIN_HEAD_MAX];
	size_t len = size < sizeof(head) ? (size_t)size : sizeof(head);
	struct span rest = { head, len };
	struct span sender;
	struct recipient recipient = { .is_mailbox = true };

	if (size != file->name.length)
		return bad_file();
	if (!read_at(file->fd, 0, head, len))
		return false;
	if (!cut_field(&rest, "Return-Path: <", &sender) || sender.len == 0 ||
	    !cut_field(&rest, "Delivered-To: ", &recipient.address))
		return bad_file();
	sender.len--; /* the '>' */
	file->message_offset = len - rest.len;
	file->message_length = size - file->message_offset;
	file->checksum = file->name.checksum;
	file->slot_count = 1;
	envelope_add_sender(&file->envelope_bytes, sender);
	envelope_add_recipient(&file->envelope_bytes, &recipient);
	envelope_end(&file->envelope_bytes);
	return envelope_parse(buf_span(&file->envelope_bytes),
		   &file->envelope) == ENVELOPE_OK ||
	       bad_file();
}

bool
queue_file_read(struct queue_file *file, int fd, const struct queue_name *name)
{
	struct stat status;

	*file = (struct queue_file){
		.fd = fd, .name = *name, .envelope_bytes = buf_new(ENVELOPE_MAX)
	};
	if (!fd_status(fd, &status))
		return false;
	if (!S_ISREG(status.st_mode))
		return bad_file();
	uint64_t size = (uint64_t)status.st_size;
	bool is_read =
	    name->is_plain ? read_plain(file, size) : read_full(file, size);
	if (!is_read)
		buf_free(&file->envelope_bytes);
	return is_read;
}

void
queue_file_expect(int fd, const struct queue_name *name)
{
	struct stat status;
	off_t offset = 0;

	if (!name->is_plain && fstat(fd, &status) == 0 &&
	    status.st_size > EXPECTED_TAIL)
		offset = status.st_size - EXPECTED_TAIL;
	posix_fadvise(fd, offset, EXPECTED_TAIL, POSIX_FADV_WILLNEED);
}

void
queue_file_free(struct queue_file *file)
{
	buf_free(&file->envelope_bytes);
}

bool
queue_file_check(const struct queue_file *file)
{
	uint64_t left = file->name.is_plain
			    ? file->name.length
			    : file->message_length + file->envelope_bytes.len;
	uint64_t offset = 0;
	char bytes[16384];
	struct queue_sum *sum = queue_sum_new();
	bool is_read = true;

	while (is_read && left > 0) {
		size_t len =
		    left < sizeof(bytes) ? (size_t)left : sizeof(bytes);

		is_read = read_at(file->fd, offset, bytes, len);
		queue_sum_add(sum, (struct span){ bytes, len });
		offset += len;
		left -= len;
	}
	bool is_same = queue_sum_value(sum) == file->checksum;
	queue_sum_free(sum);
	return is_read && (is_same || bad_file());
}

/* ---- slots ---- */

bool
slot_owes_success(const struct slot *slot)
{
	return slot->state == SLOT_ARRIVED || slot->state == SLOT_RELAYED ||
	       slot->state == SLOT_EXPANDED;
}

bool
slot_owes_delay(const struct slot *slot, int64_t age_s)
{
	return slot->state == SLOT_WAITING && slot->told_s < age_s;
}

/* "-", or "+" and the age; a lone "+" is what an older version wrote. */
static void
format_told(int64_t told_s, char text[24])
{
	if (told_s == 0 || told_s == SLOT_TOLD_BEFORE)
		snprintf(text, 24, "%s", told_s == 0 ? "-" : "+");
	else
		snprintf(text, 24, "+%lld", (long long)told_s);
}

static int64_t
parse_told(struct span text)
{
	uint64_t told_s;

	if (text.len == 0 || text.ptr[0] != '+')
		return 0;
	return span_number(
		   span_slice(text, 1, text.len), 10, INT64_MAX - 1, &told_s)
		   ? (int64_t)told_s
		   : SLOT_TOLD_BEFORE;
}

/* One line of text: state, delay told, attempts, time, code, text, check. */
void
slot_format(const struct slot *slot, char bytes[QUEUE_SLOT_SIZE])
{
	char line[QUEUE_SLOT_SIZE];
	char told[24];

	format_told(slot->told_s, told);
	int len = snprintf(line, sizeof(line), "%c%s %u %lld %s %s",
	    (char)slot->state, told, slot->attempts, (long long)slot->next_try,
	    slot->code[0] == '\0' ? "-" : slot->code, slot->text);
	size_t used =
	    len < QUEUE_SLOT_SIZE - 20 ? (size_t)len : QUEUE_SLOT_SIZE - 20;
	memset(line + used, ' ', sizeof(line) - used);
	unsigned long long check = XXH3_64bits(line, QUEUE_SLOT_SIZE - 20);
	memcpy(bytes, line, QUEUE_SLOT_SIZE);
	snprintf(line, sizeof(line), " %016llx", check);
	memcpy(bytes + QUEUE_SLOT_SIZE - 20, line, 17);
	bytes[QUEUE_SLOT_SIZE - 1] = '\n';
}

static void
copy_text(char *to, size_t size, struct span text)
{
	size_t len = text.len < size - 1 ? text.len : size - 1;

	if (len > 0)
		memcpy(to, text.ptr, len);
	to[len] = '\0';
}

static bool
parse_slot(struct span bytes, struct slot *slot)
{
	struct span line = span_slice(bytes, 0, QUEUE_SLOT_SIZE - 20);
	struct span rest = line;
	struct span check = span_slice(bytes, QUEUE_SLOT_SIZE - 20 + 1, 16);
	uint64_t number;

	if (!span_number(check, 16, UINT64_MAX, &number) ||
	    number != XXH3_64bits(line.ptr, line.len) || line.ptr[0] == '\0' ||
	    strchr("nkayxdr", line.ptr[0]) == NULL)
		return false;
	slot->state = (enum slot_state)line.ptr[0];
	struct span head = span_cut(&rest, ' ');
	slot->told_s = parse_told(span_slice(head, 1, head.len));
	if (!span_number(span_cut(&rest, ' '), 10, UINT32_MAX, &number))
		return false;
	slot->attempts = (unsigned)number;
	if (!span_number(span_cut(&rest, ' '), 10, INT64_MAX, &number))
		return false;
	slot->next_try = (int64_t)number;
	struct span code = span_cut(&rest, ' ');
	if (!span_equal(code, span_of("-")))
		copy_text(slot->code, sizeof(slot->code), code);
	copy_text(slot->text, sizeof(slot->text), span_trim(rest));
	return true;
}

static const char route_attribute[] = "user.estafeta.route";

void
queue_file_route(const struct queue_file *file, char route[QUEUE_ROUTE_MAX + 1])
{
	ssize_t got =
	    fgetxattr(file->fd, route_attribute, route, QUEUE_ROUTE_MAX);

	route[got > 0 ? got : 0] = '\0';
}

bool
queue_file_set_route(int fd, struct span route)
{
	bool is_set =
	    route.len > 0
		? fsetxattr(fd, route_attribute, route.ptr, route.len, 0) == 0
		: fremovexattr(fd, route_attribute) == 0 || errno == ENODATA;

	return is_set;
}

static const char release_attribute[] = "user.estafeta.release";

void
queue_file_take_release(struct queue_file *file)
{
	char text[24];
	uint64_t when;

	if (file->envelope.hold_until == 0)
		return;
	ssize_t got =
	    fgetxattr(file->fd, release_attribute, text, sizeof(text));
	if (got > 0 &&
	    span_number(
		(struct span){ text, (size_t)got }, 10, INT64_MAX, &when) &&
	    (int64_t)when < file->envelope.hold_until)
		file->envelope.hold_until = (int64_t)when;
}

bool
queue_file_set_release(int fd, int64_t when)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%lld", (long long)when);

	return fsetxattr(fd, release_attribute, text, (size_t)len, 0) == 0;
}

/* A plain file has no room for its slot: an attribute holds it, if it can. */
static const char slot_attribute[] = "user.estafeta.slot";

bool
slot_read(const struct queue_file *file, uint64_t index, struct slot *slot)
{
	char bytes[QUEUE_SLOT_SIZE];

	if (file->name.is_plain) {
		if (fgetxattr(file->fd, slot_attribute, bytes, sizeof(bytes)) !=
		    (ssize_t)sizeof(bytes))
			memset(bytes, 0, sizeof(bytes));
	} else if (!read_at(file->fd,
		       file->slots_offset + index * QUEUE_SLOT_SIZE, bytes,
		       sizeof(bytes))) {
		return false;
	}
	*slot = (struct slot){ .state = SLOT_WAITING };
	if (!parse_slot((struct span){ bytes, sizeof(bytes) }, slot))
		*slot = (struct slot){ .state = SLOT_WAITING };
	return true;
}

bool
slot_write(
    const struct queue_file *file, uint64_t index, const struct slot *slot)
{
	char bytes[QUEUE_SLOT_SIZE];

	slot_format(slot, bytes);
	if (file->name.is_plain)
		return fsetxattr(file->fd, slot_attribute, bytes, sizeof(bytes),
			   0) == 0 ||
		       errno == EOPNOTSUPP;
	return pwrite(file->fd, bytes, sizeof(bytes),
		   (off_t)(file->slots_offset + index * QUEUE_SLOT_SIZE)) ==
	       (ssize_t)sizeof(bytes);
}
