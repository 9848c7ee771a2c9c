/*
 * mtactl_user - virtual accounts: users/accounts (names), its compiled form,
 * users/passwords, users/apop and users/scram (secrets); formats in mtactl(8).
 */

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bsd/readpassphrase.h>

#include "base/control.h"
#include "base/die.h"
#include "base/file.h"
#include "base/io.h"
#include "base/paths.h"
#include "base/table.h"
#include "mail/addr.h"
#include "mail/domain.h"
#include "mail/saslprep.h"
#include "service/mtactl.h"
#include "service/scram.h"
#include "service/shares.h"

static const char usage[] =
    "usage: mtactl user add|del|passwd ADDRESS; mtactl user list";

enum {
	FILE_MAX = 64 << 20,
	PASSWORD_MAX = 512,
	UID_FIRST = 200000, /* control/uidrange: first and last */
	UID_LAST = 299999
};

static struct buf
load(const char *path)
{
	struct buf text = buf_new(FILE_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1 && errno == ENOENT)
		return text;
	if (fd == -1 || read_all(fd, &text, 10000) != IO_OK)
		temp_fail("cannot read %s", path);
	close(fd);
	return text;
}

static void
store(const char *path, const struct buf *text, mode_t mode, const char *group)
{
	char temporary[PATH_MAX];
	const struct group *owner = getgrnam(group);

	if (owner == NULL)
		die(EX_NOUSER, "no group %s: run mtactl init", group);
	snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	int fd = open(temporary,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1 || fchown(fd, 0, owner->gr_gid) == -1 ||
	    fchmod(fd, mode) == -1 || !write_all(fd, buf_span(text)) ||
	    !file_commit(fd, temporary, path))
		temp_fail("cannot write %s", path);
	close(fd);
}

/* text without the line of address; true if there was one. */
static bool
without(const struct buf *text, struct span address, struct buf *kept)
{
	struct span rest = buf_span(text);
	bool has_one = false;

	while (rest.len > 0) {
		struct span line = span_cut(&rest, '\n');
		struct span name = line;

		name = span_cut(&name, ':');
		if (span_equal_nocase(name, address)) {
			has_one = true;
		} else if (line.len > 0) {
			buf_add(kept, line);
			buf_add_char(kept, '\n');
		}
	}
	return has_one;
}

/* Put "ADDRESS:VALUE" in place of the address's line; NULL removes it. */
static bool
replace_line(const char *path, struct span address, struct span *value,
    mode_t mode, const char *group)
{
	struct buf old = load(path);
	struct buf text = buf_new(FILE_MAX);
	bool had_one = without(&old, address, &text);

	if (value != NULL) {
		buf_add(&text, address);
		buf_add_char(&text, ':');
		buf_add(&text, *value);
		buf_add_char(&text, '\n');
	}
	if (value != NULL || had_one)
		store(path, &text, mode, group);
	buf_wipe(&old);
	buf_wipe(&text);
	buf_free(&old);
	buf_free(&text);
	return had_one;
}

static void
compile_accounts(void)
{
	struct buf text = load(MTA_USERS "/accounts");
	struct span rest = buf_span(&text);
	struct table_maker maker;

	bool is_good = table_begin(&maker, ACCOUNTS_TABLE);
	while (is_good && rest.len > 0) {
		struct span line = span_cut(&rest, '\n');
		struct span address = span_cut(&line, ':');

		if (address.len > 0)
			is_good = table_add(&maker, address, line);
	}
	if (!is_good || !table_commit(&maker)) {
		table_abort(&maker);
		temp_fail("cannot write %s", ACCOUNTS_TABLE);
	}
	buf_free(&text);
}

/* One more than the highest uid given so far, within control/uidrange. */
static uint64_t
next_uid(void)
{
	struct buf text = load(MTA_USERS "/accounts");
	struct span rest = buf_span(&text);
	uint64_t first =
	    control_number("uidfirst", UID_FIRST, 1000, UINT32_MAX);
	uint64_t last = control_number("uidlast", UID_LAST, 1000, UINT32_MAX);
	uint64_t highest = first - 1;
	uint64_t uid;

	while (rest.len > 0) {
		struct span line = span_cut(&rest, '\n');

		span_cut(&line, ':');
		if (span_number(span_cut(&line, ':'), 10, UINT32_MAX, &uid) &&
		    uid > highest)
			highest = uid;
	}
	buf_free(&text);
	if (highest >= last)
		die(EX_UNAVAILABLE, "no uid is left: raise control/uidlast");
	return highest + 1;
}

