#include "queue/select.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "mail/header.h"
#include "mail/words.h"

enum {
	HEADER_MAX = 65536 /* of a message, looked at for -H */
};

bool
selection_says(const struct selection *selection)
{
	return selection->is_all || selection->id_count > 0 ||
	       selection->sender != NULL || selection->recipient != NULL ||
	       selection->domain != NULL || selection->field != NULL ||
	       selection->older_s > 0 || selection->younger_s > 0 ||
	       selection->is_held;
}

bool
selection_age(const char *text, int64_t *seconds)
{
	static const char units[] = "smhd";
	static const int64_t in_seconds[] = { 1, 60, 3600, 86400 };
	struct span digits = span_of(text);
	int64_t unit = 1;
	uint64_t number;

	const char *found =
	    digits.len == 0 ? NULL : strchr(units, text[digits.len - 1]);
	if (found != NULL) {
		unit = in_seconds[found - units];
		digits.len--;
	}
	if (!span_number(digits, 10, 100000000, &number) || number == 0)
		return false;
	*seconds = (int64_t)number * unit;
	return true;
}

static bool
matches(const char *pattern, struct span text)
{
	struct buf copy = buf_new(SIZE_MAX / 2);

	buf_add(&copy, text);
	bool is_match = fnmatch(pattern, buf_string(&copy), FNM_CASEFOLD) == 0;
	buf_free(&copy);
	return is_match;
}

static bool
has_recipient(const struct selection *selection, const struct queue_file *file)
{
	struct span rest = file->envelope.recipients;
	struct recipient recipient;
	struct slot slot;

	for (uint64_t i = 0; envelope_next(&rest, &recipient); i++) {
		struct span address = recipient.address;
		struct span domain = span_slice(
		    address, span_last_index(address, '@') + 1, address.len);

		if (slot_read(file, i, &slot) && slot.state != SLOT_WAITING)
			continue;
		if ((selection->recipient == NULL ||
			matches(selection->recipient, address)) &&
		    (selection->domain == NULL ||
			matches(selection->domain, domain)))
			return true;
	}
	return false;
}

/* Unfolded, as it stands or as it is read: RFC 2047. */
static bool
value_matches(const char *pattern, struct span text)
{
	struct buf value = buf_new(HEADER_MAX);

	header_add_unfolded(&value, text);
	bool is_match = matches(pattern, buf_span(&value));
	if (!is_match) {
		buf_clear(&value);
		words_add_decoded(&value, text);
		is_match = matches(pattern, buf_span(&value));
	}
	buf_free(&value);
	return is_match;
}

/* Any field of that name whose value fits. */
static bool
has_field(const char *wanted, const struct queue_file *file)
{
	static char bytes[HEADER_MAX];
	const char *pattern = strchr(wanted, ':');
	struct span name;
	struct span text;
	bool is_there = false;

	if (pattern == NULL)
		return false;
	struct span field = { wanted, (size_t)(pattern - wanted) };
	pattern += 1 + strspn(pattern + 1, " ");
	ssize_t got =
	    pread(file->fd, bytes, sizeof(bytes), (off_t)file->message_offset);
	size_t most = file->message_length < sizeof(bytes)
			  ? (size_t)file->message_length
			  : sizeof(bytes);
	if (got < 0)
		return false;
	struct span rest = header_of(
	    (struct span){ bytes, (size_t)got < most ? (size_t)got : most });
	while (!is_there && header_next(&rest, &name, &text))
		is_there = span_equal_nocase(name, field) &&
			   value_matches(pattern, text);
	return is_there;
}

static bool
has_id(const struct selection *selection, const struct queue_file *file)
{
	for (size_t i = 0; i < selection->id_count; i++)
		if (strcmp(selection->ids[i], file->name.id.text) == 0)
			return true;
	return selection->id_count == 0;
}

bool
selection_has(const struct selection *selection, const struct queue_file *file,
    bool is_held)
{
	int64_t age = (int64_t)time(NULL) -
		      (int64_t)(queue_id_time_us(&file->name.id) / 1000000);

	return has_id(selection, file) && (is_held || !selection->is_held) &&
	       (selection->older_s == 0 || age >= selection->older_s) &&
	       (selection->younger_s == 0 || age <= selection->younger_s) &&
	       (selection->sender == NULL ||
		   matches(selection->sender, file->envelope.sender)) &&
	       ((selection->recipient == NULL && selection->domain == NULL) ||
		   has_recipient(selection, file)) &&
	       (selection->field == NULL || has_field(selection->field, file));
}
