#include "queue/sharing.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

enum {
	SHARING_MAGIC = 0x31485345 /* "ESH1" */
};

struct head {
	uint32_t magic;
	uint32_t kind;
};

bool
sharing_send(int session, enum sharing_kind kind, struct span text, int fd)
{
	const struct head head = { SHARING_MAGIC, (uint32_t)kind };
	char bytes[sizeof(head) + SHARING_TEXT_MAX];

	if (text.len > SHARING_TEXT_MAX) {
		errno = EMSGSIZE;
		return false;
	}
	memcpy(bytes, &head, sizeof(head));
	if (text.len > 0)
		memcpy(bytes + sizeof(head), text.ptr, text.len);
	return packet_send(session,
	    (struct span){ bytes, sizeof(head) + text.len }, &fd, fd != -1);
}

/* Lines of printable bytes; in an owner's name not even a LF. */
bool
sharing_parse(struct span bytes, struct sharing_record *record)
{
	struct head head;

	if (bytes.len < sizeof(head) ||
	    bytes.len > sizeof(head) + SHARING_TEXT_MAX)
		return false;
	memcpy(&head, bytes.ptr, sizeof(head));
	if (head.magic != SHARING_MAGIC || head.kind < SHARING_OPEN ||
	    head.kind > SHARING_COUNT)
		return false;
	record->kind = (enum sharing_kind)head.kind;
	record->text = span_slice(bytes, sizeof(head), SIZE_MAX);
	for (size_t i = 0; i < record->text.len; i++) {
		char c = record->text.ptr[i];

		if (((unsigned char)c < ' ' || c == 0x7f) &&
		    (c != '\n' || record->kind == SHARING_OPEN ||
			record->kind == SHARING_READ_URLS))
			return false;
	}
	return true;
}

int
sharing_receive(int session, struct packet *packet,
    struct sharing_record *record, int64_t timeout_ms)
{
	struct pollfd polled = { .fd = session, .events = POLLIN };
	int ready;

	do
		ready = poll(&polled, 1, (int)timeout_ms);
	while (ready == -1 && errno == EINTR);
	if (ready == 0)
		errno = ETIMEDOUT;
	if (ready != 1)
		return -1;
	int got = packet_receive(session, packet);
	if (got == 1 && !sharing_parse(packet_span(packet), record)) {
		packet_close_fds(packet);
		errno = EBADMSG;
		return -1;
	}
	return got;
}
