#include "filter/rspamd.h"

#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/io.h"
#include "filter/http.h"
#include "filter/judging.h"
#include "filter/scan.h"

enum {
	REQUEST_MAX = 2 << 20
};

void
rspamd_read_settings(struct rspamd *rspamd)
{
	dial_control("rspamd", "127.0.0.1:11333", &rspamd->dial);
	rspamd->timeout_ms =
	    (int64_t)control_number("timeoutrspamd", 60, 1, 3600) * 1000;
}

size_t
rspamd_prepare(void *context, int kept[FILTER_KEPT_MAX])
{
	struct rspamd *rspamd = context;

	(void)kept; /* a connection for each message */
	scan_prepare();
	facts_init(&rspamd->facts);
	rspamd->edits = edits_new();
	return 0;
}

/* ---- asking ---- */

static void
add_if_known(struct buf *request, const char *name, const struct buf *value)
{
	if (value->len > 0)
		http_add_field(request, name, buf_span(value));
}

static void
add_request(const struct rspamd *rspamd, struct buf *request)
{
	const struct facts *facts = &rspamd->facts;
	struct span recipients = buf_span(&facts->recipients);
	struct span client = buf_span(&facts->client);

	buf_add_string(request, "POST /checkv2 HTTP/1.1\r\n"
				"Host: rspamd\r\nConnection: close\r\n");
	buf_printf(request, "Content-Length: %llu\r\n",
	    (unsigned long long)facts->size);
	if (span_index(client, '.') < client.len ||
	    span_index(client, ':') < client.len)
		http_add_field(request, "IP", client);
	add_if_known(request, "Helo", &facts->helo);
	add_if_known(request, "Hostname", &facts->name);
	add_if_known(request, "From", &facts->sender);
	add_if_known(request, "User", &facts->user);
	add_if_known(request, "Queue-Id", &facts->id);
	add_if_known(request, "MTA-Name", &facts->host);
	if (facts->tls.len > 0)
		http_add_field(request, "TLS-Version", buf_span(&facts->tls));
	while (recipients.len > 0)
		http_add_field(request, "Rcpt", span_cut(&recipients, '\n'));
	buf_add_string(request, "\r\n");
}

/* The message goes through as it comes; false if it was not whole. */
static bool
pass_message(const struct rspamd *rspamd, struct reader *in, struct writer *out)
{
	uint64_t size = 0;
	struct span bytes;

	while (out->status == IO_OK && reader_peek(in, &bytes) == IO_OK) {
		size += bytes.len;
		write_span(out, bytes);
		reader_consume(in, bytes.len);
	}
	writer_flush(out);
	return size == rspamd->facts.size;
}

/* False if there is no answer; else it is in *body. */
static bool
ask(struct rspamd *rspamd, int pipe, struct buf *body)
{
	static struct reader in; /* large: untouched pages cost nothing */
	static struct writer out;
	struct buf request = buf_new(REQUEST_MAX);
	int fd = dial_connect(&rspamd->dial, rspamd->timeout_ms);

	if (fd == -1) {
		warn_errno("cannot connect to Rspamd");
		return false;
	}
	writer_init(&out, fd, rspamd->timeout_ms);
	add_request(rspamd, &request);
	write_span(&out, buf_span(&request));
	bool is_asked = !request.overflow;
	buf_free(&request);
	fd_set_nonblocking(pipe);
	reader_init(&in, pipe, rspamd->timeout_ms);
	is_asked = is_asked && pass_message(rspamd, &in, &out);
	reader_init(&in, fd, rspamd->timeout_ms);
	unsigned status = is_asked ? http_read_answer(&in, body) : 0;
	close(fd);
	if (status != 200)
		log_event("Rspamd gives no answer status=%u", status);
	return status == 200;
}

/* ---- answering ---- */

static void
keep_edit(void *context, const struct filter_answer *edit)
{
	struct rspamd *rspamd = context;

	edits_keep(&rspamd->edits, edit);
}

static void
keep_field(struct rspamd *rspamd, enum filter_edit what, const char *name,
    struct span value)
{
	const struct filter_answer edit = { .edit = what,
		.name = span_of(name),
		.value = value,
		.index = what == FILTER_DELETE ? 0 : 1 };

	keep_edit(rspamd, &edit);
}

