#include "imapd/urlauth.h"

#include <time.h>

#include <nettle/hmac.h>
#include <nettle/memops.h>

#include "imapd/handlers.h"
#include "imapd/output.h"
#include "imapd/rights.h"

enum {
	MADE_BY_HMAC_SHA256 = 1 /* the first octet of a token */
};

static const char mechanism[] = "INTERNAL";

/* ---- tokens ---- */

static void
make_token(const struct urlkey *key, struct span rump,
    uint8_t token[URLAUTH_TOKEN_SIZE])
{
	struct hmac_sha256_ctx hmac;

	token[0] = MADE_BY_HMAC_SHA256;
	hmac_sha256_set_key(&hmac, URLKEY_SIZE, key->bytes);
	hmac_sha256_update(&hmac, rump.len, (const uint8_t *)rump.ptr);
	hmac_sha256_digest(&hmac, URLAUTH_TOKEN_SIZE - 1, token + 1);
}

void
urlauth_add(struct buf *into, const struct urlkey *key, struct span rump)
{
	uint8_t token[URLAUTH_TOKEN_SIZE];

	make_token(key, rump, token);
	buf_add_string(into, ":internal:");
	for (size_t i = 0; i < sizeof(token); i++)
		buf_printf(into, "%02x", token[i]);
}

static bool
read_token(struct span text, uint8_t token[URLAUTH_TOKEN_SIZE])
{
	if (text.len != (size_t)2 * URLAUTH_TOKEN_SIZE)
		return false;
	for (size_t i = 0; i < URLAUTH_TOKEN_SIZE; i++) {
		uint64_t octet;

		if (!span_number(
			span_slice(text, 2 * i, 2), 16, UINT8_MAX, &octet))
			return false;
		token[i] = (uint8_t)octet;
	}
	return true;
}

bool
urlauth_is_token(struct span text, const struct urlkey *key, struct span rump)
{
	uint8_t token[URLAUTH_TOKEN_SIZE];
	uint8_t right[URLAUTH_TOKEN_SIZE];

	make_token(key, rump, right);
	return read_token(text, token) &&
	       memeql_sec(token, right, sizeof(right)) != 0;
}

/* ---- what a URL permits ---- */

/* "joe" or, if that is no address itself, "joe@DOMAIN". */
static bool
is_named(struct span name, struct span account)
{
	struct span local = span_slice(name, 0, span_index(name, '@'));

	return span_equal(name, account) || span_equal(local, account);
}

bool
urlauth_is_owner(const struct session *session, struct span name, bool *is_sure)
{
	const struct session_settings *settings = session->settings;
	struct span account =
	    span_of(settings->owner != NULL ? settings->owner : settings->user);

	/* login has looked up the name for whom it starts one. */
	*is_sure = settings->is_url_reader || span_equal(name, account);
	return is_named(name, account);
}

static bool
is_for(const struct session *session, const struct imapurl *url)
{
	/* RFC 4468 section 3.1: what is submitted is for that alone.  smtpd
	   has looked at the domain. */
	if (session->settings->is_burl)
		return url->access == IMAPURL_SUBMIT &&
		       is_named(url->user, span_of(session->settings->user));
	switch (url->access) {
	case IMAPURL_SUBMIT: /* for whom, the submitter has looked at */
		return session->settings->is_submitter;
	case IMAPURL_USER:
		return span_equal(url->user, span_of(session->settings->user));
	case IMAPURL_AUTHUSER:
	case IMAPURL_ANONYMOUS: /* there is no log-in without a name here */
		return true;
	}
	return false;
}

/* A folder of the account itself: what others share is theirs to hand out. */
static bool
is_own_folder(const struct session *session, const struct imapurl *url)
{
	return !session->settings->can_share ||
	       !rights_is_of_others(url->folder);
}

bool
urlauth_permits(struct session *session, const struct imapurl *url)
{
	struct urlkey key;
	bool is_sure;

	return urlauth_is_owner(session, url->owner, &is_sure) &&
	       span_equal_nocase(url->mechanism, span_of(mechanism)) &&
	       (!url->has_expiry || (int64_t)time(NULL) < url->expires_s) &&
	       is_for(session, url) && is_own_folder(session, url) &&
	       urlkey_read(session->account, url->folder, &key) == ACCOUNT_OK &&
	       urlauth_is_token(url->token, &key, url->rump);
}

