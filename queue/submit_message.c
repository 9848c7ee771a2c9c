/*
 * submit_message - complete a message and hand it to queue-inject.
 */

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"
#include "mail/addr.h"
#include "mail/addrlist.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/xtext.h"
#include "queue/envelope.h"
#include "queue/id.h"
#include "queue/sendmail.h"

enum {
	ADDRESS_TEXT_MAX = ENVELOPE_ADDRESS_MAX * 4 /* with quoting, comments */
};

struct message {
	const struct options *options;
	struct buf me;
	struct buf user; /* the caller's name */
	struct reader in;
	struct buf line;
	bool is_ended;
	struct buf header;     /* as it will be sent, without its empty line */
	struct buf recipients; /* envelope records */
	size_t recipient_count;
	bool has_from, has_date, has_id, is_resent;
	struct buf listed;        /* To, Cc and Bcc, joined by commas */
	struct buf listed_resent; /* the Resent- forms of the same */
};

/* local@domain, with this host's name where there is none. */
static void
add_qualified(
    const struct message *message, struct buf *into, struct span address)
{
	struct buf whole = buf_new(ADDRESS_TEXT_MAX);
	struct addr addr;

	buf_add(&whole, address);
	if (address.len > 0 && span_index(address, '@') == address.len) {
		buf_add_char(&whole, '@');
		buf_add(&whole, buf_span(&message->me));
	}
	if (whole.len > 0) {
		if (addr_parse_mailbox(buf_span(&whole), &addr) != ADDR_OK)
			die(EX_DATAERR, "not an address: %.*s",
			    (int)address.len, address.ptr);
		addr_add_canonical(into, &addr);
	}
	buf_free(&whole);
}

static void
add_recipient(struct message *message, struct span address)
{
	struct buf whole = buf_new(ADDRESS_TEXT_MAX);
	struct recipient recipient = { .notify =
					   span_of(message->options->notify) };

	if (address.len > 1 && address.ptr[0] == '<' &&
	    address.ptr[address.len - 1] == '>')
		address = span_slice(address, 1, address.len - 2);
	add_qualified(message, &whole, address);
	recipient.address = buf_span(&whole);
	if (whole.len > 0 && message->recipient_count < RECIPIENTS_MAX) {
		envelope_add_recipient(&message->recipients, &recipient);
		message->recipient_count++;
	}
	buf_free(&whole);
}

/* The next line without its LF (and CR); false at the message's end. */
static bool
next_line(struct message *message, struct span *line)
{
	enum io_status status;

	if (message->is_ended)
		return false;
	status = read_line(&message->in, &message->line);
	if (status == IO_TOO_LONG)
		die(EX_DATAERR, "a header line is over its limit");
	if (status == IO_ERROR || status == IO_TIMEOUT)
		die(EX_IOERR, "cannot read the message");
	*line = buf_span(&message->line);
	message->is_ended = status == IO_EOF;
	if (status == IO_EOF && line->len == 0)
		return false;
	if (line->len > 0 && line->ptr[line->len - 1] == '\n')
		line->len--;
	if (line->len > 0 && line->ptr[line->len - 1] == '\r')
		line->len--;
	if (!message->options->is_dot_data && span_equal(*line, span_of("."))) {
		message->is_ended = true;
		return false;
	}
	return true;
}

static bool
is_named(struct span line, const char *name)
{
	return span_starts_nocase(line, span_of(name));
}

/* What a field means to us; true if it is to be left out (Bcc). */
static bool
note_field(struct message *message, struct span line, struct buf **list)
{
	bool is_bcc = is_named(line, "Bcc:") || is_named(line, "Resent-Bcc:");

	*list = NULL;
	if (is_named(line, "From:"))
		message->has_from = true;
	else if (is_named(line, "Date:"))
		message->has_date = true;
	else if (is_named(line, "Message-ID:"))
		message->has_id = true;
	else if (is_bcc || is_named(line, "To:") || is_named(line, "Cc:"))
		*list = &message->listed;
	if (is_named(line, "Resent-To:") || is_named(line, "Resent-Cc:") ||
	    is_named(line, "Resent-Bcc:")) {
		*list = &message->listed_resent;
		message->is_resent = true;
	}
	if (*list != NULL && (*list)->len > 0)
		buf_add_char(*list, ',');
	return is_bcc && message->options->takes_header;
}

