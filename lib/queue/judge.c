#include "queue/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "mail/addr.h"
#include "mail/edit.h"
#include "queue/envelope.h"

static bool
send_request(int session, const struct filter_request *request, const int *fds,
    int fd_count)
{
	struct buf bytes = buf_new(PACKET_MAX);

	filter_add_request(&bytes, request);
	bool is_sent = !bytes.overflow &&
		       packet_send(session, buf_span(&bytes), fds, fd_count);
	buf_free(&bytes);
	return is_sent;
}

bool
judge_stage(int session, const struct filter_request *request,
    int64_t timeout_ms, struct packet *packet, struct filter_answer *verdict)
{
	if (!send_request(session, request, NULL, 0))
		return false;
	if (request->stage == FILTER_RESET)
		return true;
	if (!neighbour_wait(session, timeout_ms, packet))
		return false;
	packet_close_fds(packet);
	return filter_parse_answer(packet_span(packet), verdict) &&
	       verdict->edit == FILTER_NO_EDIT &&
	       verdict->verdict != FILTER_AGAIN &&
	       verdict->verdict != FILTER_QUARANTINE;
}

/* ---- showing ---- */

static bool
write_part(void *context, struct span bytes)
{
	struct writer *out = context;

	write_span(out, bytes);
	return out->status == IO_OK;
}

/* A filter that has seen enough closes its end: that is no failure. */
static bool
write_message(int fd, const struct draft *draft, int64_t timeout_ms)
{
	static struct writer out; /* large: untouched pages cost nothing */

	fd_set_nonblocking(fd);
	writer_init(&out, fd, timeout_ms);
	bool is_read = draft_read(draft, write_part, &out);
	if (is_read)
		writer_flush(&out);
	if (out.status == IO_ERROR && out.error == EPIPE)
		return true;
	return is_read && out.status == IO_OK;
}

static bool
show(int session, const struct filter_request *request,
    const struct draft *draft, int64_t timeout_ms)
{
	struct filter_request message = *request;
	int ends[2];

	message.size = draft_size(draft);
	if (pipe2(ends, O_CLOEXEC) == -1)
		return false;
	bool is_sent = send_request(session, &message, ends, 1);
	close(ends[0]);
	bool is_shown = is_sent && write_message(ends[1], draft, timeout_ms);
	close(ends[1]);
	return is_shown;
}

/* ---- editing ---- */

static void
delete_recipient(struct buf *records, struct span address)
{
	struct buf kept = buf_new(records->max);
	struct span rest = buf_span(records);
	struct recipient recipient;

	while (envelope_next(&rest, &recipient))
		if (!span_equal_nocase(recipient.address, address))
			envelope_add_recipient(&kept, &recipient);
	buf_free(records);
	*records = kept;
}

static bool
has_recipient(const struct buf *records, struct span address)
{
	struct span rest = buf_span(records);
	struct recipient recipient;

	while (envelope_next(&rest, &recipient))
		if (span_equal_nocase(recipient.address, address))
			return true;
	return false;
}

/* An added one is not known to be an ordinary mailbox: the queue asks. */
static void
add_recipient(struct buf *records, struct span address)
{
	struct buf canonical = buf_new(ENVELOPE_ADDRESS_MAX);
	struct addr addr;

	if (addr_parse_mailbox(address, &addr) == ADDR_OK)
		addr_add_canonical(&canonical, &addr);
	const struct recipient recipient = { .address = buf_span(&canonical) };
	if (canonical.overflow)
		records->overflow = true;
	else if (!has_recipient(records, recipient.address))
		envelope_add_recipient(records, &recipient);
	buf_free(&canonical);
}

static bool
is_pipe(int fd)
{
	struct stat status;

	return fd != -1 && fd_status(fd, &status) && S_ISFIFO(status.st_mode);
}

static bool
replace_body(struct judged *judged, struct packet *packet, int64_t timeout_ms)
{
	int fd = packet_take_fd(packet, 0);
	bool is_replaced =
	    is_pipe(fd) && draft_replace_body(judged->draft, fd, timeout_ms);

	if (fd != -1)
		close(fd);
	return is_replaced;
}

