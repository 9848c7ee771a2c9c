/*
 * login_fuzz - the records between acceptor, login and checkpw, as their
 * readers take them.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "queue/login.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A part lies within its place and holds what it may hold. */
static void
check_part(struct span part, size_t max, bool is_text)
{
	if (part.len > max)
		abort();
	for (size_t i = 0; is_text && i < part.len; i++)
		if ((unsigned char)part.ptr[i] < ' ' || part.ptr[i] == 0x7f)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct login_request request;
	static struct checkpw_request check;
	static char padded[sizeof(request) + 1];
	size_t used = size < sizeof(padded) ? size : sizeof(padded);

	/* Short inputs are the beginning of a record of the right size. */
	memset(padded, 0, sizeof(padded));
	memcpy(padded, data, used);
	if (login_parse_request(
		(struct span){ padded, sizeof(request) }, &request)) {
		check_part(login_user(&request.head), LOGIN_USER_MAX, true);
		check_part(login_peer(&request.head), LOGIN_PEER_MAX, true);
		check_part(login_secret(&request), LOGIN_SECRET_MAX, false);
		check_part(login_input(&request), LOGIN_INPUT_MAX, false);
	}
	if (checkpw_parse_request(
		(struct span){ padded, sizeof(check) }, &check)) {
		check_part(checkpw_user(&check), LOGIN_USER_MAX, true);
		check_part(checkpw_peer(&check), LOGIN_PEER_MAX, true);
		check_part(checkpw_secret(&check), LOGIN_SECRET_MAX, false);
		check_part(
		    checkpw_challenge(&check), LOGIN_CHALLENGE_MAX, false);
	}
	if (size != sizeof(request) &&
	    login_parse_request(
		(struct span){ (const char *)data, size }, &request))
		abort();
	return 0;
}
