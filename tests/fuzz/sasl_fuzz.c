/*
 * sasl_fuzz - the records of a SASL exchange, as their readers take them.
 */

#include <stdlib.h>
#include <string.h>

#include "queue/sasl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
check_request(struct span bytes)
{
	static struct sasl_request request;

	if (!sasl_parse_request(bytes, &request))
		return;
	check(request.head.method == LOGIN_SASL &&
	      login_user(&request.head).len == 0 &&
	      login_peer(&request.head).len <= LOGIN_PEER_MAX);
	check(sasl_mechanism(&request).len > 0 &&
	      sasl_mechanism(&request).len <= SASL_MECHANISM_MAX &&
	      sasl_binding(&request).len <= SASL_BINDING_MAX &&
	      sasl_certificate(&request).len <= LOGIN_USER_MAX &&
	      sasl_response(&request).len <= SASL_MESSAGE_MAX);
}

static void
check_message(struct span bytes)
{
	static struct sasl_message message;
	struct span authentication;
	struct span authorization;

	if (!sasl_parse_message(bytes, &message))
		return;
	check(sasl_bytes(&message).len <= SASL_MESSAGE_MAX &&
	      sasl_bytes(&message).len < bytes.len);
	if (sasl_names(&message, &authentication, &authorization))
		check(authentication.len > 0 &&
		      authentication.len <= LOGIN_USER_MAX &&
		      authorization.len <= LOGIN_USER_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char padded[sizeof(struct sasl_request)];
	static struct sasl_account account;
	size_t used = size < sizeof(padded) ? size : sizeof(padded);

	/* Short inputs are the beginning of a record of the right size. */
	memset(padded, 0, sizeof(padded));
	memcpy(padded, data, used);
	check_request((struct span){ padded, sizeof(padded) });
	check_message((struct span){ (const char *)data, size });
	if (sasl_parse_account(
		(struct span){ padded, sizeof(account) }, &account))
		check(sasl_account_name(&account).len <= LOGIN_USER_MAX);
	return 0;
}
