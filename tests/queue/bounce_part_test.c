/*
 * bounce_part_test - queue/bounce_part.c: as what a message comes back.
 */

#include "queue/bounce_part.h"

#include <string.h>

#include "mail/transfer.h"
#include "test.h"

#define WIDE "Gr\xc3\xbc\xc3\x9f"

static const struct {
	const char *message;
	const char *type; /* NULL: its header alone */
} messages[] = {
	{ "Subject: x\n\nplain\n", "message/rfc822" },
	{ "Subject: x\n\n" WIDE "\n", "message/rfc822" },
	{ "Subject: x\n\n\xff\n", "message/rfc822" },
	{ "Subject: " WIDE "\n\nplain\n", "message/global" },
	{ "Subject: " WIDE "\n\n\xff\n", NULL },
	{ "Subject: \xfc\n\nplain\n", NULL },
	{ "Subject: \xfc", NULL },
	{ "Content-Type: multipart/signed; boundary=s\n\n--s\n\n\xff\n--s--\n",
	    "message/global" },
};

/* depth multiparts in each other, and a byte beyond ASCII. */
static bool
is_of_type(size_t depth, const char *type)
{
	struct buf message = buf_new(1 << 20);

	for (size_t i = 0; i < depth; i++)
		buf_printf(&message,
		    "Content-Type: multipart/mixed; boundary=b%zu\n\n--b%zu\n",
		    i, i);
	buf_add_string(&message, "\n\xff\n");
	bool is_same =
	    strcmp(bounce_part_message_type(buf_span(&message)), type) == 0;
	buf_free(&message);
	return is_same;
}

static bool
is_long_of_type(const char *end, const char *expected)
{
	struct buf message = buf_new(1 << 20);

	buf_add_string(&message, "Subject: x\n\n");
	for (size_t i = 0; i <= TRANSFER_LINE_MAX; i++)
		buf_add_char(&message, 'x');
	buf_add_string(&message, end);
	const char *type = bounce_part_message_type(buf_span(&message));
	buf_free(&message);
	return type != NULL && strcmp(type, expected) == 0;
}

static bool
is_part(const char *type, const char *content, const char *expected)
{
	struct buf part = buf_new(1000);

	bounce_part_add(&part, "b", type, span_of(content));
	bool is_same = span_equal(buf_span(&part), span_of(expected));
	buf_free(&part);
	return is_same;
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		const char *type =
		    bounce_part_message_type(span_of(messages[i].message));

		CHECK(messages[i].message,
		    messages[i].type == NULL
			? type == NULL
			: type != NULL && strcmp(type, messages[i].type) == 0);
	}
	CHECK("as deep as can be converted within the report",
	    is_of_type(TRANSFER_DEPTH_MAX - 1, "message/rfc822"));
	CHECK("deeper", is_of_type(TRANSFER_DEPTH_MAX, "message/global"));
	CHECK("a long line of ASCII", is_long_of_type("\n", "message/rfc822"));
	CHECK("and one that is not",
	    is_long_of_type("\n\xff\n", "message/global"));
	CHECK("ASCII stays", is_part("text/plain", "a\n=\n",
				 "--b\nContent-Type: text/plain\n\na\n=\n\n"));
	CHECK("text is quoted",
	    is_part("text/plain", "\xff\n--b\n",
		"--b\nContent-Type: text/plain\nContent-Transfer-Encoding: "
		"quoted-printable\n\n=FF\n=2D-b\n\n"));
	CHECK("a message is not",
	    is_part("message/rfc822", "\n\xff\n",
		"--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: "
		"8bit\n\n\n\xff\n\n"));
	return test_result();
}
