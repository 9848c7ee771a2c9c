#include "mail/saslprep.h"

#include <stdlib.h>
#include <string.h>
#include <stringprep.h>

#include "base/buf.h"

/* Not libgsasl's: 2.2.0 forbids what a query may have, and allows the other. */
static bool
prepare(
    struct span text, Stringprep_profile_flags flags, char *place, size_t size)
{
	struct buf given = buf_new(size);
	char *prepared = NULL;

	buf_room(&given, text.len); /* it never moves */
	buf_add(&given, text);
	const char *string = buf_string(&given);
	bool is_good =
	    string != NULL && stringprep_profile(string, &prepared, "SASLprep",
				  flags) == STRINGPREP_OK;
	size_t len = is_good ? strlen(prepared) : size;
	*place = '\0';
	is_good = is_good && len < size;
	if (is_good)
		memcpy(place, prepared, len + 1);
	if (prepared != NULL)
		explicit_bzero(prepared, strlen(prepared));
	free(prepared);
	buf_wipe(&given);
	buf_free(&given);
	return is_good;
}

bool
saslprep_stored(struct span text, char *place, size_t size)
{
	return prepare(text, STRINGPREP_NO_UNASSIGNED, place, size);
}

bool
saslprep_query(struct span text, char *place, size_t size)
{
	return prepare(text, 0, place, size);
}
