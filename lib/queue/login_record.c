#include "queue/login_record.h"

#include <errno.h>
#include <string.h>

#include "queue/neighbour.h"

enum {
	APOP_DIGEST_LEN = 32
};

bool
record_set_part(char *place, size_t max, uint16_t *len, struct span value)
{
	if (value.len > max)
		return false;
	if (value.len > 0)
		memcpy(place, value.ptr, value.len);
	*len = (uint16_t)value.len;
	return true;
}

/* What a name or an address may hold: nothing that a log or a path fears. */
bool
record_is_printable(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
			return false;
	return true;
}

bool
record_is_user(struct span user)
{
	return user.len > 0 && record_is_printable(user);
}

/* A password is a C string to those who check it. */
bool
login_is_secret(struct span secret, enum login_method method)
{
	if (span_index(secret, '\0') < secret.len)
		return false;
	return method != LOGIN_APOP || secret.len == APOP_DIGEST_LEN;
}

bool
login_is_method(unsigned method)
{
	return method == LOGIN_PASSWORD || method == LOGIN_APOP;
}

bool
record_send(int session, const void *record, size_t size, int fd)
{
	struct span bytes = { record, size };

	return packet_send(session, bytes, &fd, fd == -1 ? 0 : 1);
}

int
record_await(int session, void *record, size_t size, int64_t timeout_ms)
{
	static struct packet packet;
	bool is_there = neighbour_wait(session, timeout_ms, &packet);
	int got = 1;

	if (!is_there)
		got = errno == ECONNRESET ? 0 : -1;
	else
		packet_close_fds(&packet);
	if (is_there && packet.len == size) {
		memcpy(record, packet.bytes, size);
	} else if (is_there) {
		errno = EBADMSG;
		got = -1;
	}
	explicit_bzero(packet.bytes, packet.len);
	return got;
}
