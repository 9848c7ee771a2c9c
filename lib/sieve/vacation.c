#include "sieve/vacation.h"

#include <nettle/sha2.h>

#include "mail/addrlist.h"
#include "mail/contenttype.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/threading.h"
#include "mail/words.h"
#include "sieve/compose.h"
#include "sieve/values.h"

enum {
	ADDRESS_MAX = 1000,
	REFERENCES_MAX = 20,
	TEXT_MAX = 4 << 20
};

struct span
sieve_mail_header(
    const struct sieve_action *action, const struct sieve_mail *mail)
{
	return action->header.ptr != NULL ? action->header : mail->header;
}

/* ---- who is not answered ---- */

static bool
ends_nocase(struct span text, struct span end)
{
	return text.len >= end.len &&
	       span_equal_nocase(
		   span_slice(text, text.len - end.len, end.len), end);
}

/* Has it one of these names, or begins or ends with one and a "-"? */
static bool
is_like(struct span text, const char *const names[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct span name = span_of(names[i]);
		struct span end =
		    span_slice(text, text.len - name.len, name.len);

		if (text.len < name.len)
			continue;
		if (text.len == name.len
			? span_equal_nocase(text, name)
			: (span_starts_nocase(text, name) &&
			      text.ptr[name.len] == '-') ||
			      (span_equal_nocase(end, name) &&
				  text.ptr[text.len - name.len - 1] == '-'))
			return true;
	}
	return false;
}

/* The sender that one was before it was rewritten: "SRS0=hash=time=host=local",
 * and again "SRS1=hash=host==hash=time=host=local"; any sign behind SRS. */
static struct span
without_srs(struct span local)
{
	bool is_second = span_starts_nocase(local, span_of("SRS1"));
	struct span rest = span_slice(local, 5, local.len);

	if (local.len < 5 || ascii_is_alnum(local.ptr[4]) ||
	    (!is_second && !span_starts_nocase(local, span_of("SRS0"))))
		return local;
	if (is_second) {
		span_cut(&rest, '=');
		span_cut(&rest, '=');
		rest = span_slice(rest, 1, rest.len);
	}
	for (unsigned i = 0; i < 3; i++)
		span_cut(&rest, '=');
	return rest;
}

/* An address that nobody reads, RFC 5230 section 4.6. */
static bool
is_program(struct span address)
{
	static const char *const names[] = { "mailer-daemon", "mailer",
		"daemon", "listserv", "majordomo", "mailman" };
	static const char *const ends[] = { "-request", "-owner", "-relay" };
	static const char *const bounces[] = { "bounce", "bounces" };
	static const char *const silent[] = { "noreply", "no-reply", "no_reply",
		"donotreply", "do-not-reply", "do_not_reply" };
	enum {
		SILENT = sizeof(silent) / sizeof(*silent)
	};
	struct span local =
	    without_srs(span_slice(address, 0, span_last_index(address, '@')));
	size_t plus = span_index(local, '+');

	/* "notifications+noreply", but people have names of lists there. */
	if (is_like(span_slice(local, plus + 1, local.len), silent, SILENT))
		return true;
	/* "list-bounces+ken=example.com" tells who did not get the list. */
	local.len = plus;
	if (is_like(local, silent, SILENT) || is_like(local, bounces, 2) ||
	    span_starts_nocase(local, span_of("owner-")) ||
	    span_is_one_of(local, names, sizeof(names) / sizeof(*names)))
		return true;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (ends_nocase(local, span_of(ends[i])))
			return true;
	return false;
}

/* ---- what is not answered ---- */

bool
sieve_mail_is_automatic(struct span header)
{
	struct span name;
	struct span value;

	while (header_next(&header, &name, &value))
		if (span_equal_nocase(name, span_of("Auto-Submitted")) &&
		    !span_equal_nocase(content_token(value), span_of("no")))
			return true;
	return false;
}

static bool
is_of_program(struct span name, struct span value)
{
	static const char *const list_fields[] = { "List-Id", "List-Help",
		"List-Subscribe", "List-Unsubscribe", "List-Post", "List-Owner",
		"List-Archive", "Mailing-List" };
	static const char *const mass[] = { "list", "bulk", "junk" };
	static const char *const suppressed[] = { "All", "OOF" };

	if (span_equal_nocase(name, span_of("Precedence")))
		return span_is_one_of(content_token(value), mass, 3);
	/* Exchange has such a field. */
	if (span_equal_nocase(name, span_of("X-Auto-Response-Suppress")))
		while (value.len > 0)
			if (span_is_one_of(span_trim(span_cut(&value, ',')),
				suppressed, 2))
				return true;
	return span_is_one_of(
	    name, list_fields, sizeof(list_fields) / sizeof(*list_fields));
}

