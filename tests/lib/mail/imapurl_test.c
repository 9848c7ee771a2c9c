/* imapurl_test - IMAP URLs, RFC 5092 section 11, RFC 4467 section 3. */

#include "mail/imapurl.h"

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

static const struct {
	const char *text;
	const char *owner;
	const char *folder;
	enum imapurl_access access;
	const char *user;
	int64_t expires_s; /* 0: it does not */
	size_t rump_len;   /* 0: all of it */
	const char *mechanism;
	const char *token;
} authorized[] = {
	{ "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth="
	  "submit+fred:internal:91354a473744909de610943775f92038",
	    "joe", "INBOX", IMAPURL_SUBMIT, "fred", 0, 69, "internal",
	    "91354a473744909de610943775f92038" },
	{ "IMAP://j%40x;AUTH=PLAIN@[::1]:143/a/b;UIDVALIDITY=3/;UID=1;"
	  "expire=2026-11-25T03:00:00Z;urlauth=USER+f%20d",
	    "j@x", "a/b", IMAPURL_USER, "f d", 1795575600, 0, "", "" },
	{ "imap://a@h/b/;UID=1/;PARTIAL=3.4;URLAUTH=AuthUser", "a", "b",
	    IMAPURL_AUTHUSER, "", 0, 0, "", "" },
	{ "imap://a@h/b/;UID=1;URLAUTH=anonymous:X:y", "a", "b",
	    IMAPURL_ANONYMOUS, "", 0, 37, "X", "y" },
};

static const char *const unauthorized[] = { "", "imap://", "imap:///",
	"imap://a@h", "imap://a@h/", "imap://a@h/b/;UID=1",
	"imap://h/b/;UID=1;URLAUTH=anonymous",
	"imap://@h/b/;UID=1;URLAUTH=anonymous",
	"imap://;AUTH=*@h/b/;UID=1;URLAUTH=anonymous",
	"imap://a@/b/;UID=1;URLAUTH=anonymous",
	"imap://a@b@h/b/;UID=1;URLAUTH=anonymous",
	"imap://a@h%41/b/;UID=1;URLAUTH=anonymous",
	"imap://%00@h/b/;UID=1;URLAUTH=anonymous",
	"imap://%ff@h/b/;UID=1;URLAUTH=anonymous",
	"imap://a@h/;UID=1;URLAUTH=anonymous",
	"imap://a@h//b/;UID=1;URLAUTH=anonymous",
	"imap://a@h/b;URLAUTH=anonymous", "imap://a@h/b?x;URLAUTH=anonymous",
	"imap://a@h/b/;UID=1;URLAUTH=", "imap://a@h/b/;UID=1;URLAUTH=x",
	"imap://a@h/b/;UID=1;URLAUTH=user+",
	"imap://a@h/b/;UID=1;URLAUTH=user+a@b",
	"imap://a@h/b/;UID=1;URLAUTH=user+a/b",
	"imap://a@h/b/;UID=1;URLAUTH=anonymous:",
	"imap://a@h/b/;UID=1;URLAUTH=anonymous:x",
	"imap://a@h/b/;UID=1;URLAUTH=anonymous:x:",
	"imap://a@h/b/;UID=1;URLAUTH=anonymous::x",
	"imap://a@h/b/;UID=1;URLAUTH=anonymous;EXPIRE=2026-11-25T03:00:00Z",
	"imap://a@h/b/;UID=1;EXPIRE=;URLAUTH=anonymous",
	"imap://a@h/b/;UID=1;EXPIRE=2026-11-25;URLAUTH=anonymous",
	"imap://a@h/b/;UID=1;EXPIRE=2026-11-25 03:00:00Z;URLAUTH=anonymous",
	"imap://a@h/b/;UID=1;URLAUTH=anonymous:x:y z",
	"imap://a@h/b/;UID=1;URLAUTH=anonymous:x:\"",
	"imap://a@h/\xc3\xa9/;UID=1;URLAUTH=anonymous",
	"imaps://a@h/b/;UID=1;URLAUTH=anonymous" };

static void
test_authorized(void)
{
	struct imapurl url;
	struct buf code = buf_new(100);

	for (size_t i = 0; i < sizeof(authorized) / sizeof(*authorized); i++) {
		struct span text = span_of(authorized[i].text);
		size_t rump_len = authorized[i].rump_len;
		bool is_read = imapurl_parse_authorized(&url, text);

		CHECK(authorized[i].text,
		    is_read &&
			span_equal(url.owner, span_of(authorized[i].owner)) &&
			span_equal(url.folder, span_of(authorized[i].folder)) &&
			url.access == authorized[i].access &&
			span_equal(url.user, span_of(authorized[i].user)) &&
			url.has_expiry == (authorized[i].expires_s != 0) &&
			url.expires_s == authorized[i].expires_s &&
			url.rump.ptr == text.ptr &&
			url.rump.len == (rump_len == 0 ? text.len : rump_len) &&
			span_equal(
			    url.mechanism, span_of(authorized[i].mechanism)) &&
			span_equal(url.token, span_of(authorized[i].token)));
		if (is_read)
			imapurl_free(&url);
	}
	for (size_t i = 0; i < sizeof(unauthorized) / sizeof(*unauthorized);
	     i++)
		CHECK(unauthorized[i],
		    !imapurl_parse_authorized(&url, span_of(unauthorized[i])));
	imapurl_add_shown(&code, span_of("a]\r b"));
	CHECK("BADURL", span_equal(buf_span(&code), span_of("a%5D%0D b")));
	buf_free(&code);
}

int
main(void)
{
	struct imapurl url;
	char large[IMAPURL_MAX + 16];

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		bool is_read = imapurl_parse(&url, span_of(good[i].text));

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
			imapurl_free(&url);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(bad[i], !imapurl_parse(&url, span_of(bad[i])));
	memset(large, 'x', sizeof(large));
	memcpy(large + sizeof(large) - 8, "/;UID=1", 8);
	CHECK("too long", !imapurl_parse(&url, span_of(large)));
	test_authorized();
	return test_result();
}
