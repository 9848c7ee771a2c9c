/*
 * exchange_test - the server's side of SASL, with libgsasl's client at the
 * other end and this test for login's child: each mechanism, channel binding,
 * client certificates; the keys of SCRAM; bearer tokens.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "mail/base64.h"
#include "service/exchange.h"
#include "service/oauth.h"
#include "service/scram.h"
#include "test.h"

static const char binding[] = "0123456789abcdef0123456789abcdef";

/* What the client believes of its own connection. */
static const char *client_binding;

static int
client_callback(Gsasl *library, Gsasl_session *sasl, Gsasl_property name)
{
	struct buf text = buf_new(256);
	int code = GSASL_NO_CALLBACK;

	(void)library;
	if (name == GSASL_CB_TLS_EXPORTER && client_binding != NULL) {
		base64_add(&text, span_of(client_binding));
		code = gsasl_property_set(sasl, name, buf_string(&text));
	}
	buf_free(&text);
	return code;
}

struct play {
	const char *mechanism;
	const char *user;
	const char *password;
	const char *authorization;
	const char *certificate;
	bool has_binding; /* the server's end has it */
};

static _Noreturn void
be_server(const struct exchanges *exchanges, int session)
{
	static struct sasl_request request;

	if (sasl_receive_request(session, &request, 5000) != 1)
		_exit(1);
	checkpw_send_answer(
	    session, exchange_run(exchanges, session, &request));
	_exit(0);
}

/* The account is the name itself; of a@x alone. */
static bool
answer_names(int session, const struct sasl_message *message)
{
	struct span name;
	struct span wanted;

	if (!sasl_names(message, &name, &wanted))
		return false;
	bool is_known = span_equal(name, span_of("a@x")) &&
			(wanted.len == 0 || span_equal(wanted, name));
	return sasl_send_account(session,
	    is_known ? CHECKPW_VIRTUAL : CHECKPW_NOBODY,
	    is_known ? name : span_of(""));
}

static bool
answer_challenge(
    int session, Gsasl_session *client, const struct sasl_message *message)
{
	char *bytes = NULL;
	size_t len = 0;
	int code =
	    gsasl_step(client, message->bytes, message->len, &bytes, &len);
	bool is_good = code == GSASL_OK || code == GSASL_NEEDS_MORE;

	if (is_good)
		sasl_send(session, SASL_RESPONSE, (struct span){ bytes, len });
	else
		sasl_send(session, SASL_CANCEL, span_of(""));
	gsasl_free(bytes);
	return true;
}

static enum checkpw_verdict
converse(int session, Gsasl_session *client)
{
	static struct sasl_step step;

	while (sasl_receive_step(session, &step, 5000) == 1) {
		if (step.is_verdict)
			return step.verdict;
		if (step.message.kind == SASL_NAMES
			? !answer_names(session, &step.message)
			: !answer_challenge(session, client, &step.message))
			break;
	}
	return CHECKPW_LATER;
}

static bool
begin(int session, const struct play *play)
{
	static struct sasl_request request;
	static const unsigned char nowhere[16];

	return sasl_request_init(
		   &request, LOGIN_SMTP, span_of(play->mechanism)) &&
	       login_head_set_peer(
		   &request.head, span_of("192.0.2.1"), nowhere) &&
	       sasl_request_set_channel(&request,
		   span_of(play->has_binding ? binding : ""),
		   span_of(
		       play->certificate == NULL ? "" : play->certificate)) &&
	       sasl_send_request(session, &request);
}

