#include "filter/wire.h"

#include "queue/filter.h"

void
wire_add_number(struct buf *buf, uint32_t value)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_add_char(buf, (char)(value >> shift));
}

void
wire_add_text(struct buf *buf, struct span text)
{
	buf_add(buf, span_slice(text, 0, span_index(text, '\0')));
	buf_add_char(buf, '\0');
}

static uint32_t
number_at(const char *bytes)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++)
		value = value << 8 | (unsigned char)bytes[i];
	return value;
}

uint32_t
wire_length(const char bytes[WIRE_LENGTH])
{
	uint32_t length = number_at(bytes);

	return length > WIRE_PACKET_MAX ? 0 : length;
}

static bool
take_number(struct span *rest, uint32_t *value)
{
	if (rest->len < 4)
		return false;
	*value = number_at(rest->ptr);
	*rest = span_slice(*rest, 4, rest->len);
	return true;
}

/* A text that has no NUL after it is none. */
static bool
take_text(struct span *rest, struct span *text)
{
	size_t end = span_index(*rest, '\0');

	if (end == rest->len)
		return false;
	*text = span_slice(*rest, 0, end);
	*rest = span_slice(*rest, end + 1, rest->len);
	return true;
}

/* ---- negotiation ---- */

void
wire_add_offer(struct buf *buf)
{
	wire_add_number(buf, WIRE_VERSION);
	wire_add_number(buf, WIRE_ACTIONS);
	wire_add_number(buf, WIRE_PROTOCOL);
}

bool
wire_parse_options(struct span packet, struct wire_options *options)
{
	struct span rest = span_slice(packet, 1, packet.len);

	*options = (struct wire_options){ .version = 0 };
	if (packet.len == 0 || packet.ptr[0] != WIRE_NEGOTIATE ||
	    !take_number(&rest, &options->version) ||
	    !take_number(&rest, &options->actions) ||
	    !take_number(&rest, &options->protocol))
		return false;
	options->macros = rest;
	return options->version >= 2 && options->version <= WIRE_VERSION &&
	       (options->actions & ~(uint32_t)WIRE_ACTIONS) == 0 &&
	       (options->protocol & ~(uint32_t)WIRE_PROTOCOL) == 0;
}

bool
wire_find_macros(
    const struct wire_options *options, uint32_t stage, struct span *list)
{
	struct span rest = options->macros;
	uint32_t found;

	while (take_number(&rest, &found) && take_text(&rest, list))
		if (found == stage)
			return true;
	return false;
}

/* ---- replies ---- */

static struct span
bare_address(struct span text)
{
	text = span_trim(text);
	if (text.len >= 2 && text.ptr[0] == '<' &&
	    text.ptr[text.len - 1] == '>')
		return span_slice(text, 1, text.len - 2);
	return text;
}

/* name NUL value NUL, after an index if has_index. */
static bool
parse_field(struct span data, bool has_index, struct wire_reply *reply)
{
	if (has_index && !take_number(&data, &reply->index))
		return false;
	return take_text(&data, &reply->name) &&
	       take_text(&data, &reply->value);
}

static bool
parse_address(struct span data, struct wire_reply *reply)
{
	if (!take_text(&data, &reply->text))
		return false;
	reply->text = bare_address(reply->text);
	return true;
}

static bool
parse_data(struct span data, struct wire_reply *reply)
{
	switch (reply->kind) {
	case WIRE_ADD_HEADER:
		return parse_field(data, false, reply);
	case WIRE_INSERT_HEADER:
	case WIRE_CHANGE_HEADER:
		return parse_field(data, true, reply);
	case WIRE_ADD_RCPT:
	case WIRE_DELETE_RCPT:
	case WIRE_CHANGE_SENDER:
		return parse_address(data, reply);
	case WIRE_REPLY:
	case WIRE_QUARANTINE:
		return take_text(&data, &reply->text);
	case WIRE_REPLACE_BODY:
		reply->text = data;
		return true;
	case WIRE_CONTINUE:
	case WIRE_ACCEPT:
	case WIRE_REJECT:
	case WIRE_TEMPFAIL:
	case WIRE_DISCARD:
	case WIRE_SHUTDOWN:
	case WIRE_SKIP_REST:
	case WIRE_PROGRESS:
		return true;
	}
	return false;
}