/* What a sender wrote of these would deceive who relies on them. */
static void
mark(struct rspamd *rspamd, const struct scan *scan)
{
	struct buf score = buf_new(128);
	struct buf subject = buf_new(FILTER_VALUE_MAX + 1);

	buf_printf(&score, " %.2f / %.2f", scan->score, scan->required);
	keep_field(
	    rspamd, FILTER_DELETE, "X-Spam-Score", (struct span){ "", 0 });
	keep_field(rspamd, FILTER_INSERT, "X-Spam-Score", buf_span(&score));
	keep_field(rspamd, FILTER_DELETE, "X-Spam", (struct span){ "", 0 });
	if (scan->action == SCAN_ADD_HEADER ||
	    scan->action == SCAN_REWRITE_SUBJECT)
		keep_field(rspamd, FILTER_INSERT, "X-Spam", span_of(" Yes"));
	if (scan->action == SCAN_REWRITE_SUBJECT && scan->subject.len > 0) {
		buf_add_char(&subject, ' ');
		buf_add(&subject, buf_span(&scan->subject));
		keep_field(rspamd, FILTER_CHANGE, "Subject",
		    span_slice(buf_span(&subject), 0, FILTER_VALUE_MAX));
	}
	buf_free(&score);
	buf_free(&subject);
}

/* A reply of ours, with Rspamd's words if it has some. */
static void
refuse(int session, enum filter_verdict verdict, const char *code,
    const struct scan *scan, const char *words)
{
	struct buf text = buf_new(FILTER_REPLY_MAX);

	buf_add_string(&text, code);
	for (size_t i = 0; i < scan->message.len && text.len < FILTER_REPLY_MAX;
	     i++) {
		char c = scan->message.data[i];

		buf_add_char(&text, c >= ' ' && c <= '~' ? c : '?');
	}
	if (scan->message.len == 0)
		buf_add_string(&text, words);
	judging_verdict(session, verdict, buf_span(&text));
	buf_free(&text);
}

static void
give_verdict(struct rspamd *rspamd, int session, const struct scan *scan)
{
	struct buf reason = buf_new(FILTER_REPLY_MAX);

	switch (scan->action) {
	case SCAN_PASS:
	case SCAN_ADD_HEADER:
	case SCAN_REWRITE_SUBJECT:
		if (edits_send(&rspamd->edits, session))
			judging_verdict(
			    session, FILTER_ACCEPT, (struct span){ "", 0 });
		break;
	case SCAN_QUARANTINE:
		buf_printf(&reason, "Rspamd: %.2f / %.2f", scan->score,
		    scan->required);
		if (edits_send(&rspamd->edits, session))
			judging_verdict(
			    session, FILTER_QUARANTINE, buf_span(&reason));
		break;
	case SCAN_GREYLIST:
	case SCAN_SOFT_REJECT:
		refuse(session, FILTER_DEFER, "451 4.7.1 ", scan,
		    "try again later");
		break;
	case SCAN_REJECT:
		refuse(session, FILTER_REJECT, "554 5.7.1 ", scan,
		    "this looks like spam");
		break;
	case SCAN_DISCARD:
		judging_verdict(
		    session, FILTER_DISCARD, (struct span){ "", 0 });
		break;
	}
	buf_free(&reason);
}

/* No answer: the session's end tells smtpd, whose control file decides. */
static void
answer_message(struct rspamd *rspamd, int session, int pipe)
{
	struct buf body = buf_new(SCAN_ANSWER_MAX);
	struct scan scan = scan_new();

	edits_clear(&rspamd->edits);
	if (!ask(rspamd, pipe, &body))
		die(EX_TEMPFAIL, "%.*s not judged", (int)rspamd->facts.id.len,
		    rspamd->facts.id.data);
	if (!scan_parse(buf_span(&body), &scan, keep_edit, rspamd))
		die(EX_PROTOCOL, "%.*s: what Rspamd says is no verdict",
		    (int)rspamd->facts.id.len, rspamd->facts.id.data);
	mark(rspamd, &scan);
	if (rspamd->edits.is_bad)
		die(EX_PROTOCOL,
		    "%.*s: Rspamd asks for edits that filter(5) does not have",
		    (int)rspamd->facts.id.len, rspamd->facts.id.data);
	give_verdict(rspamd, session, &scan);
	scan_free(&scan);
	buf_free(&body);
}

void
rspamd_answer(
    void *context, int session, const struct filter_request *request, int pipe)
{
	struct rspamd *rspamd = context;

	facts_take(&rspamd->facts, request);
	if (request->stage == FILTER_MESSAGE)
		answer_message(rspamd, session, pipe);
	else if (request->stage != FILTER_RESET)
		judging_verdict(session, FILTER_ACCEPT, (struct span){ "", 0 });
}
