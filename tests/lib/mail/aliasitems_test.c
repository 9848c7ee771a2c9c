/*
 * aliasitems_test - each form of a right-hand side, good and broken.
 */

#include "mail/aliasitems.h"
#include "test.h"

static const struct {
	const char *text;
	enum alias_item_status status;
	enum alias_item_kind kind;
	const char *value;
} cases[] = {
	{ "joe", ALIAS_ITEM_OK, ALIAS_NAME, "joe" },
	{ "  joe+x , next", ALIAS_ITEM_OK, ALIAS_NAME, "joe+x" },
	{ "\"joe doe\"", ALIAS_ITEM_OK, ALIAS_NAME, "joe doe" },
	{ "joe@example.org", ALIAS_ITEM_OK, ALIAS_ADDRESS, "joe@example.org" },
	{ "\"a, b\"@example.org", ALIAS_ITEM_OK, ALIAS_ADDRESS,
	    "\"a, b\"@example.org" },
	{ "\"joe@example.org\"", ALIAS_ITEM_OK, ALIAS_ADDRESS,
	    "joe@example.org" },
	{ "\\joe", ALIAS_ITEM_OK, ALIAS_FINAL_NAME, "joe" },
	{ "\"\\joe\"", ALIAS_ITEM_OK, ALIAS_FINAL_NAME, "joe" },
	{ "/var/mail/x", ALIAS_ITEM_OK, ALIAS_FILE, "/var/mail/x" },
	{ "\"/with, comma\"", ALIAS_ITEM_OK, ALIAS_FILE, "/with, comma" },
	{ "|cat", ALIAS_ITEM_OK, ALIAS_PROGRAM, "cat" },
	{ "\"|cat a, b\"", ALIAS_ITEM_OK, ALIAS_PROGRAM, "cat a, b" },
	{ "|\"cat a, b\"", ALIAS_ITEM_OK, ALIAS_PROGRAM, "cat a, b" },
	{ "\"|echo \\\"x\\\" \\\\ \\n\"", ALIAS_ITEM_OK, ALIAS_PROGRAM,
	    "echo \"x\" \\ \\n" },
	{ "| grep \"a, b\" file", ALIAS_ITEM_OK, ALIAS_PROGRAM,
	    "grep \"a, b\" file" },
	{ ":include:/etc/list", ALIAS_ITEM_OK, ALIAS_INCLUDE, "/etc/list" },
	{ "\":include:/etc/my list\"", ALIAS_ITEM_OK, ALIAS_INCLUDE,
	    "/etc/my list" },
	{ ":INCLUDE: /etc/list", ALIAS_ITEM_OK, ALIAS_INCLUDE, "/etc/list" },
	{ ",, ,joe", ALIAS_ITEM_OK, ALIAS_NAME, "joe" },
	{ "", ALIAS_ITEM_END, 0, "" },
	{ " , ", ALIAS_ITEM_END, 0, "" },
	{ "\"joe", ALIAS_ITEM_OPEN_QUOTE, 0, "" },
	{ "\"joe\\\"", ALIAS_ITEM_OPEN_QUOTE, 0, "" },
	{ "\"a\" b", ALIAS_ITEM_AFTER_QUOTE, 0, "" },
	{ "joe doe", ALIAS_ITEM_BAD_NAME, 0, "" },
	{ "<joe>", ALIAS_ITEM_BAD_NAME, 0, "" },
	{ "@example.org", ALIAS_ITEM_BAD_ADDRESS, 0, "" },
	{ "joe@", ALIAS_ITEM_BAD_ADDRESS, 0, "" },
	{ "joe\tdoe", ALIAS_ITEM_CONTROL_BYTE, 0, "" },
	{ "|", ALIAS_ITEM_EMPTY, 0, "" },
	{ "\\", ALIAS_ITEM_EMPTY, 0, "" },
	{ "\"\"", ALIAS_ITEM_EMPTY, 0, "" },
	{ ":include:list", ALIAS_ITEM_BAD_PATH, 0, "" },
};

int
main(void)
{
	struct buf text = buf_new(12000);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span rest = span_of(cases[i].text);
		struct alias_item item;
		enum alias_item_status status =
		    alias_item_next(&rest, &text, &item);

		CHECK(
		    cases[i].text, status == cases[i].status &&
				       (status != ALIAS_ITEM_OK ||
					   (item.kind == cases[i].kind &&
					       span_equal(item.text,
						   span_of(cases[i].value)))));
	}
	struct span rest = span_of("\"open, joe");
	struct alias_item item;
	CHECK("after an error the reader goes on to the end",
	    alias_item_next(&rest, &text, &item) == ALIAS_ITEM_OPEN_QUOTE &&
		alias_item_next(&rest, &text, &item) == ALIAS_ITEM_OK &&
		span_equal(item.text, span_of("joe")));
	buf_free(&text);
	return test_result();
}
