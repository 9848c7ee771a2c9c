#include "filter/milter.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"

enum {
	MILTER_DATA_MAX = 2 << 20 /* a field may be as long as a header */
};

/* ---- packets ---- */

void
milter_fail(struct milter *milter, const char *why)
{
	if (milter->state == MILTER_FAILED)
		return;
	log_event("milter %.*s failed: %s", (int)milter->setting->text.len,
	    milter->setting->text.data, why);
	milter->state = MILTER_FAILED;
	if (milter->fd != -1)
		close(milter->fd);
	milter->fd = -1;
}

void
milter_send(struct milter *milter, enum wire_command command, struct span data)
{
	struct buf head = buf_new(WIRE_LENGTH + 1);

	if (milter->state == MILTER_FAILED)
		return;
	wire_add_number(&head, (uint32_t)data.len + 1);
	buf_add_char(&head, (char)command);
	write_span(&milter->out, buf_span(&head));
	write_span(&milter->out, data);
	buf_free(&head);
}

/* The next bytes, until *into has len; false at the end of time or input. */
static bool
fill(struct milter *milter, struct buf *into, size_t len, int64_t deadline)
{
	struct span bytes;

	while (into->len < len) {
		milter->in.timeout_ms = deadline - clock_ms();
		if (reader_peek(&milter->in, &bytes) != IO_OK)
			return false;
		bytes = span_slice(bytes, 0, len - into->len);
		buf_add(into, bytes);
		reader_consume(&milter->in, bytes.len);
	}
	return true;
}

static const char *
reason(const struct milter *milter)
{
	if (milter->out.status != IO_OK)
		return "it does not read";
	if (milter->in.status == IO_TIMEOUT)
		return "it does not answer";
	return "it ended the conversation";
}

/* One packet, letter and data, is in milter->packet. */
static bool
receive_packet(struct milter *milter, int64_t timeout_ms)
{
	int64_t deadline = clock_ms() + timeout_ms;

	if (milter->state == MILTER_FAILED)
		return false;
	buf_clear(&milter->packet);
	if (writer_flush(&milter->out) != IO_OK ||
	    !fill(milter, &milter->packet, WIRE_LENGTH, deadline)) {
		milter_fail(milter, reason(milter));
		return false;
	}
	uint32_t length = wire_length(milter->packet.data);
	buf_clear(&milter->packet);
	if (length == 0) {
		milter_fail(milter, "what it says is no milter packet");
		return false;
	}
	if (!fill(milter, &milter->packet, length, deadline)) {
		milter_fail(milter, reason(milter));
		return false;
	}
	return true;
}

bool
milter_receive(
    struct milter *milter, int64_t timeout_ms, struct wire_reply *reply)
{
	int64_t end = clock_ms() + 10 * timeout_ms; /* of any progress */

	do {
		if (!receive_packet(milter, timeout_ms))
			return false;
		if (!wire_parse_reply(buf_span(&milter->packet),
			milter->options.actions, reply)) {
			milter_fail(milter, "what it says is no answer");
			return false;
		}
	} while (reply->kind == WIRE_PROGRESS && clock_ms() < end);
	if (reply->kind == WIRE_PROGRESS)
		milter_fail(milter, "it makes progress, and no end");
	return reply->kind != WIRE_PROGRESS;
}

bool
milter_wants(const struct milter *milter, enum wire_protocol no_step)
{
	return (milter->options.protocol & (uint32_t)no_step) == 0;
}

/* ---- the beginning ---- */

static void
negotiate(struct milter *milter)
{
	buf_clear(&milter->data);
	wire_add_offer(&milter->data);
	milter_send(milter, WIRE_NEGOTIATE, buf_span(&milter->data));
	if (!receive_packet(milter, milter->settings->timeout_ms))
		return;
	buf_clear(&milter->offer);
	buf_add(&milter->offer, buf_span(&milter->packet));
	if (!wire_parse_options(buf_span(&milter->offer), &milter->options))
		milter_fail(milter, "it wants what was not offered");
}

void
milter_begin(struct milter *milter, const struct milter_settings *settings,
    const struct milter_setting *setting, int fd)
{
	*milter = (struct milter){ .setting = setting,
		.settings = settings,
		.state = MILTER_TALKING,
		.fd = fd,
		.packet = buf_new(WIRE_PACKET_MAX),
		.offer = buf_new(WIRE_PACKET_MAX),
		.data = buf_new(MILTER_DATA_MAX) };
	if (fd == -1) {
		milter_fail(milter, strerror(errno));
		return;
	}
	reader_init(&milter->in, fd, settings->timeout_ms);
	writer_init(&milter->out, fd, settings->timeout_ms);
	negotiate(milter);
}

void
milter_open(struct milter *milter, const struct milter_settings *settings,
    const struct milter_setting *setting)
{
	milter_begin(milter, settings, setting,
	    dial_connect(&setting->dial, settings->timeout_ms));
}

void
milter_free(struct milter *milter)
{
	if (milter->fd != -1)
		close(milter->fd);
	milter->fd = -1;
	buf_free(&milter->packet);
	buf_free(&milter->offer);
	buf_free(&milter->data);
}
