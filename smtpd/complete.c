#include "smtpd/complete.h"

#include "mail/date.h"
#include "mail/header.h"

static bool
is_named(struct span line, const char *name)
{
	return span_starts_nocase(line, span_of(name));
}

static bool
is_continued(struct span line)
{
	return line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t');
}

static void
note_field(struct completion *completion, struct span line)
{
	completion->is_dropped =
	    is_named(line, "Bcc:") || is_named(line, "Resent-Bcc:");
	completion->has_from |= is_named(line, "From:");
	completion->has_date |= is_named(line, "Date:");
	completion->has_id |= is_named(line, "Message-ID:");
}

enum completion_line
completion_take(struct completion *completion, struct span line)
{
	bool is_first = !completion->has_line;

	completion->has_line = true;
	/* "From joe Tue ..." of an mbox is no field, and no body either. */
	if (is_first && is_named(line, "From "))
		return COMPLETION_DROP;
	if (is_continued(line) && !is_first)
		return completion->is_dropped ? COMPLETION_DROP
					      : COMPLETION_KEEP;
	if (!header_is_field(line)) {
		completion->is_ended = true;
		return COMPLETION_END;
	}
	note_field(completion, line);
	return completion->is_dropped ? COMPLETION_DROP : COMPLETION_KEEP;
}

void
completion_add(const struct completion *completion,
    const struct completion_facts *facts, struct buf *fields)
{
	if (!completion->has_from) {
		buf_add_string(fields, "From: <");
		buf_add(fields, facts->from);
		if (span_index(facts->from, '@') == facts->from.len) {
			buf_add_char(fields, '@');
			buf_add(fields, facts->me);
		}
		buf_add_string(fields, ">\n");
	}
	if (!completion->has_date) {
		buf_add_string(fields, "Date: ");
		date_add(fields, facts->now_s);
		buf_add_char(fields, '\n');
	}
	if (!completion->has_id) {
		buf_add_string(fields, "Message-ID: <");
		buf_add(fields, facts->id);
		buf_add_char(fields, '@');
		buf_add(fields, facts->me);
		buf_add_string(fields, ">\n");
	}
}
