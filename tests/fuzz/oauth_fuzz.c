/*
 * oauth_fuzz - bearer tokens and PLAIN as clients send them, and the keys of
 * SCRAM as a line has them.
 */

#include <stdlib.h>
#include <string.h>

#include "service/oauth.h"
#include "service/plain.h"
#include "service/scram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool is_parsed, const struct buf *name, struct span token,
    struct span message)
{
	if (is_parsed &&
	    (name->len == 0 || token.len == 0 || token.ptr < message.ptr ||
		token.ptr + token.len > message.ptr + message.len))
		abort();
}

static void
check_plain(struct span message)
{
	struct plain plain;

	if (plain_parse(message, &plain) &&
	    (plain.authentication.len == 0 || plain.password.len == 0 ||
		plain.authorization.len + plain.authentication.len +
			plain.password.len + 2 !=
		    message.len))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span message = { (const char *)data, size };
	struct buf name = buf_new(320);
	struct span token = { 0 };
	struct scram_keys keys;

	check(
	    oauth_parse_bearer(message, &name, &token), &name, token, message);
	buf_clear(&name);
	check(
	    oauth_parse_xoauth2(message, &name, &token), &name, token, message);
	buf_free(&name);
	check_plain(message);
	if (scram_parse(message, span_of("SCRAM-SHA-256"), &keys) &&
	    (strlen(keys.stored_key) != 44 || strlen(keys.server_key) != 44 ||
		keys.salt[0] == '\0'))
		abort();
	return 0;
}
