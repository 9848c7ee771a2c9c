#include "sieve/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mail/utf8.h"
#include "sieve/sieve.h"

enum {
	MESSAGE_MAX = 400, /* one error, with what it shows */
	LINE_MAX_LEN = MESSAGE_MAX + sizeof("line 4294967295: \n")
};

struct report
report_new(void)
{
	return (struct report){ .text = buf_new(
				    (size_t)REPORT_ERRORS_MAX * MESSAGE_MAX) };
}

void
report_free(struct report *report)
{
	buf_free(&report->text);
	*report = report_new();
}

/* Behind all errors of its line and of those before. */
static void
insert(struct report *report, struct report_error error)
{
	size_t i = report->count++;

	for (; i > 0 && report->errors[i - 1].line > error.line; i--)
		report->errors[i] = report->errors[i - 1];
	report->errors[i] = error;
}

void
report_error(struct report *report, uint32_t line, const char *format, ...)
{
	char message[MESSAGE_MAX];
	va_list args;

	if (report->count == REPORT_ERRORS_MAX) {
		report->is_cut = true;
		return;
	}
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	struct report_error error = { line, report->text.len, strlen(message) };
	buf_add_string(&report->text, message);
	insert(report, error);
}

struct report_shown
report_shown(struct span text)
{
	struct report_shown shown = { "" };
	struct span rest = text;
	size_t len = 0;

	while (rest.len > 0) {
		struct span before = rest;
		uint32_t c = utf8_next(&rest);
		size_t size = before.len - rest.len;

		if (len + size > REPORT_SHOWN_MAX) {
			memcpy(shown.text + len, "...", sizeof("..."));
			return shown;
		}
		if (c == UTF8_NONE || c < ' ' || (c >= 0x7f && c < 0xa0))
			shown.text[len++] = '?';
		else
			for (size_t i = 0; i < size; i++)
				shown.text[len++] = before.ptr[i];
	}
	return shown;
}

void
report_add_to(const struct report *report, struct buf *errors)
{
	size_t start = errors->len;
	size_t i = 0;

	/* Two lines are kept for the one being added, and for the last. */
	for (;
	     i < report->count &&
	     errors->len - start + 2 * (size_t)LINE_MAX_LEN <= SIEVE_ERRORS_MAX;
	     i++) {
		const struct report_error *error = &report->errors[i];

		buf_printf(errors, "line %u: ", (unsigned)error->line);
		buf_add(errors, span_slice(buf_span(&report->text),
				    error->start, error->len));
		buf_add_char(errors, '\n');
	}
	if (i < report->count || report->is_cut)
		buf_add_string(errors, "there are more errors\n");
}
