/*
 * url_fuzz - any text is an IMAP URL of CATENATE, or one with URLAUTH, or
 * none; what it names is text in UTF-8 without a NUL, no IMAPURL_MAX is passed,
 * and a token that was made of a rump is its token, and of no other.
 */

#include <stdint.h>
#include <stdlib.h>

#include "imapd/urlauth.h"
#include "mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static bool
is_text(struct span text)
{
	return utf8_is_valid(text) && span_index(text, '\0') == text.len;
}

static void
look_at_relative(struct span text)
{
	struct imapurl url;

	if (!imapurl_parse(&url, text))
		return;
	require(url.uid != 0 &&
		url.folder.len + url.section.len <= IMAPURL_MAX &&
		url.has_folder == (url.folder.len > 0) && url.length != 0 &&
		is_text(url.folder) && is_text(url.section));
	imapurl_free(&url);
}

/* What GENURLAUTH answers can be read again. */
static void
look_at_token(const struct imapurl *url)
{
	static const struct urlkey key = { "a key" };
	static const struct urlkey other = { "another key" };
	struct imapurl again;
	struct buf text = buf_new(IMAPURL_MAX + 100);

	buf_add(&text, url->rump);
	urlauth_add(&text, &key, url->rump);
	if (text.len <= IMAPURL_MAX) {
		require(imapurl_parse_authorized(&again, buf_span(&text)));
		require(span_equal(again.rump, url->rump) &&
			span_equal(again.owner, url->owner) &&
			urlauth_is_token(again.token, &key, again.rump) &&
			!urlauth_is_token(again.token, &other, again.rump) &&
			!urlauth_is_token(again.token, &key, again.owner));
		imapurl_free(&again);
	}
	buf_free(&text);
}

static void
look_at_authorized(struct span text)
{
	static const struct urlkey key = { "a key" };
	struct imapurl url;

	if (!imapurl_parse_authorized(&url, text))
		return;
	require(
	    text.len <= IMAPURL_MAX && url.uid != 0 && url.length != 0 &&
	    url.owner.len > 0 && url.folder.len > 0 && is_text(url.owner) &&
	    is_text(url.folder) && is_text(url.section) && is_text(url.user) &&
	    span_is_ascii(text) && span_starts(text, url.rump) &&
	    (url.user.len > 0) ==
		(url.access == IMAPURL_SUBMIT || url.access == IMAPURL_USER) &&
	    (url.mechanism.len > 0) == (url.token.len > 0) &&
	    !urlauth_is_token(url.token, &key, url.rump));
	look_at_token(&url);
	imapurl_free(&url);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };

	look_at_relative(text);
	look_at_authorized(text);
	return 0;
}
