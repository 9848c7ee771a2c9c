#include "queue/outgoing.h"

#include "base/io.h"
#include "mail/date.h"
#include "mail/header.h"
#include "queue/envelope.h"

enum {
	ANSWER_TIMEOUT_MS = 300000
};

void
outgoing_add_trace(struct buf *head, const struct outgoing_trace *trace)
{
	buf_add_string(head, "Delivered-To: ");
	buf_add(head, trace->recipient);
	buf_add_string(head, "\nReceived: by ");
	buf_add(head, trace->host);
	buf_add_string(head, " with ");
	buf_add_string(head, trace->protocol);
	buf_add_string(head, " id ");
	buf_add_string(head, trace->id->text);
	buf_add_string(head, "\n\tfor ");
	buf_add(head, trace->recipient);
	buf_add_string(head, "; ");
	date_add(head, trace->now);
	buf_add_string(head, "\n");
}

void
outgoing_add_recipients(
    struct buf *records, struct span addresses, const char *notify)
{
	while (addresses.len > 0) {
		const struct recipient recipient = { .address = span_cut(
							 &addresses, '\n'),
			.notify = span_of(notify) };

		envelope_add_recipient(records, &recipient);
	}
}

/* user+detail@domain without the detail. */
static void
add_plain_address(struct buf *into, struct span address, struct span delimiters)
{
	size_t at = span_last_index(address, '@');
	size_t end = 1;

	while (end < at &&
	       span_index(delimiters, address.ptr[end]) == delimiters.len)
		end++;
	buf_add(into, span_slice(address, 0, end < at ? end : at));
	buf_add(into, span_slice(address, at, address.len));
}

static bool
is_plainly_equal(struct span a, struct span b, struct span delimiters)
{
	struct buf one = buf_new(a.len);
	struct buf other = buf_new(b.len);

	add_plain_address(&one, a, delimiters);
	add_plain_address(&other, b, delimiters);
	bool is_equal = span_equal_nocase(buf_span(&one), buf_span(&other));
	buf_free(&one);
	buf_free(&other);
	return is_equal;
}

bool
outgoing_is_looping(struct span header, const struct outgoing_loop *loop)
{
	struct span name;
	struct span value;
	uint64_t hops = 0;

	while (header_next(&header, &name, &value)) {
		if (span_equal_nocase(name, span_of("Received")) &&
		    ++hops >= loop->hops_max)
			return true;
		if (loop->recipient.len > 0 &&
		    span_equal_nocase(name, span_of("Delivered-To")) &&
		    is_plainly_equal(
			span_trim(value), loop->recipient, loop->delimiters))
			return true;
	}
	return false;
}

static bool
write_message(const struct outgoing *outgoing, int out)
{
	return write_all(out, outgoing->head) &&
	       copy_bytes(
		   outgoing->fd, outgoing->offset, outgoing->length, out);
}

static bool
write_envelope(const struct outgoing *outgoing, int out)
{
	struct buf bytes = buf_new(ENVELOPE_MAX);

	envelope_add_sender(&bytes, outgoing->sender);
	if (outgoing->is_8bit)
		record_add_string(&bytes, 'B', "8");
	if (outgoing->needs_utf8)
		record_add_string(&bytes, 'U', "1");
	if (outgoing->requires_tls)
		record_add_string(&bytes, 'Q', "1");
	priority_add(&bytes, 'P', outgoing->priority);
	if (outgoing->solicitation.len > 0)
		record_add(&bytes, 'S', outgoing->solicitation);
	if (outgoing->envid.len > 0)
		record_add(&bytes, 'E', outgoing->envid);
	if (outgoing->ret.len > 0)
		record_add(&bytes, 'R', outgoing->ret);
	buf_add(&bytes, outgoing->recipients);
	envelope_end(&bytes);
	bool is_written = !bytes.overflow && write_all(out, buf_span(&bytes));
	buf_free(&bytes);
	return is_written;
}

enum inject_verdict
outgoing_send(const struct outgoing *outgoing, int session, struct buf *text)
{
	struct injection injection;

	if (session == -1 ||
	    !inject_begin(&injection, session, &outgoing->id)) {
		buf_add_string(text, "the queue cannot be reached");
		return INJECT_LATER;
	}
	if (!write_envelope(outgoing, injection.envelope_fd) ||
	    !write_message(outgoing, injection.message_fd)) {
		inject_abort(&injection);
		buf_add_string(text, "the message cannot be passed on");
		return INJECT_LATER;
	}
	return inject_finish(&injection, ANSWER_TIMEOUT_MS, text);
}
