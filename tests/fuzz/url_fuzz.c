/*
 * url_fuzz - any text is an IMAP URL of CATENATE or not; what it names is text
 * in UTF-8 without a NUL, and no URL_MAX is passed.
 */

#include <stdint.h>
#include <stdlib.h>

#include "imapd/url.h"
#include "mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct url url;

	if (!url_parse(&url, (struct span){ (const char *)data, size }))
		return 0;
	if (url.uid == 0 || url.folder.len + url.section.len > URL_MAX ||
	    url.has_folder != (url.folder.len > 0) || url.length == 0 ||
	    !utf8_is_valid(url.folder) || !utf8_is_valid(url.section) ||
	    span_index(url.folder, '\0') < url.folder.len ||
	    span_index(url.section, '\0') < url.section.len)
		abort();
	url_free(&url);
	return 0;
}