bool
wire_parse_reply(struct span packet, uint32_t actions, struct wire_reply *reply)
{
	static const struct {
		char letter;
		enum wire_kind kind;
		uint32_t needs; /* one of these actions; 0: none */
	} letters[] = {
		{ 'c', WIRE_CONTINUE, 0 },
		{ 'a', WIRE_ACCEPT, 0 },
		{ 'r', WIRE_REJECT, 0 },
		{ 't', WIRE_TEMPFAIL, 0 },
		{ 'd', WIRE_DISCARD, 0 },
		{ 'f', WIRE_SHUTDOWN, 0 }, /* "connection failed" */
		{ '4', WIRE_SHUTDOWN, 0 },
		{ 'y', WIRE_REPLY, 0 },
		{ 's', WIRE_SKIP_REST, 0 },
		{ 'p', WIRE_PROGRESS, 0 },
		{ 'q', WIRE_QUARANTINE, WIRE_MAY_QUARANTINE },
		{ 'h', WIRE_ADD_HEADER, WIRE_MAY_ADD_HEADER },
		{ 'i', WIRE_INSERT_HEADER, WIRE_MAY_ADD_HEADER },
		{ 'm', WIRE_CHANGE_HEADER, WIRE_MAY_CHANGE_HEADER },
		{ '+', WIRE_ADD_RCPT, WIRE_MAY_ADD_RCPT },
		{ '2', WIRE_ADD_RCPT, WIRE_MAY_ADD_RCPT_ARGS },
		{ '-', WIRE_DELETE_RCPT, WIRE_MAY_DELETE_RCPT },
		{ 'e', WIRE_CHANGE_SENDER, WIRE_MAY_CHANGE_SENDER },
		{ 'b', WIRE_REPLACE_BODY, WIRE_MAY_CHANGE_BODY },
	};

	*reply = (struct wire_reply){ .kind = WIRE_CONTINUE };
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
		if (packet.len == 0 || packet.ptr[0] != letters[i].letter)
			continue;
		reply->kind = letters[i].kind;
		return (letters[i].needs == 0 ||
			   (actions & letters[i].needs) != 0) &&
		       parse_data(span_slice(packet, 1, packet.len), reply);
	}
	return false;
}

/* The words of one line of a reply: without its code. */
static struct span
words_of(struct span line)
{
	line = span_trim(line);
	if (line.len >= 4 && (line.ptr[3] == '-' || line.ptr[3] == ' '))
		return span_slice(line, 4, line.len);
	return span_slice(line, 3, line.len);
}

/* Milters write % as %%, and may send what a reply may not have. */
static void
add_words(struct buf *line, struct span words)
{
	for (size_t i = 0; i < words.len && line->len < FILTER_REPLY_MAX; i++) {
		char c = words.ptr[i];

		if (c == '%' && i + 1 < words.len && words.ptr[i + 1] == '%')
			i++;
		buf_add_char(line, c >= ' ' && c <= '~' ? c : '?');
	}
}

bool
wire_add_reply_line(struct buf *buf, struct span text)
{
	struct buf line = buf_new(FILTER_REPLY_MAX);
	struct span rest = text;
	bool is_first = true;

	while (rest.len > 0) {
		struct span part = span_cut(&rest, '\n');

		if (is_first) {
			add_words(&line, span_slice(part, 0, 3));
			is_first = false;
		}
		if (line.len < FILTER_REPLY_MAX)
			buf_add_char(&line, ' ');
		add_words(&line, words_of(part));
	}
	bool is_reply = filter_is_reply(buf_span(&line), '4') ||
			filter_is_reply(buf_span(&line), '5');
	if (is_reply)
		buf_add(buf, buf_span(&line));
	buf_free(&line);
	return is_reply;
}
