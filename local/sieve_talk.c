#include "local/sieve_talk.h"

#include <stdio.h>

#include "sieve/sieve.h"

enum {
	EXTENSIONS_MAX = 4096
};

void
sieve_talk_open(struct sieve_talk *talk, int in, int out, uint64_t timeout_s,
    uint64_t literal_max, uint64_t skip_max)
{
	int64_t timeout_ms = (int64_t)timeout_s * 1000;

	writer_init(&talk->out, out, timeout_ms);
	reader_init(&talk->in, in, timeout_ms);
	talk->in.peer = &talk->out;
	sieve_input_init(&talk->input, &talk->in, literal_max, skip_max);
	talk->errors = 0;
	talk->is_done = false;
}

void
sieve_talk_free(struct sieve_talk *talk)
{
	sieve_input_free(&talk->input);
}

/* ---- responses ---- */

void
sieve_write_literal(struct writer *out, struct span text)
{
	char head[32];

	snprintf(head, sizeof(head), "{%zu}\r\n", text.len);
	write_string(out, head);
	write_span(out, text);
}

/* The other side's quotes have a limit, too. */
static bool
can_be_quoted(struct span text)
{
	size_t octets = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '\r' || c == '\n' || c == '\0')
			return false;
		octets += c == '"' || c == '\\' ? 2 : 1;
	}
	return octets <= SIEVE_QUOTED_MAX;
}

void
sieve_write_string(struct writer *out, struct span text)
{
	if (!can_be_quoted(text)) {
		sieve_write_literal(out, text);
		return;
	}
	write_string(out, "\"");
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			write_string(out, "\\");
		write_span(out, span_slice(text, i, 1));
	}
	write_string(out, "\"");
}

void
sieve_reply_argument(struct sieve_talk *talk, const char *word,
    const char *code, struct span argument, const char *text)
{
	struct writer *out = &talk->out;

	write_string(out, word);
	if (code != NULL) {
		write_string(out, " (");
		write_string(out, code);
		if (argument.ptr != NULL) {
			write_string(out, " ");
			sieve_write_string(out, argument);
		}
		write_string(out, ")");
	}
	write_string(out, " ");
	sieve_write_string(out, span_of(text));
	write_string(out, "\r\n");
}

void
sieve_reply_code(struct sieve_talk *talk, const char *word, const char *code,
    const char *text)
{
	sieve_reply_argument(talk, word, code, (struct span){ NULL, 0 }, text);
}

void
sieve_reply(struct sieve_talk *talk, const char *word, const char *text)
{
	sieve_reply_code(talk, word, NULL, text);
}

void
sieve_refuse(struct sieve_talk *talk, const char *text)
{
	sieve_reply(talk, "NO", text);
	talk->errors++;
}

/* ---- commands of both states ---- */

/* Section 2.13. */
void
sieve_handle_noop(struct sieve_talk *talk,
    const struct sieve_argument *arguments, size_t count)
{
	if (count > 0)
		sieve_reply_argument(
		    talk, "OK", "TAG", arguments[0].text, "done");
	else
		sieve_reply(talk, "OK", "done");
}

/* Section 2.3. */
void
sieve_handle_logout(struct sieve_talk *talk,
    const struct sieve_argument *arguments, size_t count)
{
	(void)arguments, (void)count;
	sieve_reply(talk, "OK", "bye");
	talk->is_done = true;
}

static void
write_capability(struct writer *out, const char *name, struct span value)
{
	sieve_write_string(out, span_of(name));
	if (value.ptr != NULL) {
		write_string(out, " ");
		sieve_write_string(out, value);
	}
	write_string(out, "\r\n");
}

void
sieve_write_capabilities(
    struct writer *out, const struct sieve_capabilities *capabilities)
{
	struct buf extensions = buf_new(EXTENSIONS_MAX);
	char redirects[16];

	sieve_add_extensions(&extensions);
	snprintf(redirects, sizeof(redirects), "%llu",
	    (unsigned long long)capabilities->redirects_max);
	write_capability(out, "IMPLEMENTATION", span_of("Estafeta"));
	write_capability(out, "SASL", capabilities->sasl);
	write_capability(out, "SIEVE", buf_span(&extensions));
	if (capabilities->has_starttls)
		write_capability(out, "STARTTLS", (struct span){ NULL, 0 });
	if (capabilities->has_unauthenticate)
		write_capability(
		    out, "UNAUTHENTICATE", (struct span){ NULL, 0 });
	if (capabilities->owner.ptr != NULL)
		write_capability(out, "MAXREDIRECTS", span_of(redirects));
	write_capability(out, "NOTIFY", span_of("mailto"));
	write_capability(out, "LANGUAGE", span_of("en"));
	if (capabilities->owner.ptr != NULL)
		write_capability(out, "OWNER", capabilities->owner);
	write_capability(out, "VERSION", span_of("1.0"));
	buf_free(&extensions);
}

/* ---- the loop ---- */

/* Are these the arguments that the command has? */
static bool
fits(const struct sieve_command *command, const struct sieve_input *input)
{
	const char *form = command->form;

	for (size_t i = 0; i < input->count; i++) {
		if (*form == '?')
			form++;
		if (*form == '\0' ||
		    (*form == 'n') != input->arguments[i].is_number)
			return false;
		form++;
	}
	return *form == '\0' || *form == '?';
}

static void
handle(
    struct sieve_talk *talk, const struct sieve_command *commands, size_t count)
{
	const struct sieve_input *input = &talk->input;
	struct span verb = span_of(input->verb);

	for (size_t i = 0; i < count; i++) {
		if (!span_equal(verb, span_of(commands[i].verb)))
			continue;
		if (fits(&commands[i], input))
			commands[i].handle(
			    talk, input->arguments, input->count);
		else
			sieve_refuse(talk, commands[i].usage);
		return;
	}
	sieve_refuse(talk, talk->unknown);
}

static void
step(
    struct sieve_talk *talk, const struct sieve_command *commands, size_t count)
{
	switch (sieve_input_read(&talk->input)) {
	case SIEVE_INPUT_OK:
		handle(talk, commands, count);
		break;
	case SIEVE_INPUT_WRONG:
		sieve_refuse(talk, talk->input.wrong);
		break;
	case SIEVE_INPUT_TOO_LARGE:
		sieve_reply_code(talk, "NO", "QUOTA/MAXSIZE",
		    "that is larger than a script may be");
		talk->errors++;
		break;
	case SIEVE_INPUT_LOST:
		sieve_reply(talk, "BYE", talk->input.wrong);
		talk->is_done = true;
		break;
	case SIEVE_INPUT_CLOSED:
		if (talk->in.status == IO_TIMEOUT)
			sieve_reply(
			    talk, "BYE", "you were silent for too long");
		talk->is_done = true;
	}
	sieve_input_wipe(&talk->input);
}

enum io_status
sieve_talk_run(
    struct sieve_talk *talk, const struct sieve_command *commands, size_t count)
{
	while (!talk->is_done && talk->out.status == IO_OK) {
		step(talk, commands, count);
		if (talk->is_done || talk->errors < talk->errors_max)
			continue;
		sieve_reply(talk, "BYE", "too many errors");
		talk->is_done = true;
	}
	writer_flush(&talk->out);
	return talk->in.status != IO_OK ? talk->in.status : talk->out.status;
}
