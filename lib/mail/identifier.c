#include "mail/identifier.h"

/* The kernel's names of groups are one case. */
static bool
is_in(struct span groups, struct span group)
{
	while (groups.len > 0)
		if (span_equal(span_cut(&groups, ','), group))
			return true;
	return false;
}

bool
identifier_names(struct span identifier, struct span user, struct span groups)
{
	if (identifier.len > 1 && identifier.ptr[0] == '$')
		return is_in(groups, span_slice(identifier, 1, SIZE_MAX));
	return span_equal(identifier, span_of("anyone")) ||
	       span_equal_nocase(identifier, user);
}
