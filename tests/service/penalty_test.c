/*
 * penalty_test - who waits how long, on a clock of our own; and hashes, in
 * files of our own.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "service/penalty.h"
#include "service/quota.h"
#include "service/verify.h"
#include "test.h"

static uint64_t
key(unsigned a, unsigned d, const char *user)
{
	unsigned char address[16] = { [10] = 0xff, [11] = 0xff };

	address[12] = (unsigned char)a;
	address[15] = (unsigned char)d;
	return penalty_key(address, span_of(user));
}

static void
test_penalty(void)
{
	struct penalty penalty;
	uint64_t one = key(192, 1, "joe");

	penalty_open(&penalty, "/nowhere/penalty", 3000);
	CHECK("without a file it counts for itself",
	    penalty.fd == -1 && penalty.slots != NULL);
	CHECK("a /24 is one client", one == key(192, 200, "ann"));
	CHECK("another is not", one != key(193, 1, "joe"));
	CHECK("on loopback each name counts",
	    key(127, 1, "joe") != key(127, 1, "ann"));
	CHECK("at first nobody waits", penalty_delay_ms(&penalty, one, 0) == 0);
	penalty_add(&penalty, one, 0);
	CHECK("one failure", penalty_delay_ms(&penalty, one, 0) == 500);
	penalty_add(&penalty, one, 0);
	CHECK("two", penalty_delay_ms(&penalty, one, 0) == 1000);
	for (int i = 0; i < 100; i++)
		penalty_add(&penalty, one, 0);
	CHECK("never longer than the maximum",
	    penalty_delay_ms(&penalty, one, 0) == 3000);
	CHECK("others do not wait",
	    penalty_delay_ms(&penalty, key(193, 1, "x"), 0) == 0);
	CHECK("minutes heal",
	    penalty_delay_ms(&penalty, one, 4 * 60000) == 500 &&
		penalty_delay_ms(&penalty, one, 10 * 60000) == 0);
	for (unsigned i = 0; i < 100000; i++)
		penalty_add(&penalty, i * 7919 + 1, 1000);
	CHECK("a full table takes a new one",
	    (penalty_add(&penalty, one, 2000),
		penalty_delay_ms(&penalty, one, 2000) == 500));
}

/* Two logins and one file: torn, of a wrong size, of another time. */
static void
test_shared(void)
{
	struct penalty one;
	struct penalty two;
	uint64_t who = key(192, 1, "joe");

	if (truncate("f", 7) == -1)
		close(open("f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	penalty_open(&one, "f", 3000);
	penalty_open(&two, "f", 3000);
	CHECK("a file of a wrong size is mended",
	    one.fd != -1 && lseek(one.fd, 0, SEEK_END) == PENALTY_BYTES);
	penalty_add(&one, who, 1000);
	CHECK("one counts what the other saw",
	    penalty_delay_ms(&two, who, 1000) == 500);
	CHECK("what is of the future is no failure",
	    penalty_delay_ms(&two, who, 999) == 0);
	for (size_t i = 0; i < PENALTY_SLOTS; i++)
		if (two.slots[i].key == who)
			two.slots[i].failures = UINT64_MAX;
	CHECK("nor is what makes no sense",
	    penalty_delay_ms(&one, who, 1000) == 0);
	penalty_add(&two, who, 1000);
	CHECK("and it counts anew", penalty_delay_ms(&one, who, 1000) == 500);
	unlink("f");
}

/* A quota is full when it is full, and anew after an hour. */
static void
test_quota(void)
{
	static struct quota quota; /* large */
	bool is_refused = false;

	CHECK("no limits", quota_take(&quota, 7, 1000, 0));
	quota.messages_max = 2;
	quota.recipients_max = 5;
	CHECK("two messages of five recipients",
	    quota_take(&quota, 7, 3, 1000) && quota_take(&quota, 7, 2, 1000) &&
		!quota_take(&quota, 7, 1, 1000));
	CHECK("another account is another", quota_take(&quota, 8, 5, 1000));
	CHECK("too many recipients",
	    !quota_take(&quota, 8, 1, 1000) && !quota_take(&quota, 9, 6, 1000));
	CHECK("an hour later", !quota_take(&quota, 7, 1, 1000 + 3599999) &&
				   quota_take(&quota, 7, 1, 1000 + 3600000));
	for (uint64_t i = 0; i < 100000; i++)
		is_refused |= !quota_take(&quota, 1000 + i, 1, 9000000);
	CHECK("a full table takes a new one", !is_refused);
}

static void
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd == -1 || !write_all(fd, span_of(text)))
		exit(1);
	close(fd);
}

