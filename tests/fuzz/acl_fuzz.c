/*
 * acl_fuzz - any bytes are a file of folderacl(5) or not; what it says is
 * within its limits, and the same when it is written again.
 */

#include <stdint.h>
#include <stdlib.h>

#include "store/acl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_entry(const struct acl_entry *entry)
{
	struct buf rights = buf_new(100);
	uint32_t again;

	acl_add_rights(&rights, entry->rights);
	if (!acl_parse_rights(buf_span(&rights), &again) ||
	    again != entry->rights || (entry->rights & ~ACL_ALL) != 0 ||
	    entry->identifier.len == 0 ||
	    entry->identifier.len > ACL_IDENTIFIER_MAX)
		abort();
	buf_free(&rights);
}

static void
check_identifier(struct span text)
{
	struct buf once = buf_new(ACL_IDENTIFIER_MAX);
	struct buf twice = buf_new(ACL_IDENTIFIER_MAX);

	if (acl_prepare(text, &once) &&
	    (!acl_prepare(buf_span(&once), &twice) ||
		!span_equal(buf_span(&once), buf_span(&twice))))
		abort();
	buf_free(&once);
	buf_free(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct span lines;
	struct acl_entry entry;
	size_t count = 0;

	check_identifier(text);
	if (!acl_parse(text, &lines))
		return 0;
	acl_rights_of(lines, span_of("joe"), span_of("staff,"));
	while (acl_next(&lines, &entry)) {
		check_entry(&entry);
		count++;
	}
	if (lines.len > 0 || count > ACL_ENTRIES_MAX)
		abort();
	return 0;
}
