#include "mail/identifier.h"
#include "mail/saslprep.h"
#include "mail/utf8.h"
#include "store/acl.h"

/* What is pure of acl.h: the file's lines, rights and identifiers. */

static const char version[] = "estafeta-acl 1";
static const char letters[] = "lrswipkxtea"; /* in the order of acl_right */

enum {
	DELETE_0 = 0x7f,
	CONTROLS_END = 0xa0 /* C1 is before it */
};

bool
acl_parse_rights(struct span text, uint32_t *rights)
{
	*rights = 0;
	for (size_t i = 0; i < text.len; i++) {
		size_t k = span_index(span_of(letters), text.ptr[i]);

		if (text.ptr[i] == 'c')
			*rights |= ACL_CREATE | ACL_DELETE_FOLDER;
		else if (text.ptr[i] == 'd')
			*rights |= ACL_EXPUNGE | ACL_DELETE_MESSAGES;
		else if (k < sizeof(letters) - 1)
			*rights |= UINT32_C(1) << k;
		else
			return false;
	}
	return true;
}

void
acl_add_rights(struct buf *into, uint32_t rights)
{
	for (size_t i = 0; letters[i] != '\0'; i++)
		if ((rights >> i & 1) != 0)
			buf_add_char(into, letters[i]);
}

/* Neither a character that controls something, nor none at all. */
static bool
is_printable(struct span text)
{
	while (text.len > 0) {
		uint32_t c = utf8_next(&text);

		if (c == UTF8_NONE || c < ' ' ||
		    (c >= DELETE_0 && c < CONTROLS_END))
			return false;
	}
	return true;
}

/* RFC 4013. */
static bool
add_prepared(struct buf *into, struct span identifier)
{
	char prepared[ACL_IDENTIFIER_MAX + 1];
	bool is_good = saslprep_stored(identifier, prepared, sizeof(prepared));

	buf_add_string(into, prepared);
	return is_good;
}

bool
acl_prepare(struct span identifier, struct buf *into)
{
	size_t start = into->len;

	if (!is_printable(identifier))
		return false;
	if (span_is_ascii(identifier))
		buf_add(into, identifier);
	else if (!add_prepared(into, identifier))
		return false;
	struct span name = span_slice(buf_span(into), start, SIZE_MAX);
	return !into->overflow && name.len > 0 &&
	       name.len <= ACL_IDENTIFIER_MAX && name.ptr[0] != '-' &&
	       is_printable(name);
}

/* "RIGHTS IDENTIFIER" or "RIGHTS -IDENTIFIER" */
static bool
parse_line(struct span line, struct acl_entry *entry)
{
	struct span rights = span_cut(&line, ' ');

	entry->is_negative = line.len > 0 && line.ptr[0] == '-';
	entry->identifier = span_slice(line, entry->is_negative, SIZE_MAX);
	return rights.len > 0 && acl_parse_rights(rights, &entry->rights) &&
	       entry->identifier.len > 0 &&
	       entry->identifier.len <= ACL_IDENTIFIER_MAX &&
	       entry->identifier.ptr[0] != '-' &&
	       is_printable(entry->identifier);
}

bool
acl_parse(struct span text, struct span *lines)
{
	struct acl_entry entry;
	size_t count = 0;

	if (text.len > ACL_FILE_MAX || text.len == 0 ||
	    text.ptr[text.len - 1] != '\n' ||
	    !span_equal(span_cut(&text, '\n'), span_of(version)))
		return false;
	*lines = text;
	while (text.len > 0)
		if (!parse_line(span_cut(&text, '\n'), &entry) ||
		    ++count > ACL_ENTRIES_MAX)
			return false;
	return true;
}

bool
acl_next(struct span *lines, struct acl_entry *entry)
{
	return lines->len > 0 && parse_line(span_cut(lines, '\n'), entry);
}

uint32_t
acl_rights_of(struct span lines, struct span user, struct span groups)
{
	struct acl_entry entry;
	uint32_t granted = 0;
	uint32_t taken = 0;

	while (acl_next(&lines, &entry)) {
		if (!identifier_names(entry.identifier, user, groups))
			continue;
		if (entry.is_negative)
			taken |= entry.rights;
		else
			granted |= entry.rights;
	}
	return granted & ~taken;
}