/* Hashes of "secret" by crypt(3). */
static const char passwords[] =
    "# comment\n\n"
    "sha@x:"
    "$6$rounds=1000$saltsalt$LAV5VE5Y7w1d73x1mFNspYWUpazfmwv2Soep"
    "NXNKJ/otop/Zok96Hr8Q13LEv0DRY/x8v0/crpIjl8NJSAqXV/\n"
    "yes@x:"
    "$y$j75$saltsaltsalt$jyf/lxrpdyAIshWRo1x5DRC6KIE7sNRRtjcomR3P"
    "gHA\n"
    "bcrypt@x:"
    "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n"
    "empty@x:\n:$6$x$y\nplain@x:secret\nlocked@x:!\n";

static enum checkpw_verdict
check(const char *user, const char *password)
{
	bool is_known;

	return verify_password("p", span_of(user), password, &is_known);
}

static void
test_verify(void)
{
	bool is_known;

	CHECK("no file is no account", check("sha@x", "secret") == CHECKPW_NO);
	put("p", passwords);
	CHECK("SHA-512", check("sha@x", "secret") == CHECKPW_OK);
	CHECK("yescrypt", check("Yes@X", "secret") == CHECKPW_OK);
	CHECK("bcrypt", check("bcrypt@x", "secret") == CHECKPW_OK);
	CHECK("a wrong password", check("sha@x", "Secret") == CHECKPW_NO);
	CHECK("an empty hash", check("empty@x", "") == CHECKPW_NO &&
				   check("empty@x", "secret") == CHECKPW_NO);
	CHECK("an empty name", check("", "") == CHECKPW_NO);
	CHECK(
	    "clear text is no hash", check("plain@x", "secret") == CHECKPW_NO);
	CHECK("nor is !", check("locked@x", "!") == CHECKPW_NO &&
			      check("locked@x", "") == CHECKPW_NO);
	CHECK(
	    "a comment is no name", check("# comment", "secret") == CHECKPW_NO);
	CHECK("a folder is for later",
	    verify_password("/tmp", span_of("sha@x"), "secret", &is_known) ==
		CHECKPW_LATER);
	CHECK("a line makes a name known",
	    verify_password("p", span_of("sha@x"), "x", &is_known) ==
		    CHECKPW_NO &&
		is_known &&
		verify_password("p", span_of("none@x"), "x", &is_known) ==
		    CHECKPW_NO &&
		!is_known);
	/* RFC 1939 section 7: the example. */
	put("a", "mrose:tanstaaf\nnobody:\n");
	struct span challenge = span_of("<1896.697170952@dbc.mtview.ca.us>");
	struct span digest = span_of("c4c9334bac560ecc979e58001b3e22fb");
	CHECK("the APOP of RFC 1939", verify_apop("a", span_of("mrose"),
					  challenge, digest) == CHECKPW_OK);
	CHECK("for another user", verify_apop("a", span_of("rose"), challenge,
				      digest) == CHECKPW_NO &&
				      verify_apop("a", span_of("nobody"),
					  challenge, digest) == CHECKPW_NO);
	CHECK("with another challenge",
	    verify_apop("a", span_of("mrose"), span_of("<2@x>"), digest) ==
		CHECKPW_NO);
}

int
main(void)
{
	char folder[] = "/tmp/penalty_test.XXXXXX";

	if (mkdtemp(folder) == NULL || chdir(folder) == -1)
		return 1;
	verify_prepare();
	test_penalty();
	test_shared();
	test_quota();
	test_verify();
	unlink("p");
	unlink("a");
	rmdir(folder);
	return test_result();
}
