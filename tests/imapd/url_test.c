/* url_test - relative IMAP URLs, RFC 5092 section 11. */

#include "imapd/url.h"

#include "test.h"

static const struct {
	const char *text;
	const char *folder; /* NULL: none is named */
	bool is_rooted;
	uint32_t uid_validity;
	uint32_t uid;
	const char *section;
	uint64_t offset;
	uint64_t length;
} good[] = {
	{ "/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER", "Drafts",
	    true, 385759045, 20, "HEADER", 0, UINT64_MAX },
	{ "/a/b/;UID=1", "a/b", true, 0, 1, "", 0, UINT64_MAX },
	{ "a%2Fb/;uid=4294967295", "a/b", false, 0, UINT32_MAX, "", 0,
	    UINT64_MAX },
	{ ";UID=7", NULL, false, 0, 7, "", 0, UINT64_MAX },
	{ ";UID=7/;SECTION=1.2.MIME/;PARTIAL=3.4", NULL, false, 0, 7,
	    "1.2.MIME", 3, 4 },
	{ ";UID=7/;PARTIAL=3", NULL, false, 0, 7, "", 3, UINT64_MAX },
	{ "/R%C3%A9sum%c3%a9%20x/;UID=2/;SECTION=HEADER.FIELDS%20(To)",
	    "R\xc3\xa9sum\xc3\xa9 x", true, 0, 2, "HEADER.FIELDS (To)", 0,
	    UINT64_MAX },
	{ "/\xc3\xa9%3B%25/;UID=2", "\xc3\xa9;%", true, 0, 2, "", 0,
	    UINT64_MAX },
};

static const char *const bad[] = { "", "/", "/Drafts", ";UID=", ";UID=0",
	";UID=x", ";UID=4294967296", ";UID=1 ", "/;UID=1", "//host/a/;UID=1",
	"imap://host/a/;UID=1;URLAUTH=x", "/a;UIDVALIDITY=0/;UID=1",
	"/a;UIDVALIDITY=/;UID=1", "/a;x=1/;UID=1", "/a?b/;UID=1", "/a b/;UID=1",
	"/%/;UID=1", "/%4/;UID=1", "/%4g/;UID=1", "/%00/;UID=1", "/%ff/;UID=1",
	"/\xff/;UID=1",
	";UID=1/;SECTION=", ";UID=1/;PARTIAL=", ";UID=1/;PARTIAL=1.",
	";UID=1/;PARTIAL=1.0", ";UID=1/;PARTIAL=x",
	";UID=1/;SECTION=1;URLAUTH=anonymous", ";UID=1;EXPIRE=2/;SECTION=1" };

int
main(void)
{
	struct url url;
	char large[URL_MAX + 16];

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		bool is_read = url_parse(&url, span_of(good[i].text));

		CHECK(good[i].text,
		    is_read && url.has_folder == (good[i].folder != NULL) &&
			url.is_rooted == good[i].is_rooted &&
			url.uid_validity == good[i].uid_validity &&
			url.uid == good[i].uid &&
			url.offset == good[i].offset &&
			url.length == good[i].length &&
			span_equal(url.section, span_of(good[i].section)) &&
			span_equal(url.folder,
			    span_of(
				good[i].folder == NULL ? "" : good[i].folder)));
		if (is_read)
			url_free(&url);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(bad[i], !url_parse(&url, span_of(bad[i])));
	memset(large, 'x', sizeof(large));
	memcpy(large + sizeof(large) - 8, "/;UID=1", 8);
	CHECK("too long", !url_parse(&url, span_of(large)));
	return test_result();
}
