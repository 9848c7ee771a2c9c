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

/* One that was withdrawn may have been answered before that was read. */
static bool
is_of_another(const struct injection *injection, struct span packet)
{
	struct span id;

	return record_find(packet, 'I', &id) &&
	       !span_equal(id, span_of(injection->id.text));
}

enum inject_verdict
inject_finish(struct injection *injection, int64_t timeout_ms, struct buf *text)
{
	static struct packet packet; /* large: untouched pages cost nothing */
	struct span value;

	close_fd(&injection->envelope_fd);
	close_fd(&injection->message_fd);
	if (!packet_send(injection->session,
		(struct span){ commit, sizeof(commit) }, NULL, 0)) {
		buf_add_string(text, "the queue cannot be reached");
		return INJECT_LATER;
	}
	do {
		if (!neighbour_wait(injection->session, timeout_ms, &packet)) {
			buf_add_string(text, "the queue does not answer");
			return INJECT_LATER;
		}
		packet_close_fds(&packet);
	} while (is_of_another(injection, packet_span(&packet)));
	if (record_find(packet_span(&packet), 'R', &value))
		buf_add(text, value);
	if (!record_find(packet_span(&packet), 'V', &value) || value.len != 1)
		return INJECT_LATER;
	const char *letter = strchr(verdict_letters, value.ptr[0]);
	if (letter == NULL || *letter == '\0')
		return INJECT_LATER;
	return (enum inject_verdict)(letter - verdict_letters);
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
	if (!record_find(packet, 'Q', domain) || domain->len == 0 ||
	    domain->len > 255)
		return false;
	for (size_t i = 0; i < domain->len; i++)
		if ((unsigned char)domain->ptr[i] <= ' ')
			return false;
	return true;
}