/* From the terminal twice, or one line of standard input. */
static void
read_password(char password[PASSWORD_MAX])
{
	char again[PASSWORD_MAX];

	if (!isatty(STDIN_FILENO)) {
		if (readpassphrase("", password, PASSWORD_MAX, RPP_STDIN) ==
			NULL ||
		    password[0] == '\0')
			die(EX_DATAERR, "a password is one line that is not "
					"empty");
		return;
	}
	if (readpassphrase("Password: ", password, PASSWORD_MAX, 0) == NULL ||
	    readpassphrase("Again: ", again, sizeof(again), 0) == NULL)
		die(EX_NOINPUT, "no password was given");
	bool is_same = strcmp(password, again) == 0;
	explicit_bzero(again, sizeof(again));
	if (!is_same || password[0] == '\0')
		die(EX_DATAERR, "the two were not the same, or empty");
}

/* A password that SCRAM cannot carry (SASLprep) serves the others alone. */
static void
set_scram_keys(struct span address, const char *password)
{
	struct buf keys = buf_new(SCRAM_LINE_MAX);
	bool has_keys = scram_add_keys(&keys, password);
	struct span line = buf_span(&keys);

	if (!has_keys)
		fprintf(stderr, "SCRAM cannot use this password\n");
	replace_line(MTA_USERS "/scram", address, has_keys ? &line : NULL, 0640,
	    "mta-auth");
	buf_wipe(&keys);
	buf_free(&keys);
}

static void
set_password(struct span address)
{
	char given[PASSWORD_MAX];
	char password[PASSWORD_MAX];
	char salt[CRYPT_GENSALT_OUTPUT_SIZE];
	static struct crypt_data work;

	read_password(given);
	/* As it will be asked for: people have emoji in passwords.  One with a
	   control character is kept as it is. */
	if (!saslprep_query(span_of(given), password, sizeof(password)))
		memcpy(password, given, sizeof(password));
	explicit_bzero(given, sizeof(given));
	if (crypt_gensalt_rn("$y$", 0, NULL, 0, salt, sizeof(salt)) == NULL)
		temp_fail("cannot make a salt");
	const char *hash = crypt_r(password, salt, &work);
	if (hash == NULL || hash[0] == '*')
		temp_fail("cannot hash the password");
	struct span value = span_of(hash);
	replace_line(MTA_USERS "/passwords", address, &value, 0640, "mta-auth");
	value = span_of(password);
	replace_line(MTA_USERS "/apop", address, &value, 0640, "mta-auth");
	set_scram_keys(address, password);
	explicit_bzero(password, sizeof(password));
	explicit_bzero(&work, sizeof(work));
}

static void
add_domain(struct span domain)
{
	struct control_list known = domain_list("virtualdomains");
	struct buf text = load(MTA_CONTROL "/virtualdomains");

	if (!control_list_has(&known, domain)) {
		buf_add(&text, domain);
		buf_add_char(&text, '\n');
		store(MTA_CONTROL "/virtualdomains", &text, 0644, "root");
	}
	control_list_free(&known);
	buf_free(&text);
}

static void
make_home(const struct addr *addr, uint64_t uid, struct buf *home)
{
	buf_printf(
	    home, "%s/%.*s", MTA_MAIL, (int)addr->domain.len, addr->domain.ptr);
	if (mkdir(buf_string(home), 0755) == -1 && errno != EEXIST)
		temp_fail("cannot make %s", buf_string(home));
	buf_printf(home, "/%.*s", (int)addr->local.len, addr->local.ptr);
	if ((mkdir(buf_string(home), 0700) == -1 && errno != EEXIST) ||
	    chown(buf_string(home), (uid_t)uid, (gid_t)uid) == -1)
		temp_fail("cannot make %s", buf_string(home));
}

