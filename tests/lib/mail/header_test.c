/*
 * header_test - lib/mail/header.c and lib/mail/addrlist.c: RFC 5322.
 */

#include "mail/header.h"

#include "mail/addrlist.h"
#include "test.h"

static const char message[] = "Received: a\n\tb\n"
			      "Subject:  hello\n world \n"
			      "not a field\n"
			      "To: joe\n"
			      "\n"
			      "Subject: body\n";

static void
test_find(void)
{
	struct span header = header_of(span_of(message));
	struct buf text = buf_new(100);
	struct span value;

	CHECK("body is not header",
	    span_equal(
		span_slice(header, header.len - 8, 8), span_of("To: joe\n")));
	CHECK("found", header_find(header, "SUBJECT", &value));
	header_add_unfolded(&text, value);
	CHECK("unfolded", span_equal(buf_span(&text), span_of("hello world")));
	CHECK("absent", !header_find(header, "Cc", &value));
	CHECK("after junk", header_find(header, "To", &value));
	buf_free(&text);
}

static const struct {
	const char *list;
	const char *addresses;
} lists[] = {
	{ "joe@a.example", "joe@a.example|" },
	{ "Joe <joe@a.example>, ann", "joe@a.example|ann|" },
	{ "\"Doe, J\" <j@x> (a, comment), k@y", "j@x|k@y|" },
	{ "friends: a@x, b@y; , ,c@z", "a@x|b@y|c@z|" },
	{ "\"a b\"@x", "\"a b\"@x|" },
	{ "undisclosed-recipients:;", "" },
	{ "", "" },
	{ "<a@x", "a@x|" },
	{ "(unclosed", "" },
};

static void
test_lists(void)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct buf all = buf_new(1000);
		struct buf one = buf_new(1000);
		struct span rest = span_of(lists[i].list);

		while (addrlist_next(&rest, &one)) {
			buf_add(&all, buf_span(&one));
			buf_add_char(&all, '|');
		}
		CHECK(lists[i].list,
		    span_equal(buf_span(&all), span_of(lists[i].addresses)));
		buf_free(&all);
		buf_free(&one);
	}
}

static const struct {
	const char *value;
	const char *logged;
} message_ids[] = {
	{ " <a@b>", "<a@b>" },
	{ "<a@b> ", "<a@b>" },
	{ "a@b", "" },
	{ "<>", "" },
	{ "<a b@c>", "" },
	{ "<a\x1b[2J@c>", "" },
	{ "<a\xc3\xa9@c>", "" },
	{ "", "" },
};

static void
test_message_ids(void)
{
	for (size_t i = 0; i < sizeof(message_ids) / sizeof(*message_ids);
	     i++) {
		struct buf id = buf_new(MESSAGE_ID_MAX);

		header_add_message_id(&id, span_of(message_ids[i].value));
		CHECK(message_ids[i].value,
		    span_equal(buf_span(&id), span_of(message_ids[i].logged)));
		buf_free(&id);
	}
}

int
main(void)
{
	test_message_ids();
	test_find();
	test_lists();
	return test_result();
}