/* Read the header; *first is the body's first line if no empty one came. */
static bool
read_header(struct message *message, struct buf *first)
{
	struct buf *list = NULL;
	bool is_dropped = false;
	struct span line;

	while (next_line(message, &line)) {
		bool is_continued = line.len > 0 && message->header.len > 0 &&
				    (line.ptr[0] == ' ' || line.ptr[0] == '\t');

		if (line.len == 0)
			return true;
		/* "From joe Tue ..." of an mbox is no field, and dropped */
		if (message->header.len == 0 && is_named(line, "From "))
			continue;
		if (!is_continued && !header_is_field(line)) {
			buf_add(first, line);
			buf_add_char(first, '\n');
			return true;
		}
		if (!is_continued)
			is_dropped = note_field(message, line, &list);
		if (list != NULL)
			buf_add(list,
			    is_continued
				? line
				: span_slice(line, span_index(line, ':') + 1,
				      line.len));
		if (is_dropped)
			continue;
		buf_add(&message->header, line);
		buf_add_char(&message->header, '\n');
	}
	return false;
}

static void
add_missing_fields(struct message *message)
{
	const struct options *options = message->options;
	struct queue_id id = queue_id_make();
	struct buf *header = &message->header;

	if (!message->has_from) {
		buf_add_string(header, "From: ");
		if (options->name != NULL && options->name[0] != '\0')
			buf_printf(header, "\"%.*s\" ",
			    (int)strcspn(options->name, "\"\\\r\n"),
			    options->name);
		buf_add_char(header, '<');
		if (options->sender != NULL && options->sender[0] != '\0')
			add_qualified(
			    message, header, span_of(options->sender));
		else
			add_qualified(
			    message, header, buf_span(&message->user));
		buf_add_string(header, ">\n");
	}
	if (!message->has_date) {
		buf_add_string(header, "Date: ");
		date_add(header, (int64_t)(clock_utc_us() / 1000000));
		buf_add_char(header, '\n');
	}
	if (!message->has_id) {
		buf_printf(header, "Message-ID: <%s@", id.text);
		buf_add(header, buf_span(&message->me));
		buf_add_string(header, ">\n");
	}
	buf_add_char(header, '\n');
}

static void
collect_recipients(struct message *message)
{
	struct buf address = buf_new(HEADER_MAX);
	struct span rest = buf_span(
	    message->is_resent ? &message->listed_resent : &message->listed);

	for (char **name = message->options->recipients; *name != NULL; name++)
		add_recipient(message, span_of(*name));
	if (!message->options->takes_header)
		return;
	while (addrlist_next(&rest, &address))
		add_recipient(message, buf_span(&address));
	buf_free(&address);
}

static void
add_message_id(struct buf *envelope, struct span header)
{
	struct buf id = buf_new(MESSAGE_ID_MAX);
	struct span value;

	if (header_find(header, "Message-ID", &value))
		header_add_message_id(&id, value);
	if (id.len > 0)
		record_add(envelope, 'H', buf_span(&id));
	buf_free(&id);
}

/* RFC 3461 section 4.4: xtext, as it was given or as we make it. */
static void
add_envid(struct buf *envelope, struct span envid)
{
	struct buf text = buf_new(XTEXT_ENVID_MAX);

	if (xtext_is_valid(envid))
		buf_add(&text, envid);
	else
		xtext_encode(&text, envid);
	if (text.overflow || text.len == 0)
		die(EX_USAGE, "-V takes 1 to %d bytes", XTEXT_ENVID_MAX);
	record_add(envelope, 'E', buf_span(&text));
	buf_free(&text);
}