static bool
is_of_programs(struct span header)
{
	struct span name;
	struct span value;

	while (header_next(&header, &name, &value))
		if (is_of_program(name, value))
			return true;
	return false;
}

/* ---- whom it is to ---- */

static bool
is_ours(struct span address, const struct sieve_action *action,
    const struct sieve_mail *mail)
{
	struct buf own = buf_new(ADDRESS_MAX);
	bool is_one = span_equal_nocase(address, mail->recipient);

	for (size_t i = 0; i < action->address_count && !is_one; i++) {
		struct span rest = action->addresses[i];

		is_one = addrlist_next(&rest, &own) &&
			 span_equal_nocase(address, buf_span(&own));
	}
	buf_free(&own);
	return is_one;
}

static bool
names_us(struct span value, const struct sieve_action *action,
    const struct sieve_mail *mail)
{
	struct buf address = buf_new(ADDRESS_MAX);
	bool is_found = false;

	while (!is_found && addrlist_next(&value, &address))
		is_found = is_ours(buf_span(&address), action, mail);
	buf_free(&address);
	return is_found;
}

/* RFC 5230 section 4.5. */
static bool
is_personal(const struct sieve_action *action, const struct sieve_mail *mail)
{
	static const char *const fields[] = { "To", "Cc", "Bcc", "Resent-To",
		"Resent-Cc", "Resent-Bcc" };
	struct span rest = sieve_mail_header(action, mail);
	struct span name;
	struct span value;

	while (header_next(&rest, &name, &value))
		if (span_is_one_of(
			name, fields, sizeof(fields) / sizeof(*fields)) &&
		    names_us(value, action, mail))
			return true;
	return false;
}

bool
sieve_vacation_applies(
    const struct sieve_action *action, const struct sieve_mail *mail)
{
	/* From ourselves it would go round. */
	return mail->sender.len > 0 && !is_program(mail->sender) &&
	       !is_ours(mail->sender, action, mail) &&
	       !sieve_mail_is_automatic(sieve_mail_header(action, mail)) &&
	       !is_of_programs(sieve_mail_header(action, mail)) &&
	       is_personal(action, mail);
}

/* ---- the reply ---- */

static void
add_subject(struct buf *into, const struct sieve_action *action,
    const struct sieve_mail *mail)
{
	struct buf subject = buf_new(TEXT_MAX);
	struct span value;

	if (action->subject.ptr != NULL) {
		buf_add(&subject, action->subject);
	} else if (header_find(
		       sieve_mail_header(action, mail), "Subject", &value)) {
		buf_add_string(&subject, "Auto: ");
		words_add_decoded(&subject, value);
	} else {
		buf_add_string(&subject, "Automated reply");
	}
	compose_add_field(into, span_of("Subject"), buf_span(&subject));
	buf_free(&subject);
}

/* RFC 5322 section 3.6.4. */
static void
add_references(struct buf *into, struct span header)
{
	struct buf ids = buf_new(TEXT_MAX);
	struct buf references = buf_new(TEXT_MAX);
	struct buf own = buf_new(MESSAGE_ID_MAX);
	struct span value;
	struct span rest;

	if (header_find(header, "Message-ID", &value))
		header_add_message_id(&own, value);
	if (own.len > 0) {
		compose_add_field(into, span_of("In-Reply-To"), buf_span(&own));
		if (header_find(header, "References", &value) ||
		    header_find(header, "In-Reply-To", &value))
			message_ids_add(&ids, value, REFERENCES_MAX);
		rest = buf_span(&ids);
		while (rest.len > 0) {
			struct span id = span_cut(&rest, '\n');

			if (id.len > MESSAGE_ID_MAX || !header_is_safe(id))
				continue;
			buf_add_char(&references, '<');
			buf_add(&references, id);
			buf_add_string(&references, "> ");
		}
		buf_add(&references, buf_span(&own));
		compose_add_field(
		    into, span_of("References"), buf_span(&references));
	}
	buf_free(&own);
	buf_free(&references);
	buf_free(&ids);
}

