#include <string.h>
#include <xxhash.h>

#include "store/digest.h"

/* What each group holds: numbers, then texts; -1 ends each. */
static const int numbers_of[DIGEST_GROUPS][DIGEST_NUMBERS + 1] = {
	[DIGEST_SIZES] = { DIGEST_OCTETS, DIGEST_DATE_S, -1 },
	[DIGEST_ENVELOPES] = { -1 },
	[DIGEST_STRUCTURES] = { -1 },
	[DIGEST_SORTING] = { DIGEST_DATE_S, DIGEST_SENT_S, DIGEST_ZONE_S,
	    DIGEST_HAS_SENT, DIGEST_IS_REPLY, -1 },
	[DIGEST_FIELDS] = { -1 },
	[DIGEST_SIGNATURES] = { -1 },
};
static const int texts_of[DIGEST_GROUPS][DIGEST_TEXTS + 1] = {
	[DIGEST_SIZES] = { -1 },
	[DIGEST_ENVELOPES] = { DIGEST_ENVELOPE, DIGEST_ENVELOPE_UTF8, -1 },
	[DIGEST_STRUCTURES] = { DIGEST_STRUCTURE, DIGEST_STRUCTURE_UTF8,
	    DIGEST_BODY, DIGEST_BODY_UTF8, DIGEST_PREVIEW, DIGEST_EMAIL_ID,
	    -1 },
	[DIGEST_SORTING] = { DIGEST_SUBJECT, DIGEST_FROM, DIGEST_TO, DIGEST_CC,
	    DIGEST_DISPLAY_FROM, DIGEST_DISPLAY_TO, DIGEST_MESSAGE_ID,
	    DIGEST_REFERENCES, -1 },
	[DIGEST_FIELDS] = { DIGEST_FIELD_TEXT, -1 },
	[DIGEST_SIGNATURES] = { DIGEST_SIGNATURE, -1 },
};

enum digest_depth
digest_depth_of(enum digest_group group)
{
	return group == DIGEST_SIZES || group == DIGEST_STRUCTURES
		   ? DIGEST_BY_ALL
		   : DIGEST_BY_HEADER;
}

static uint64_t
check_of(struct span bytes, enum digest_group group, uint32_t uid)
{
	return XXH3_64bits_withSeed(
	    bytes.ptr, bytes.len, (uint64_t)uid << 8 | (uint64_t)group);
}

static void
add_bytes(struct buf *into, const void *bytes, size_t len)
{
	buf_add(into, (struct span){ bytes, len });
}

void
digest_add_row(struct buf *into, const struct digest *digest,
    enum digest_group group, uint32_t uid)
{
	size_t start = into->len;
	uint64_t check = 0;

	add_bytes(into, &check, sizeof(check));
	for (const int *n = numbers_of[group]; *n != -1; n++)
		add_bytes(into, &digest->numbers[*n], sizeof(*digest->numbers));
	for (const int *t = texts_of[group]; *t != -1; t++) {
		uint32_t len = (uint32_t)digest->texts[*t].len;

		add_bytes(into, &len, sizeof(len));
	}
	for (const int *t = texts_of[group]; *t != -1; t++)
		buf_add(into, digest->texts[*t]);
	if (into->overflow)
		return;
	check = check_of((struct span){ into->data + start + sizeof(check),
			     into->len - start - sizeof(check) },
	    group, uid);
	memcpy(into->data + start, &check, sizeof(check));
}

static bool
take_bytes(struct span *rest, void *into, size_t len)
{
	if (rest->len < len)
		return false;
	memcpy(into, rest->ptr, len);
	*rest = span_slice(*rest, len, rest->len);
	return true;
}

bool
digest_read_row(struct digest *digest, enum digest_group group, uint32_t uid,
    struct span row)
{
	uint32_t lens[DIGEST_TEXTS];
	uint64_t check;
	size_t count = 0;

	if (!take_bytes(&row, &check, sizeof(check)) ||
	    check != check_of(row, group, uid))
		return false;
	for (const int *n = numbers_of[group]; *n != -1; n++)
		if (!take_bytes(
			&row, &digest->numbers[*n], sizeof(*digest->numbers)))
			return false;
	for (const int *t = texts_of[group]; *t != -1; t++)
		if (!take_bytes(&row, &lens[count++], sizeof(*lens)))
			return false;
	for (size_t i = 0; i < count; i++) {
		if (lens[i] > row.len)
			return false;
		digest->texts[texts_of[group][i]] = span_slice(row, 0, lens[i]);
		row = span_slice(row, lens[i], row.len);
	}
	return row.len == 0;
}
