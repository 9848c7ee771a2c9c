/*
 * wire_test - the milter protocol's packets, as they come from a milter.
 */

#include "filter/wire.h"

#include "test.h"

#define PACKET(text)                                                           \
	{                                                                      \
		text, sizeof(text) - 1                                         \
	}

static const struct {
	const char *label;
	struct span packet;
	uint32_t actions;
	bool is_good;
	enum wire_kind kind;
	const char *text; /* text, or name=value@index */
} replies[] = {
	{ "continue", PACKET("c"), 0, true, WIRE_CONTINUE, "" },
	{ "nothing", PACKET(""), 0, false, WIRE_CONTINUE, "" },
	{ "unknown", PACKET("?"), 0, false, WIRE_CONTINUE, "" },
	{ "reply", PACKET("y550 5.7.1 no\0"), 0, true, WIRE_REPLY,
	    "550 5.7.1 no" },
	{ "reply without end", PACKET("y550 no"), 0, false, WIRE_REPLY, "" },
	{ "add", PACKET("hX\0v\0"), 0x1, true, WIRE_ADD_HEADER, "X=v@0" },
	{ "add, not announced", PACKET("hX\0v\0"), 0x10, false, WIRE_ADD_HEADER,
	    "" },
	{ "add, no value", PACKET("hX\0v"), 0x1, false, WIRE_ADD_HEADER, "" },
	{ "insert", PACKET("i\0\0\1\2X\0v\0"), 0x1, true, WIRE_INSERT_HEADER,
	    "X=v@258" },
	{ "insert, half an index", PACKET("i\0\0"), 0x1, false,
	    WIRE_INSERT_HEADER, "" },
	{ "delete", PACKET("m\0\0\0\1X\0\0"), 0x10, true, WIRE_CHANGE_HEADER,
	    "X=@1" },
	{ "recipient", PACKET("+<a@b>\0"), 0x4, true, WIRE_ADD_RCPT, "a@b" },
	{ "with arguments", PACKET("2<a@b>\0NOTIFY=NEVER\0"), 0x80, true,
	    WIRE_ADD_RCPT, "a@b" },
	{ "sender", PACKET("e<>\0"), 0x40, true, WIRE_CHANGE_SENDER, "" },
	{ "quarantine", PACKET("qodd\0"), 0x20, true, WIRE_QUARANTINE, "odd" },
	{ "body", PACKET("ba\0b"), 0x2, true, WIRE_REPLACE_BODY, NULL },
};

static void
test_replies(void)
{
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		struct buf got = buf_new(100);
		struct wire_reply reply;
		bool is_good = wire_parse_reply(
		    replies[i].packet, replies[i].actions, &reply);

		if (reply.name.len > 0) {
			buf_add(&got, reply.name);
			buf_add_char(&got, '=');
			buf_add(&got, reply.value);
			buf_printf(&got, "@%u", reply.index);
		} else {
			buf_add(&got, reply.text);
		}
		CHECK(replies[i].label,
		    is_good == replies[i].is_good &&
			(!is_good || (reply.kind == replies[i].kind &&
					 (replies[i].text == NULL ||
					     span_equal(buf_span(&got),
						 span_of(replies[i].text))))));
		buf_free(&got);
	}
}

static const struct {
	const char *text;
	const char *line; /* NULL: none */
} lines[] = {
	{ "550 5.7.1 no", "550 5.7.1 no" },
	{ "550-5.7.1 two\r\n550 5.7.1 lines", "550 5.7.1 two 5.7.1 lines" },
	{ "451 4.7.1 50%% of it", "451 4.7.1 50% of it" },
	{ "550 5.7.1 b\303\244d\tthing", "550 5.7.1 b??d?thing" },
	{ "250 fine", NULL },
	{ "nonsense", NULL },
	{ "55", NULL },
	{ "", NULL },
	{ "550 4.7.1 mixed", NULL },
};

static void
test_lines(void)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct buf line = buf_new(500);
		bool is_line =
		    wire_add_reply_line(&line, span_of(lines[i].text));

		CHECK(lines[i].text,
		    is_line == (lines[i].line != NULL) &&
			span_equal(buf_span(&line),
			    span_of(is_line ? lines[i].line : "")));
		buf_free(&line);
	}
}

static void
test_options(void)
{
	static const char packet[] = "O\0\0\0\6\0\0\0\1\0\0\0\x3"
				     "\0\0\0\2i j\0\0\0\0\5x\0";
	struct span whole = { packet, sizeof(packet) - 1 };
	struct wire_options options;
	struct span list;

	CHECK("options", wire_parse_options(whole, &options) &&
			     options.version == 6 && options.actions == 1 &&
			     options.protocol == 3);
	CHECK("macros of a stage", wire_find_macros(&options, 2, &list) &&
				       span_equal(list, span_of("i j")));
	CHECK("of another", wire_find_macros(&options, 5, &list) &&
				span_equal(list, span_of("x")));
	CHECK("of none", !wire_find_macros(&options, 3, &list));
	for (size_t len = 0; len < 13; len++)
		CHECK("cut short",
		    !wire_parse_options(span_slice(whole, 0, len), &options));
	CHECK("length", wire_length("\0\0\1\0") == 256);
	CHECK("too long", wire_length("\0\x10\0\0") == 0);
}

int
main(void)
{
	test_replies();
	test_lines();
	test_options();
	return test_result();
}