/* ---- GENURLAUTH, RFC 4467 section 7 ---- */

static void
refuse(struct session *session, struct span text)
{
	struct buf line = buf_new((size_t)IMAPURL_MAX * 4);

	buf_add_string(&line, "BAD [BADURL ");
	imapurl_add_shown(&line, text);
	buf_add_string(&line, "] it names nothing that you can give away");
	session_finish(session, buf_string(&line));
	buf_free(&line);
}

/* Append the URL with its token; false after an answer. */
static bool
generate(struct session *session, struct span text, struct buf *into)
{
	struct imapurl url;
	struct urlkey key;
	bool is_sure;
	enum account_status status = ACCOUNT_NONEXISTENT;

	if (!imapurl_parse_authorized(&url, text)) {
		refuse(session, text);
		return false;
	}
	if (url.mechanism.len == 0 &&
	    urlauth_is_owner(session, url.owner, &is_sure) &&
	    is_own_folder(session, &url))
		status = urlkey_make(session->account, url.folder, &key);
	if (status == ACCOUNT_OK) {
		buf_add_string(into, " \"");
		buf_add(into, url.rump);
		urlauth_add(into, &key, url.rump);
		buf_add_string(into, "\"");
	} else if (status == ACCOUNT_NONEXISTENT || status == ACCOUNT_INVALID) {
		refuse(session, text);
	} else {
		session_fail(session, status);
	}
	imapurl_free(&url);
	return status == ACCOUNT_OK;
}

static bool
parse_mechanism(struct parse *parse)
{
	return parse_space(parse) && parse_keyword(parse, mechanism);
}

void
handle_gen_urlauth(struct session *session, struct parse *parse)
{
	struct buf made = buf_new(SIZE_MAX / 2);
	struct span text;
	bool is_good = true;

	do {
		if (!parse_space(parse) || !parse_astring(parse, &text) ||
		    !parse_mechanism(parse)) {
			session_bad(session, "BAD GENURLAUTH URL INTERNAL ...");
			is_good = false;
		} else {
			is_good = generate(session, text, &made);
		}
	} while (is_good && !parse_is_end(parse));
	if (is_good) {
		put(session, "* GENURLAUTH");
		put_span(session, buf_span(&made));
		put(session, "\r\n");
		session_finish(session, "OK done");
	}
	buf_free(&made);
}

/* ---- RESETKEY ---- */

static void
look(struct session *session)
{
	session->urlkey_stamp =
	    urlkey_stamp(session->account, buf_span(&session->folder_name));
}

void
urlauth_tell_mechanisms(struct session *session)
{
	if (rights_is_guest(session))
		return;
	look(session);
	put_reply(
	    session, "* OK [URLMECH INTERNAL] URLs of it can be given away");
}

void
urlauth_tell_reset(struct session *session)
{
	uint64_t before = session->urlkey_stamp;

	if (rights_is_guest(session))
		return;
	look(session);
	if (before != 0 && before != session->urlkey_stamp)
		put_reply(session,
		    "* OK [URLMECH INTERNAL] no URL given away is valid now");
}

static void
finish_reset(struct session *session, enum account_status status)
{
	if (status != ACCOUNT_OK) {
		session_fail(session, status);
		return;
	}
	if (session->folder != NULL)
		look(session);
	session_finish(session, "OK [URLMECH INTERNAL] done");
}

void
handle_reset_key(struct session *session, struct parse *parse)
{
	struct buf name;

	if (parse_is_end(parse)) {
		finish_reset(session, urlkey_remove_all(session->account));
		return;
	}
	if (!parse_space(parse)) {
		session_bad(session, "BAD RESETKEY NAME INTERNAL ...");
		return;
	}
	if (!parse_folder_name(session, parse, &name))
		return;
	while (!parse_is_end(parse))
		if (!parse_mechanism(parse)) {
			session_bad(session, "BAD RESETKEY NAME INTERNAL ...");
			buf_free(&name);
			return;
		}
	finish_reset(session, urlkey_reset(session->account, buf_span(&name)));
	buf_free(&name);
}