static enum checkpw_verdict
run_play(const struct exchanges *exchanges, const struct play *play)
{
	enum checkpw_verdict verdict = CHECKPW_LATER;
	Gsasl *library;
	Gsasl_session *client;
	int ends[2];

	fflush(stdout);
	if (!packet_pair(ends) || gsasl_init(&library) != GSASL_OK)
		exit(1);
	pid_t pid = fork();
	if (pid == 0) {
		close(ends[0]);
		be_server(exchanges, ends[1]);
	}
	close(ends[1]);
	gsasl_callback_set(library, client_callback);
	if (gsasl_client_start(library, play->mechanism, &client) == GSASL_OK) {
		gsasl_property_set(client, GSASL_AUTHID, play->user);
		gsasl_property_set(client, GSASL_PASSWORD, play->password);
		if (play->authorization != NULL)
			gsasl_property_set(
			    client, GSASL_AUTHZID, play->authorization);
		if (begin(ends[0], play))
			verdict = converse(ends[0], client);
		gsasl_finish(client);
	}
	close(ends[0]);
	waitpid(pid, NULL, 0);
	gsasl_done(library);
	return verdict;
}

static void
put(const char *name, struct span text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd == -1 || !write_all(fd, text))
		exit(1);
	close(fd);
}

static void
make_tables(const char *folder)
{
	struct buf line = buf_new(SCRAM_LINE_MAX + 64);

	if (chdir(folder) == -1)
		exit(1);
	buf_add_string(&line, "a@x:");
	CHECK("keys are made", scram_add_keys(&line, "pencil"));
	buf_add_char(&line, '\n');
	put("scram", buf_span(&line));
	put("apop", span_of("a@x:pencil\n"));
	put("scramsecret", span_of("0123456789abcdef0123456789abcdef"));
	buf_free(&line);
}

static void
test_mechanisms(const struct exchanges *exchanges)
{
	static const struct {
		const char *label;
		struct play play;
		const char *client_binding;
		enum checkpw_verdict want;
	} plays[] = {
		{ "SCRAM-SHA-256",
		    { "SCRAM-SHA-256", "a@x", "pencil", 0, 0, 0 }, NULL,
		    CHECKPW_OK },
		{ "SCRAM-SHA-1", { "SCRAM-SHA-1", "a@x", "pencil", 0, 0, 0 },
		    NULL, CHECKPW_OK },
		{ "a wrong password",
		    { "SCRAM-SHA-1", "a@x", "pencil2", 0, 0, 0 }, NULL,
		    CHECKPW_NO },
		{ "nobody", { "SCRAM-SHA-256", "b@x", "pencil", 0, 0, 0 }, NULL,
		    CHECKPW_NO },
		{ "as oneself",
		    { "SCRAM-SHA-256", "a@x", "pencil", "a@x", 0, 0 }, NULL,
		    CHECKPW_OK },
		{ "as another",
		    { "SCRAM-SHA-256", "a@x", "pencil", "b@x", 0, 0 }, NULL,
		    CHECKPW_NO },
		{ "SCRAM-SHA-256-PLUS",
		    { "SCRAM-SHA-256-PLUS", "a@x", "pencil", 0, 0, true },
		    binding, CHECKPW_OK },
		{ "SCRAM-SHA-1-PLUS",
		    { "SCRAM-SHA-1-PLUS", "a@x", "pencil", 0, 0, true },
		    binding, CHECKPW_OK },
		{ "somebody in the middle",
		    { "SCRAM-SHA-256-PLUS", "a@x", "pencil", 0, 0, true },
		    "another connection's data", CHECKPW_NO },
		{ "-PLUS without data",
		    { "SCRAM-SHA-256-PLUS", "a@x", "pencil", 0, 0, false },
		    binding, CHECKPW_NO },
		{ "who has no -PLUS",
		    { "SCRAM-SHA-256", "a@x", "pencil", 0, 0, true }, NULL,
		    CHECKPW_OK },
		{ "CRAM-MD5", { "CRAM-MD5", "a@x", "pencil", 0, 0, 0 }, NULL,
		    CHECKPW_OK },
		{ "CRAM-MD5, wrong", { "CRAM-MD5", "a@x", "x", 0, 0, 0 }, NULL,
		    CHECKPW_NO },
		{ "CRAM-MD5, nobody with nobody's secret",
		    { "CRAM-MD5", "b@x", "nobody", 0, 0, 0 }, NULL,
		    CHECKPW_NO },
		{ "EXTERNAL", { "EXTERNAL", "", "", 0, "a@x", 0 }, NULL,
		    CHECKPW_OK },
		{ "EXTERNAL as oneself",
		    { "EXTERNAL", "", "", "a@x", "a@x", 0 }, NULL, CHECKPW_OK },
		{ "EXTERNAL as another",
		    { "EXTERNAL", "", "", "b@x", "a@x", 0 }, NULL, CHECKPW_NO },
		{ "EXTERNAL of nobody", { "EXTERNAL", "", "", 0, "b@x", 0 },
		    NULL, CHECKPW_NO },
		{ "EXTERNAL without a certificate",
		    { "EXTERNAL", "", "", "a@x", 0, 0 }, NULL, CHECKPW_NO },
	};

	for (size_t i = 0; i < sizeof(plays) / sizeof(*plays); i++) {
		client_binding = plays[i].client_binding;
		CHECK(plays[i].label,
		    run_play(exchanges, &plays[i].play) == plays[i].want);
	}
}

