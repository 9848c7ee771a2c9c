/*
 * aliases_fuzz - an alias file of any bytes: what is accepted must be accepted
 * again from the table, and entries come from inside the text's lines.
 */

#include <stdint.h>
#include <stdlib.h>

#include "aliases/aliases.h"
#include "mail/aliasitems.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_target(struct span target)
{
	struct buf text = buf_new(ALIASES_TARGET_MAX);
	struct alias_item item;
	enum alias_item_status status;

	while (
	    (status = alias_item_next(&target, &text, &item)) == ALIAS_ITEM_OK)
		if (item.text.len == 0)
			abort();
	if (status != ALIAS_ITEM_END)
		abort();
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct aliases_reader reader;
	struct aliases_entry entry;
	enum aliases_status status;
	const char *mend;

	aliases_open(&reader, text);
	while ((status = aliases_next(&reader, &entry, &mend)) != ALIASES_END)
		if (status == ALIASES_OK)
			check_target(entry.target);
	aliases_close(&reader);
	return 0;
}