static struct buf
make_envelope(const struct message *message)
{
	const struct options *options = message->options;
	struct buf envelope = buf_new(ENVELOPE_MAX);
	struct buf sender = buf_new(ADDRESS_TEXT_MAX);

	add_qualified(message, &sender,
	    options->sender != NULL ? span_of(options->sender)
				    : buf_span(&message->user));
	envelope_add_sender(&envelope, buf_span(&sender));
	if (options->is_8bit)
		record_add_string(&envelope, 'B', "8");
	if (options->envid != NULL)
		add_envid(&envelope, span_of(options->envid));
	if (options->ret != NULL)
		record_add_string(&envelope, 'R', options->ret);
	if (options->verp != NULL)
		record_add_string(&envelope, 'V', options->verp);
	add_message_id(&envelope, buf_span(&message->header));
	buf_add(&envelope, buf_span(&message->recipients));
	envelope_end(&envelope);
	buf_free(&sender);
	return envelope;
}

static pid_t
start_injector(int *message_fd, int *envelope_fd)
{
	int message[2];
	int envelope[2];

	if (pipe2(message, O_CLOEXEC) == -1 || pipe2(envelope, O_CLOEXEC) == -1)
		temp_fail("cannot make a pipe");
	pid_t pid = fork();
	if (pid == -1)
		temp_fail("cannot fork");
	if (pid == 0) {
		if (dup2(message[0], STDIN_FILENO) == -1 ||
		    dup2(envelope[0], STDOUT_FILENO) == -1)
			temp_fail("cannot place a pipe");
		execl(MTA_BIN "/queue-inject", "queue-inject", (char *)NULL);
		temp_fail("cannot execute %s/queue-inject", MTA_BIN);
	}
	close(message[0]);
	close(envelope[0]);
	*message_fd = message[1];
	*envelope_fd = envelope[1];
	return pid;
}

static int
wait_injector(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			temp_fail("cannot wait for queue-inject");
	return WIFEXITED(status) ? WEXITSTATUS(status) : EX_TEMPFAIL;
}

/* The body goes through line by line: a lone dot may end it. */
static bool
pass_body(struct message *message, struct writer *out)
{
	struct span bytes;
	struct span line;

	if (message->options->is_dot_data && !message->is_ended) {
		while (reader_peek(&message->in, &bytes) == IO_OK) {
			write_span(out, bytes);
			reader_consume(&message->in, bytes.len);
		}
		message->is_ended = true;
	}
	while (next_line(message, &line)) {
		write_span(out, line);
		write_string(out, "\n");
	}
	return writer_flush(out) == IO_OK;
}

int
submit_message(const struct options *options)
{
	static struct message message;
	static struct writer out;
	struct buf first = buf_new(HEADER_MAX);
	const struct passwd *user = getpwuid(getuid());
	int message_fd;
	int envelope_fd;

	message.options = options;
	message.me = control_me();
	message.user = buf_new(256);
	buf_add_string(&message.user, user == NULL ? "nobody" : user->pw_name);
	message.line = buf_new(HEADER_MAX);
	message.header = buf_new(HEADER_MAX);
	message.listed = buf_new(HEADER_MAX);
	message.listed_resent = buf_new(HEADER_MAX);
	message.recipients = buf_new(ENVELOPE_MAX);
	reader_init(&message.in, STDIN_FILENO, INT32_MAX);

	read_header(&message, &first);
	if (message.header.overflow || first.overflow)
		die(EX_DATAERR, "the header is over %d bytes", HEADER_MAX);
	add_missing_fields(&message);
	collect_recipients(&message);
	if (message.recipient_count == 0)
		die(EX_USAGE, "no recipient: name one, or use -t and To:");
	pid_t pid = start_injector(&message_fd, &envelope_fd);
	writer_init(&out, message_fd, INT32_MAX);
	write_span(&out, buf_span(&message.header));
	write_span(&out, buf_span(&first));
	bool is_passed = pass_body(&message, &out);
	close(message_fd);
	/* The envelope comes last: without it nothing is kept. */
	struct buf envelope = make_envelope(&message);
	if (is_passed)
		write_all(envelope_fd, buf_span(&envelope));
	close(envelope_fd);
	return wait_injector(pid);
}
