#include "queue/spare.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "queue/login.h"
#include "queue/sharing.h"

enum {
	CLIENT_TIMEOUT_MS = 30000, /* login's child waits for it, after SASL */
	ANSWER_TIMEOUT_MS = 2000,
	WORDS_MAX = 8192
};

/* ---- both ---- */

static struct buf
words_of(const struct spare_account *account)
{
	struct buf words = buf_new(WORDS_MAX);

	buf_printf(&words, "%u %u\n", account->uid, account->gid);
	buf_add(&words, account->mailbox);
	buf_add_char(&words, '\n');
	return words;
}

/* ---- the program ---- */

static bool
find_maildir(const char *mailbox, struct stat *status)
{
	static const char maildir[] = "maildir:";
	const char *path = mailbox + sizeof(maildir) - 1;

	*status = (struct stat){ 0 };
	return strncmp(mailbox, maildir, sizeof(maildir) - 1) == 0 &&
	       stat(path, status) == 0;
}

struct spare
spare_begin(int login, const char *mailbox)
{
	struct spare spare = {
		.login = login, .mailbox = mailbox, .begun_ms = clock_ms()
	};
	struct stat status;

	if (!find_maildir(mailbox, &status))
		spare.login = -1;
	spare.device = status.st_dev;
	spare.inode = status.st_ino;
	return spare;
}

/* Not another that was put in its place: the jail is not for that one. */
static bool
is_in_place(const struct spare *spare)
{
	struct stat status;

	return find_maildir(spare->mailbox, &status) &&
	       status.st_dev == spare->device && status.st_ino == spare->inode;
}

static int64_t
time_left(const struct spare *spare)
{
	int64_t left = spare->begun_ms + SPARE_AGE_MS - clock_ms();

	return left > 0 ? left : 0;
}

/* Until it is too old: login may let it wait for longer than that. */
static int
await_pair(const struct spare *spare)
{
	static struct packet packet; /* large */
	struct sharing_record record;
	int pair = -1;

	while (pair == -1 && sharing_receive(spare->login, &packet, &record,
				 time_left(spare)) == 1) {
		if (record.kind == SHARING_NEXT)
			pair = packet_take_fd(&packet, 0);
		packet_close_fds(&packet);
	}
	return pair;
}

/* Is it for this process? What follows its words is the client's address. */
static bool
take_words(
    const struct spare *spare, struct span words, struct spare_client *next)
{
	const struct spare_account own = { .uid = getuid(),
		.gid = getgid(),
		.mailbox = span_of(spare->mailbox) };
	struct buf expected = words_of(&own);
	bool is_ours =
	    !expected.overflow && span_starts(words, buf_span(&expected));

	buf_clear(&next->peer);
	if (is_ours)
		buf_add(&next->peer, span_slice(words, expected.len, SIZE_MAX));
	buf_free(&expected);
	return is_ours;
}

static int
receive(const struct spare *spare, int pair, struct spare_client *next)
{
	static struct packet packet; /* large */
	struct sharing_record record;
	int client = -1;

	if (sharing_receive(pair, &packet, &record, CLIENT_TIMEOUT_MS) != 1)
		return -1;
	packet_close_fds(&packet);
	bool is_ours = record.kind == SHARING_NEXT &&
		       take_words(spare, record.text, next) &&
		       is_in_place(spare);
	buf_clear(&next->input);
	if (login_receive_handover(
		pair, &next->input, &client, CLIENT_TIMEOUT_MS) != 1)
		return -1;
	if (!is_ours && client != -1) {
		close(client);
		client = -1;
	}
	return client;
}

/* The jail has no dup2; and 0 and 1 are never free, or SQLite would mind. */
static bool
place(int client)
{
	for (int fd = STDIN_FILENO; fd <= STDOUT_FILENO; fd++) {
		close(fd);
		if (dup(client) != fd)
			return false;
	}
	close(client);
	return true;
}

bool
spare_wait(struct spare *spare, struct spare_client *next)
{
	if (spare->login == -1 || ++spare->uses >= SPARE_USES_MAX ||
	    time_left(spare) == 0)
		return false;
	shutdown(STDIN_FILENO, SHUT_RDWR);
	if (!sharing_send(spare->login, SHARING_SPARE, span_of(""), -1))
		return false;
	int pair = await_pair(spare);
	if (pair == -1)
		return false;
	int client = receive(spare, pair, next);
	bool is_taken = client != -1 && place(client);
	/* Who gave it up by now has it still. */
	bool is_told = sharing_send(
	    pair, is_taken ? SHARING_YES : SHARING_NO, span_of(""), -1);
	close(pair);
	return is_taken && is_told;
}

/* ---- login's child ---- */

static bool
is_yes(int pair, int64_t timeout_ms)
{
	static struct packet packet; /* large */
	struct sharing_record record;

	if (sharing_receive(pair, &packet, &record, timeout_ms) != 1)
		return false;
	packet_close_fds(&packet);
	return record.kind == SHARING_YES;
}

bool
spare_hand_over(int pair, const struct spare_account *account, struct span peer,
    struct span input, int client)
{
	struct buf words = words_of(account);

	buf_add(&words, peer);
	bool is_sent = !words.overflow &&
		       sharing_send(pair, SHARING_NEXT, buf_span(&words), -1) &&
		       login_send_handover(pair, input, client);
	buf_free(&words);
	if (is_sent && is_yes(pair, ANSWER_TIMEOUT_MS))
		return true;
	/* From here on it cannot say yes, but may have. */
	shutdown(pair, SHUT_RDWR);
	return is_sent && is_yes(pair, 0);
}
