#include "store/flag_names.h"

const struct flag_name flag_names[] = {
	{ "\\Answered", MESSAGE_ANSWERED },
	{ "\\Flagged", MESSAGE_FLAGGED },
	{ "\\Deleted", MESSAGE_DELETED },
	{ "\\Seen", MESSAGE_SEEN },
	{ "\\Draft", MESSAGE_DRAFT },
	{ "\\Recent", MESSAGE_RECENT },
	{ NULL, 0 },
};

uint32_t
flag_of_name(struct span name)
{
	const struct flag_name *known = flag_names;

	while (known->text != NULL &&
	       !span_equal_nocase(name, span_of(known->text)))
		known++;
	return known->flag;
}

static void
add_name(struct buf *into, size_t start, struct span name)
{
	if (into->len > start)
		buf_add_char(into, ' ');
	buf_add(into, name);
}

void
flag_names_add(struct buf *into, const struct folder *folder, uint32_t flags,
    uint64_t keywords)
{
	const struct flag_name *name = flag_names;
	size_t start = into->len;

	for (; name->text != NULL; name++)
		if ((flags & name->flag) != 0)
			add_name(into, start, span_of(name->text));
	for (size_t i = 0; i < FOLDER_KEYWORDS_MAX; i++)
		if ((keywords >> i & 1) != 0)
			add_name(into, start, folder_keyword(folder, i));
}
