#include "sieve/show.h"

/* In quotes, with escapes for what would leave the line. */
static void
put_quoted(struct buf *out, struct span text)
{
	buf_add_char(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '\r')
			continue;
		if (c == '\n')
			buf_add_string(out, "\\n");
		else if ((unsigned char)c < ' ' || c == 0x7f)
			buf_printf(out, "\\x%02x", (unsigned)(unsigned char)c);
		else {
			if (c == '"' || c == '\\')
				buf_add_char(out, '\\');
			buf_add_char(out, c);
		}
	}
	buf_add_char(out, '"');
}

static void
put_named(struct buf *out, const char *name, struct span text)
{
	if (text.ptr == NULL)
		return;
	buf_printf(out, " %s ", name);
	put_quoted(out, text);
}

static void
put_flags(struct buf *out, struct span flags)
{
	if (flags.ptr != NULL) {
		buf_add_string(out, " flags (");
		buf_add(out, flags);
		buf_add_char(out, ')');
	}
}

static void
put_header(struct buf *out, struct span header)
{
	if (header.ptr == NULL)
		return;
	buf_add_string(out, " header");
	while (header.len > 0) {
		struct span line = span_cut(&header, '\n');

		buf_printf(out, "\n  %.*s", (int)line.len, line.ptr);
	}
}

static void
put_seconds(struct buf *out, int64_t seconds)
{
	if (seconds > 0 && seconds % 86400 == 0)
		buf_printf(out, " days %lld", (long long)(seconds / 86400));
	else
		buf_printf(out, " seconds %lld", (long long)seconds);
}

static void
put_addresses(
    struct buf *out, const char *name, const struct sieve_action *action)
{
	for (size_t i = 0; i < action->address_count; i++)
		put_named(out, i == 0 ? name : "and", action->addresses[i]);
}

static void
put_vacation(struct buf *out, const struct sieve_action *action)
{
	put_quoted(out, action->text);
	put_seconds(out, action->seconds);
	if (action->is_mime)
		buf_add_string(out, " mime");
	put_named(out, "subject", action->subject);
	put_named(out, "from", action->from);
	put_addresses(out, "addresses", action);
}

static void
put_notify(struct buf *out, const struct sieve_action *action)
{
	buf_printf(out, "%.*s", (int)action->address.len, action->address.ptr);
	put_named(out, "message", action->text);
	put_named(out, "from", action->from);
	if (action->importance != 2)
		buf_printf(out, " importance %u", action->importance);
	put_addresses(out, "options", action);
}

static void
put_action(struct buf *out, const struct sieve_action *action)
{
	static const char *const names[] = {
		[SIEVE_KEEP] = "keep",
		[SIEVE_FILEINTO] = "fileinto ",
		[SIEVE_REDIRECT] = "redirect ",
		[SIEVE_REJECT] = "reject ",
		[SIEVE_VACATION] = "vacation ",
		[SIEVE_NOTIFY] = "notify ",
		[SIEVE_REMEMBER] = "remember ",
	};

	buf_add_string(out, names[action->kind]);
	switch (action->kind) {
	case SIEVE_KEEP:
		break;
	case SIEVE_FILEINTO:
		put_quoted(out, action->mailbox);
		if (action->may_create)
			buf_add_string(out, " create");
		break;
	case SIEVE_REDIRECT:
		buf_printf(
		    out, "%.*s", (int)action->address.len, action->address.ptr);
		break;
	case SIEVE_REJECT:
		put_quoted(out, action->text);
		break;
	case SIEVE_VACATION:
		put_vacation(out, action);
		break;
	case SIEVE_NOTIFY:
		put_notify(out, action);
		break;
	case SIEVE_REMEMBER:
		put_quoted(out, action->handle);
		put_seconds(out, action->seconds);
		break;
	}
	if (action->has_flags)
		put_flags(out, action->flags);
	/* Of others it says what they answer. */
	if (action->kind == SIEVE_KEEP || action->kind == SIEVE_FILEINTO ||
	    action->kind == SIEVE_REDIRECT)
		put_header(out, action->header);
	buf_add_char(out, '\n');
}

void
sieve_show_result(struct buf *out, const struct sieve_result *result)
{
	bool is_stored = false;
	bool is_handled = false;

	for (size_t i = 0; i < result->count; i++) {
		enum sieve_action_kind kind = result->actions[i].kind;

		put_action(out, &result->actions[i]);
		is_stored = is_stored || kind == SIEVE_KEEP;
		is_handled = is_handled || kind == SIEVE_KEEP ||
			     kind == SIEVE_FILEINTO || kind == SIEVE_REDIRECT ||
			     kind == SIEVE_REJECT;
	}
	if (result->is_kept && !is_stored) {
		buf_add_string(out, "keep (implicit)");
		put_flags(out, result->flags);
		put_header(out, result->header);
		buf_add_char(out, '\n');
	} else if (!is_handled) {
		buf_add_string(out, "discard\n");
	}
}
