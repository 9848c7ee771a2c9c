#include "pop3d/conversation.h"

#include <string.h>

void
conversation_open(
    struct conversation *talk, int in, int out, uint64_t timeout_s)
{
	int64_t timeout_ms = (int64_t)timeout_s * 1000;

	talk->line = buf_new(COMMAND_MAX);
	writer_init(&talk->out, out, timeout_ms);
	reader_init(&talk->in, in, timeout_ms);
	talk->in.peer = &talk->out;
	talk->in.is_eager = true;
}

void
conversation_reply(struct conversation *talk, const char *text)
{
	struct buf line = buf_new(1024);

	if (*text == '+' || *text == '-') {
		language_add_reply(&line, talk->language, text);
		write_span(&talk->out, buf_span(&line));
	} else {
		write_string(&talk->out, text);
	}
	write_string(&talk->out, "\r\n");
	buf_free(&line);
}

void
conversation_refuse(struct conversation *talk, const char *text)
{
	conversation_reply(talk, text);
	if (++talk->errors >= talk->errors_max)
		talk->is_done = true;
}

void
conversation_reply_lines(struct conversation *talk, const char *const *lines)
{
	for (; *lines != NULL; lines++)
		conversation_reply(talk, *lines);
}

static void
list_languages(struct conversation *talk)
{
	conversation_reply(talk, "+OK");
	for (unsigned i = LANGUAGE_ENGLISH; i < LANGUAGE_COUNT; i++) {
		write_string(&talk->out, language_tag((enum language)i));
		write_string(&talk->out, " ");
		write_string(&talk->out, language_name((enum language)i));
		write_string(&talk->out, "\r\n");
	}
	conversation_reply(talk, ".");
}

/* A basic language range: RFC 4647 section 2.1; "*" is what is preferred. */
void
conversation_handle_lang(struct conversation *talk, struct span argument)
{
	struct span range = span_trim(argument);

	if (range.len == 0) {
		list_languages(talk);
		return;
	}
	if (span_equal(range, span_of("*")))
		talk->language = LANGUAGE_ENGLISH;
	else if (!language_find(range, &talk->language)) {
		conversation_refuse(talk, "-ERR there is no such language");
		return;
	}
	write_string(&talk->out, "+OK ");
	write_string(&talk->out, language_tag(talk->language));
	write_string(&talk->out, " ");
	write_string(&talk->out,
	    language_say(talk->language, "now speaking this language"));
	write_string(&talk->out, "\r\n");
}

void
conversation_handle(struct conversation *talk, const struct command *commands,
    size_t count, struct span line)
{
	size_t verb_len = span_index(line, ' ');
	struct span verb = span_slice(line, 0, verb_len);
	struct span argument = span_slice(line, verb_len + 1, line.len);

	for (size_t i = 0; i < count; i++) {
		const struct command *command = &commands[i];

		if (!span_equal_nocase(verb, span_of(command->verb)))
			continue;
		if (!command->has_argument && span_trim(argument).len > 0)
			conversation_refuse(
			    talk, "-ERR this command takes no argument");
		else if (command->has_argument && argument.len == 0 &&
			 !command->is_optional)
			conversation_refuse(
			    talk, "-ERR this command needs an argument");
		else
			command->handle(talk, argument);
		return;
	}
	conversation_refuse(talk, "-ERR no such command here: try CAPA");
}

/* Nothing of a line is left behind, in the buffer or in the reader. */
static void
wipe(struct conversation *talk)
{
	buf_wipe(&talk->line);
	reader_wipe(&talk->in);
}

static void
handle_bytes(
    struct conversation *talk, const struct command *commands, size_t count)
{
	struct span line = buf_span(&talk->line);

	line.len--;
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (span_index(line, '\0') < line.len ||
	    span_index(line, '\r') < line.len)
		conversation_refuse(
		    talk, "-ERR a line has no NUL and no bare CR");
	else
		conversation_handle(talk, commands, count, line);
}

enum io_status
conversation_run(
    struct conversation *talk, const struct command *commands, size_t count)
{
	enum io_status status = IO_OK;

	while (!talk->is_done && status == IO_OK) {
		status = read_line(&talk->in, &talk->line);
		if (status == IO_OK)
			handle_bytes(talk, commands, count);
		else if (status == IO_TOO_LONG)
			conversation_refuse(talk, "-ERR line too long");
		if (status == IO_TOO_LONG)
			status = IO_OK;
		wipe(talk);
		if (talk->out.status != IO_OK)
			status = talk->out.status;
	}
	if (talk->errors >= talk->errors_max)
		conversation_reply(
		    talk, "-ERR too many errors: closing the connection");
	writer_flush(&talk->out);
	return status;
}