/* RFC 5802 section 6: "y" where there was a -PLUS ends it at once. */
static void
test_downgrade(const struct exchanges *exchanges)
{
	static struct sasl_request request;
	enum checkpw_verdict verdict = CHECKPW_LATER;
	int ends[2];

	fflush(stdout);
	if (!packet_pair(ends))
		exit(1);
	pid_t pid = fork();
	if (pid == 0)
		be_server(exchanges, ends[1]);
	close(ends[1]);
	CHECK("-PLUS was taken off the list",
	    sasl_request_init(&request, LOGIN_SMTP, span_of("SCRAM-SHA-256")) &&
		sasl_request_set_channel(
		    &request, span_of(binding), span_of("")) &&
		sasl_request_set_response(
		    &request, span_of("y,,n=a@x,r=abcdef")) &&
		sasl_send_request(ends[0], &request) &&
		checkpw_receive_answer(ends[0], &verdict, 5000) == 1 &&
		verdict == CHECKPW_NO);
	close(ends[0]);
	waitpid(pid, NULL, 0);
}

/* The keys of RFC 5802 section 5 and RFC 7677 section 3 ("pencil"). */
static void
test_keys(void)
{
	static const char line[] =
	    "SCRAM-SHA-256$4096$W22ZaJ0SNY7soEsUEjb6gQ==$"
	    "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=$"
	    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU= "
	    "SCRAM-SHA-1$4096$QSXCR+Q6sek8bf92$"
	    "6dlGYMOdZcOPutkcNY8U2g7vK9Y=$D+CSWLOshSulAsxiupA+qs2/fTE=";
	struct scram_keys keys;
	struct scram_keys again;
	struct span secret = span_of("0123456789abcdef0123456789abcdef");

	CHECK("a line has both",
	    scram_parse(span_of(line), span_of("SCRAM-SHA-1"), &keys) &&
		strcmp(keys.salt, "QSXCR+Q6sek8bf92") == 0 &&
		scram_parse(span_of(line), span_of("SCRAM-SHA-256"), &keys) &&
		strcmp(keys.iterations, "4096") == 0);
	CHECK("no third",
	    !scram_parse(span_of(line), span_of("SCRAM-SHA-512"), &keys));
	CHECK("a key of a wrong size",
	    !scram_parse(span_of("SCRAM-SHA-1$4096$QSXC$QSXC$QSXC"),
		span_of("SCRAM-SHA-1"), &keys));
	CHECK("no iterations",
	    !scram_parse(span_of("SCRAM-SHA-1$0$QSXCR+Q6sek8bf92$"
				 "6dlGYMOdZcOPutkcNY8U2g7vK9Y=$"
				 "D+CSWLOshSulAsxiupA+qs2/fTE="),
		span_of("SCRAM-SHA-1"), &keys));
	CHECK("a name's fake keys are the same",
	    scram_fake(secret, span_of("SCRAM-SHA-1"), span_of("x"), &keys) &&
		scram_fake(
		    secret, span_of("SCRAM-SHA-1"), span_of("x"), &again) &&
		memcmp(&keys, &again, sizeof(keys)) == 0);
	CHECK("another's are others",
	    scram_fake(secret, span_of("SCRAM-SHA-1"), span_of("y"), &again) &&
		strcmp(keys.salt, again.salt) != 0);
	CHECK("a secret of a wrong size",
	    !scram_fake(
		span_of("short"), span_of("SCRAM-SHA-1"), span_of("x"), &keys));
	/* A line of the RFC's keys serves as well as our own. */
	put("scram", span_of("a@x:SCRAM-SHA-256$4096$W22ZaJ0SNY7soEsUEjb6gQ==$"
			     "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=$"
			     "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\n"));
}