static struct span
cut_line(struct span *text)
{
	struct span line = span_cut(text, '\n');

	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

struct span
sieve_vacation_mime_header(struct span text)
{
	struct span rest = text;
	size_t len = 0;

	while (rest.len > 0) {
		struct span line = cut_line(&rest);
		bool is_more = len > 0 && line.len > 0 &&
			       (line.ptr[0] == ' ' || line.ptr[0] == '\t');

		if (!is_more && !header_is_field(line))
			break;
		len = text.len - rest.len;
	}
	return span_slice(text, 0, len);
}

static void
add_lines(struct buf *into, struct span text)
{
	while (text.len > 0) {
		buf_add(into, cut_line(&text));
		buf_add_char(into, '\n');
	}
}

/* What describes the entity; other fields are not the script's to set. */
static void
add_entity(struct buf *into, struct span entity)
{
	struct span header = sieve_vacation_mime_header(entity);
	struct span body = span_slice(entity, header.len, entity.len);
	struct span after = body;
	struct buf lines = buf_new(header.len + 1);
	struct span rest;
	struct span name;
	struct span value;

	if (cut_line(&after).len == 0)
		body = after;
	if (header.len == 0) {
		compose_add_text(into, body);
		return;
	}
	add_lines(&lines, header);
	rest = buf_span(&lines);
	buf_add_string(into, "MIME-Version: 1.0\n");
	while (header_next(&rest, &name, &value)) {
		if (span_starts_nocase(name, span_of("Content-")) &&
		    values_is_field_name(name))
			compose_add_field(into, name, value);
	}
	buf_add_char(into, '\n');
	add_lines(into, body);
	buf_free(&lines);
}

void
sieve_vacation_add(struct buf *into, const struct sieve_action *action,
    const struct sieve_mail *mail)
{
	struct buf date = buf_new(64);

	date_add(&date, mail->now);
	compose_add_mailboxes(into, span_of("From"),
	    action->from.ptr != NULL ? action->from : mail->recipient);
	compose_add_mailboxes(into, span_of("To"), mail->sender);
	add_subject(into, action, mail);
	compose_add_field(into, span_of("Date"), buf_span(&date));
	compose_add_field(into, span_of("Message-ID"), mail->message_id);
	add_references(into, sieve_mail_header(action, mail));
	buf_add_string(into, "Auto-Submitted: auto-replied (vacation)\n");
	if (action->is_mime)
		add_entity(into, action->text);
	else
		compose_add_text(into, action->text);
	buf_free(&date);
}

/* ---- what is remembered ---- */

void
sieve_vacation_add_key(
    struct buf *into, const struct sieve_action *action, struct span sender)
{
	buf_add_string(into, "vacation ");
	buf_add_number(into, action->handle.len);
	buf_add_char(into, ':');
	buf_add(into, action->handle);
	buf_add_char(into, ' ');
	for (size_t i = 0; i < sender.len; i++)
		buf_add_char(into, ascii_lower(sender.ptr[i]));
}

/* With its length, and whether it is there: none can be taken for another. */
static void
digest_list(struct sha256_ctx *digest, struct sieve_list list)
{
	struct span text =
	    list.items == NULL ? (struct span){ "", 0 } : list.items[0];
	char digits[SPAN_DIGITS_MAX];
	struct span length = span_digits(text.len, digits);

	sha256_update(digest, 1, (const uint8_t *)(list.items ? ":" : "-"));
	sha256_update(digest, length.len, (const uint8_t *)length.ptr);
	sha256_update(digest, 1, (const uint8_t *)" ");
	sha256_update(digest, text.len, (const uint8_t *)text.ptr);
}

void
sieve_vacation_add_handle(struct buf *into, const struct sieve_node *node)
{
	struct sieve_list handle = node->options[OPTION_HANDLE];
	struct sha256_ctx digest;
	uint8_t bytes[SHA256_DIGEST_SIZE];

	if (handle.items != NULL) {
		buf_add_string(into, "handle ");
		buf_add(into, handle.items[0]);
		return;
	}
	sha256_init(&digest);
	digest_list(&digest, node->options[OPTION_SUBJECT]);
	digest_list(&digest, node->options[OPTION_FROM]);
	digest_list(&digest, node->arguments[0]);
	sha256_update(&digest, 1,
	    (const uint8_t *)((node->flags & FLAG_MIME) != 0 ? "m" : "t"));
	sha256_digest(&digest, sizeof(bytes), bytes);
	buf_add_string(into, "digest ");
	for (size_t i = 0; i < sizeof(bytes); i++)
		buf_printf(into, "%02x", (unsigned)bytes[i]);
}