static int
add(const struct addr *addr, struct span address)
{
	struct buf accounts = load(MTA_USERS "/accounts");
	struct buf unused = buf_new(FILE_MAX);
	struct buf home = buf_new(PATH_MAX);
	struct buf value = buf_new(PATH_MAX);

	if (without(&accounts, address, &unused))
		die(EX_DATAERR, "%.*s is an account already", (int)address.len,
		    address.ptr);
	if (span_index(addr->local, '/') < addr->local.len ||
	    addr->local.ptr[0] == '.' || addr->domain.ptr[0] == '[')
		die(EX_DATAERR, "an account's name has no '/' and begins with "
				"no dot");
	uint64_t uid = next_uid();
	make_home(addr, uid, &home);
	set_password(address);
	buf_printf(&value, "%llu:%llu:%s", (unsigned long long)uid,
	    (unsigned long long)uid, buf_string(&home));
	struct span line = buf_span(&value);
	replace_line(MTA_USERS "/accounts", address, &line, 0644, "root");
	compile_accounts();
	add_domain(addr->domain);
	return EX_OK;
}

/* Whom it shared with is forgotten; what it was given is others' to take. */
static void
forget_shares(struct span address)
{
	if (!shares_publish(address, span_of(""), 0))
		temp_fail("cannot change %s/shares", MTA_USERS);
}

static void
tell_shares(struct span address)
{
	struct buf owners = buf_new(FILE_MAX);

	if (!shares_naming(address, &owners))
		warn_errno("cannot read %s/shares", MTA_USERS);
	for (struct span rest = buf_span(&owners); rest.len > 0;) {
		struct span owner = span_cut(&rest, '\n');

		printf("%.*s still shares folders with that name\n",
		    (int)owner.len, owner.ptr);
	}
	buf_free(&owners);
}

static int
del(struct span address)
{
	forget_shares(address);
	bool had_one =
	    replace_line(MTA_USERS "/accounts", address, NULL, 0644, "root");

	replace_line(MTA_USERS "/passwords", address, NULL, 0640, "mta-auth");
	replace_line(MTA_USERS "/apop", address, NULL, 0640, "mta-auth");
	replace_line(MTA_USERS "/scram", address, NULL, 0640, "mta-auth");
	if (!had_one)
		die(EX_NOUSER, "no such account");
	compile_accounts();
	puts("its mail stays where it is");
	tell_shares(address);
	return EX_OK;
}

static int
list(void)
{
	struct buf accounts = load(MTA_USERS "/accounts");
	struct span rest = buf_span(&accounts);

	while (rest.len > 0) {
		struct span line = span_cut(&rest, '\n');
		struct span address = span_cut(&line, ':');

		printf("%.*s\n", (int)address.len, address.ptr);
	}
	return EX_OK;
}

int
mtactl_user(int argc, char **argv)
{
	struct addr addr;
	struct buf address = buf_new(512);
	struct buf given = buf_new(512);
	char name[512];

	umask(022);
	if (argc == 1 && strcmp(argv[0], "list") == 0)
		return list();
	if (argc != 2)
		die(EX_USAGE, "%s", usage);
	for (char *c = argv[1]; *c != '\0'; c++)
		*c = ascii_lower(*c);
	/* The tables have one form of each name, with the domain in A-labels.
	 */
	if (!saslprep_stored(span_of(argv[1]), name, sizeof(name)))
		die(EX_DATAERR, "%s is no name for a log-in", argv[1]);
	domain_add_address(&given, span_of(name));
	if (addr_parse_mailbox(buf_span(&given), &addr) != ADDR_OK)
		die(EX_DATAERR, "%s is not an address: user@domain", argv[1]);
	addr_add_canonical(&address, &addr);
	if (strcmp(argv[0], "add") == 0)
		return add(&addr, buf_span(&address));
	if (strcmp(argv[0], "del") == 0)
		return del(buf_span(&address));
	if (strcmp(argv[0], "passwd") == 0) {
		set_password(buf_span(&address));
		return EX_OK;
	}
	die(EX_USAGE, "%s", usage);
}
