#include "queue/inject.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "queue/neighbour.h"

static const char verdict_letters[] = "KZDX";

/* Pipes also end when their writer is killed: only this says "whole". */
static const char commit[] = "C1";
static const char withdrawal[] = "A1";

static const char scratch[] = "W1";

enum {
	WHOLE_HEAD_MAX = 64 /* the records before the envelope */
};

static void
close_fd(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

bool
inject_begin(
    struct injection *injection, int session, const struct queue_id *id)
{
	int message[2];
	int envelope[2];
	char request[QUEUE_ID_LEN + 2] = "I";

	if (pipe2(message, O_CLOEXEC) == -1)
		return false;
	if (pipe2(envelope, O_CLOEXEC) == -1) {
		close(message[0]);
		close(message[1]);
		return false;
	}
	memcpy(request + 1, id->text, QUEUE_ID_LEN + 1);
	int fds[2] = { message[0], envelope[0] };
	bool is_sent = packet_send(
	    session, (struct span){ request, sizeof(request) }, fds, 2);
	int error = errno;
	close(message[0]);
	close(envelope[0]);
	*injection = (struct injection){ .session = session,
		.message_fd = message[1],
		.id = *id,
		.envelope_fd = envelope[1] };
	if (!is_sent) {
		inject_abort(injection);
		errno = error;
	}
	return is_sent;
}

/* Without its commit a message is dropped, whatever came of it. */
void
inject_abort(struct injection *injection)
{
	close_fd(&injection->envelope_fd);
	close_fd(&injection->message_fd);
	if (injection->session != -1)
		packet_send(injection->session,
		    (struct span){ withdrawal, sizeof(withdrawal) }, NULL, 0);
	injection->session = -1;
}

/*
 * One that was withdrawn may have been answered before that was read, and a
 * file that was asked for may come when nobody waits for it any more.
 */
static bool
is_of_another(const struct queue_id *id, struct span packet)
{
	struct span value;

	if (record_find(packet, 'W', &value))
		return true;
	return record_find(packet, 'I', &value) &&
	       !span_equal(value, span_of(id->text));
}

static enum inject_verdict
wait_verdict(int session, const struct queue_id *id, int64_t timeout_ms,
    struct buf *text)
{
	static struct packet packet; /* large: untouched pages cost nothing */
	struct span value;

	do {
		if (!neighbour_wait(session, timeout_ms, &packet)) {
			buf_add_string(text, "the queue does not answer");
			return INJECT_LATER;
		}
		packet_close_fds(&packet);
	} while (is_of_another(id, packet_span(&packet)));
	if (record_find(packet_span(&packet), 'R', &value))
		buf_add(text, value);
	if (!record_find(packet_span(&packet), 'V', &value) || value.len != 1)
		return INJECT_LATER;
	const char *letter = strchr(verdict_letters, value.ptr[0]);
	if (letter == NULL || *letter == '\0')
		return INJECT_LATER;
	return (enum inject_verdict)(letter - verdict_letters);
}

enum inject_verdict
inject_finish(struct injection *injection, int64_t timeout_ms, struct buf *text)
{
	close_fd(&injection->envelope_fd);
	close_fd(&injection->message_fd);
	if (!packet_send(injection->session,
		(struct span){ commit, sizeof(commit) }, NULL, 0)) {
		buf_add_string(text, "the queue cannot be reached");
		return INJECT_LATER;
	}
	return wait_verdict(
	    injection->session, &injection->id, timeout_ms, text);
}

bool
inject_fits(struct span envelope, struct span message)
{
	size_t room = PACKET_MAX - WHOLE_HEAD_MAX;

	return message.len <= room && envelope.len <= room - message.len;
}

enum inject_verdict
inject_whole(int session, const struct queue_id *id, struct span envelope,
    struct span message, int64_t timeout_ms, struct buf *text)
{
	struct buf head = buf_new(WHOLE_HEAD_MAX);

	record_add_string(&head, 'M', id->text);
	record_add_number(&head, 'E', envelope.len);
	const struct span parts[] = { buf_span(&head), envelope, message };
	bool is_sent = packet_send_parts(session, parts, 3);
	buf_free(&head);
	if (!is_sent) {
		buf_add_string(text, "the queue cannot be reached");
		return INJECT_LATER;
	}
	return wait_verdict(session, id, timeout_ms, text);
}

bool
inject_is_whole(struct span packet)
{
	return packet.len > 0 && packet.ptr[0] == 'M';
}

bool
inject_parse_whole(struct span packet, struct queue_id *id,
    struct span *envelope, struct span *message)
{
	uint64_t envelope_len;
	struct span value;
	char tag;

	if (!record_next(&packet, &tag, &value) || tag != 'M' ||
	    !queue_id_parse(value, id) || !record_next(&packet, &tag, &value) ||
	    tag != 'E' || !span_number(value, 10, packet.len, &envelope_len))
		return false;
	*envelope = span_slice(packet, 0, (size_t)envelope_len);
	*message = span_slice(packet, (size_t)envelope_len, SIZE_MAX);
	return true;
}

int
inject_scratch(int session, int64_t timeout_ms)
{
	static struct packet packet; /* large: untouched pages cost nothing */
	struct span request = { scratch, sizeof(scratch) };

	if (!neighbour_ask(session, request, NULL, 0, timeout_ms, &packet))
		return -1;
	int fd = packet_take_fd(&packet, 0);
	packet_close_fds(&packet);
	if (fd == -1)
		errno = ENOSPC;
	return fd;
}

bool
inject_is_scratch(struct span packet)
{
	return span_equal(packet, (struct span){ scratch, sizeof(scratch) });
}

bool
inject_parse_request(struct span packet, struct queue_id *id)
{
	struct span value;

	return record_find(packet, 'I', &value) && queue_id_parse(value, id);
}

void
inject_add_answer(struct buf *buf, const struct queue_id *id,
    enum inject_verdict verdict, const char *text)
{
	record_add_string(buf, 'I', id->text);
	record_add(buf, 'V', (struct span){ &verdict_letters[verdict], 1 });
	record_add_string(buf, 'R', text);
}

bool
inject_is_commit(struct span packet)
{
	return span_equal(packet, (struct span){ commit, sizeof(commit) });
}

bool
inject_is_withdrawal(struct span packet)
{
	return span_equal(
	    packet, (struct span){ withdrawal, sizeof(withdrawal) });
}

bool
inject_ask_retry(int session, struct span domain)
{
	struct buf packet = buf_new(PACKET_MAX);

	record_add(&packet, 'Q', domain);
	bool is_sent = packet_send(session, buf_span(&packet), NULL, 0);
	buf_free(&packet);
	return is_sent;
}

/* A name as it goes into a line of the trigger. */
bool
inject_parse_retry(struct span packet, struct span *domain)
{
	char tag;

	/* That one record alone: a whole message's envelope may have a Q. */
	if (!record_next(&packet, &tag, domain) || tag != 'Q' ||
	    packet.len > 0 || domain->len == 0 || domain->len > 255)
		return false;
	for (size_t i = 0; i < domain->len; i++)
		if ((unsigned char)domain->ptr[i] <= ' ')
			return false;
	return true;
}