static bool
apply(struct judged *judged, const struct filter_answer *edit,
    struct packet *packet, int64_t timeout_ms)
{
	struct buf *header = &judged->draft->header;
	size_t index = (size_t)edit->index;

	switch (edit->edit) {
	case FILTER_NO_EDIT:
		break;
	case FILTER_ADD:
		edit_add(header, edit->name, edit->value);
		break;
	case FILTER_INSERT:
		edit_insert(header, index, edit->name, edit->value);
		break;
	case FILTER_CHANGE:
		edit_change(header, index, edit->name, edit->value);
		break;
	case FILTER_DELETE:
		edit_delete(header, index, edit->name);
		break;
	case FILTER_ADD_RECIPIENT:
		judged->is_envelope_changed = true;
		add_recipient(judged->recipients, edit->address);
		break;
	case FILTER_DELETE_RECIPIENT:
		judged->is_envelope_changed = true;
		delete_recipient(judged->recipients, edit->address);
		break;
	case FILTER_SENDER:
		judged->is_envelope_changed = true;
		buf_clear(judged->sender);
		buf_add(judged->sender, edit->address);
		break;
	case FILTER_BODY:
		return replace_body(judged, packet, timeout_ms);
	}
	return !header->overflow && !judged->recipients->overflow &&
	       !judged->sender->overflow;
}

/* The edits of one showing, up to its verdict. */
static bool
take_answers(int session, struct judged *judged, int64_t timeout_ms,
    struct packet *packet, struct filter_answer *verdict)
{
	int64_t deadline = clock_ms() + timeout_ms;

	for (unsigned count = 0; count <= FILTER_EDITS_MAX; count++) {
		int64_t left = deadline - clock_ms();

		if (!neighbour_wait(session, left, packet))
			return false;
		bool is_good =
		    filter_parse_answer(packet_span(packet), verdict) &&
		    apply(judged, verdict, packet, left);
		packet_close_fds(packet);
		if (!is_good || verdict->edit == FILTER_NO_EDIT)
			return is_good;
	}
	return false;
}

static bool
judge_rounds(int session, const struct filter_request *request,
    int64_t timeout_ms, struct judged *judged, struct packet *packet,
    struct filter_answer *verdict)
{
	for (unsigned round = 0; round < FILTER_ROUNDS_MAX; round++) {
		if (!show(session, request, judged->draft, timeout_ms) ||
		    !take_answers(session, judged, timeout_ms, packet, verdict))
			return false;
		if (verdict->verdict != FILTER_AGAIN)
			return true;
	}
	return false;
}

static struct buf
copy(const struct buf *buf)
{
	struct buf result = buf_new(buf->max);

	buf_add(&result, buf_span(buf));
	return result;
}

static void
swap(struct buf *a, struct buf *b)
{
	struct buf held = *a;

	*a = *b;
	*b = held;
}

/* What *judged was, but for the bytes that its scratch file has gained. */
static void
take_back(struct judged *judged, struct judged *before)
{
	struct draft *draft = judged->draft;

	before->draft->scratch = draft->scratch;
	swap(&draft->header, &before->draft->header);
	swap(&draft->body, &before->draft->body);
	draft->start = before->draft->start;
	draft->end = before->draft->end;
	draft->is_body = before->draft->is_body;
	draft->error = before->draft->error;
	swap(judged->sender, before->sender);
	swap(judged->recipients, before->recipients);
	judged->is_envelope_changed = before->is_envelope_changed;
}

bool
judge_message(int session, const struct filter_request *request,
    int64_t timeout_ms, struct judged *judged, struct packet *packet,
    struct filter_answer *verdict)
{
	struct draft draft = *judged->draft;
	struct buf sender = copy(judged->sender);
	struct buf recipients = copy(judged->recipients);
	struct judged before = { &draft, &sender, &recipients,
		judged->is_envelope_changed };

	draft.header = copy(&judged->draft->header);
	draft.body = copy(&judged->draft->body);
	bool is_judged =
	    judge_rounds(session, request, timeout_ms, judged, packet, verdict);
	if (!is_judged)
		take_back(judged, &before);
	buf_free(&draft.header);
	buf_free(&draft.body);
	buf_free(&sender);
	buf_free(&recipients);
	return is_judged;
}
