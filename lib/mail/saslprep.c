#include "service/saslprep.h"

#include <gsasl.h>
#include <string.h>

static bool
prepare(const char *text, Gsasl_saslprep_flags flags, char *place, size_t size)
{
	char *prepared = NULL;
	bool is_good = gsasl_saslprep(text, flags, &prepared, NULL) == GSASL_OK;
	size_t len = is_good ? strlen(prepared) : size;

	*place = '\0';
	is_good = is_good && len < size;
	if (is_good)
		memcpy(place, prepared, len + 1);
	if (prepared != NULL)
		explicit_bzero(prepared, strlen(prepared));
	gsasl_free(prepared);
	return is_good;
}

bool
saslprep_stored(const char *text, char *place, size_t size)
{
	return prepare(text, 0, place, size);
}

bool
saslprep_query(const char *text, char *place, size_t size)
{
	return prepare(text, GSASL_ALLOW_UNASSIGNED, place, size);
}
