/*
 * smtpauth_fuzz - lines of control/smtpauth and control/sourceaddress: what is
 * taken is found, and is within its limits.
 */

#include <stdint.h>
#include <stdlib.h>

#include "net/smtpauth.h"
#include "net/sources.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span line = { (const char *)data, size };
	struct control_list list = { .items = &line, .count = 1 };
	struct buf password = buf_new(SMTPAUTH_WORD_MAX);
	struct smtpauth smtpauth;
	struct source source;
	bool is_for_host;

	if (smtpauth_parse(line, &smtpauth)) {
		smtpauth_password(&smtpauth, &password);
		if (password.len == 0 || password.overflow)
			abort();
		smtpauth_find(&list, smtpauth.host, smtpauth.port,
		    span_of("joe@example.org"), &is_for_host);
		if (!is_for_host)
			abort();
	}
	if (source_parse(line, &source)) {
		if (!source.has_ipv4 && !source.has_ipv6)
			abort();
		sources_find(&list, source.pattern, source.pattern);
	}
	buf_free(&password);
	return 0;
}