static bool
parses(bool (*parse)(struct span, struct buf *, struct span *),
    const char *message, const char *want_name, const char *want_token)
{
	struct buf name = buf_new(64);
	struct span token = { 0 };
	bool is_good = parse(span_of(message), &name, &token) &&
		       span_equal(buf_span(&name), span_of(want_name)) &&
		       span_equal(token, span_of(want_token));

	buf_free(&name);
	return is_good;
}

static void
test_oauth(void)
{
	static const char *const bad[] = { "", "n,a=u,", "n,a=u,\1", "n,,\1\1",
		"n,a=u,\1auth=Bearer t\1", "n,a=u,\1auth=Bearer t\1\1x",
		"n,a=u,\1auth=Basic t\1\1", "n,,\1auth=Bearer t\1\1",
		"n,a=u=2,\1auth=Bearer t\1\1", "p=x,a=u,\1auth=Bearer t\1\1",
		"n,a=u,x\1auth=Bearer t\1\1", "n,a=u,\1auth=Bearer \1\1",
		"n,a=u,\1auth=Bearer t\1auth=Bearer t\1\1" };

	CHECK("RFC 7628 section 4.1",
	    parses(oauth_parse_bearer,
		"n,a=user@example.com,\1host=server.example.com\1port=143\1"
		"auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\1\1",
		"user@example.com",
		"vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="));
	CHECK("commas in a name",
	    parses(oauth_parse_bearer, "y,a=a=2Cb=3Dc,\1auth=bearer t\1\1",
		"a,b=c", "t"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(bad[i], !parses(oauth_parse_bearer, bad[i], "u", "t"));
	CHECK("XOAUTH2", parses(oauth_parse_xoauth2,
			     "user=u@x\1auth=Bearer t\1\1", "u@x", "t"));
	CHECK("without a user",
	    !parses(oauth_parse_xoauth2, "auth=Bearer t\1\1", "", "t"));
}

int
main(void)
{
	static struct exchanges exchanges;
	char folder[] = "/tmp/exchange.XXXXXX";

	if (mkdtemp(folder) == NULL)
		return 1;
	exchanges_prepare(&exchanges);
	exchanges.folder = ".";
	exchanges.mechanisms.listed = ~0U;
	make_tables(folder);
	test_mechanisms(&exchanges);
	test_downgrade(&exchanges);
	test_keys();
	client_binding = NULL;
	CHECK("the keys of RFC 7677",
	    run_play(&exchanges, &(struct play){ "SCRAM-SHA-256", "a@x",
				     "pencil", 0, 0, 0 }) == CHECKPW_OK);
	unlink("scramsecret");
	CHECK("without the host's secret: later",
	    run_play(&exchanges, &(struct play){ "SCRAM-SHA-256", "b@x",
				     "pencil", 0, 0, 0 }) == CHECKPW_LATER);
	test_oauth();
	unlink("scram");
	unlink("apop");
	rmdir(folder);
	return test_result();
}
