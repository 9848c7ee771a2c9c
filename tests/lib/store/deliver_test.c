/*
 * deliver_test - Maildir and mbox delivery, in a folder of its own.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/store/maildir.h"
#include "scratch.h"
#include "store/maildir_deliver.h"
#include "store/mbox_deliver.h"
#include "store/mbox_lock.h"
#include "test.h"

static const char body[] = "Subject: x\n\nbody\n";

/* A file with some text; open for reading. */
static int
make_file(const char *path, const char *text)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd == -1 || !write_all(fd, span_of(text)))
		exit(1);
	return fd;
}

static struct deliver_message
message_of(int fd, const char *text)
{
	return (struct deliver_message){ .fd = fd,
		.length = strlen(text),
		.sender = span_of("s@example.org"),
		.recipient = span_of("r@example.org") };
}

static size_t
count_entries(const char *path)
{
	DIR *entries = opendir(path);
	size_t count = 0;

	if (entries == NULL)
		return 0;
	while (readdir(entries) != NULL)
		count++;
	closedir(entries);
	return count - 2;
}

static void
test_maildir(void)
{
	int fd = make_file("queued", body);
	struct deliver_message message = message_of(fd, body);
	struct buf name = buf_new(MAILDIR_NAME_MAX);
	struct maildir_name parts = { .seconds = 12,
		.id = span_of("ab"),
		.host = span_of("a/b:c.example") };

	maildir_add_name(&name, &parts);
	CHECK("name: slash and colon are octal",
	    span_equal(
		buf_span(&name), span_of("12.Qab.a\\057b\\072c.example")));
	message.is_whole = true;
	CHECK("linked into a new Maildir",
	    maildir_deliver(&message, "one", "1.Q") == DELIVER_LINKED &&
		file_is("one/new/1.Q", body));
	CHECK("again: it is there",
	    maildir_deliver(&message, "one", "1.Q") == DELIVER_LINKED &&
		count_entries("one/new") == 1);
	CHECK("again, after a reader moved it",
	    rename("one/new/1.Q", "one/cur/1.Q:2,RS") == 0 &&
		maildir_deliver(&message, "one", "1.Q") == DELIVER_LINKED &&
		count_entries("one/new") == 0);
	message.is_whole = false;
	CHECK("copied with its two lines",
	    maildir_deliver(&message, "one", "2.Q") == DELIVER_LINKED &&
		file_is("one/new/2.Q",
		    "Return-Path: <s@example.org>\n"
		    "Delivered-To: r@example.org\nSubject: x\n\nbody\n"));
	close(make_file("one/new/3.Q", "torn"));
	CHECK("torn remains are replaced by the copy",
	    maildir_deliver(&message, "one", "3.Q") == DELIVER_LINKED &&
		count_entries("one/new") == 2 && count_entries("one/tmp") == 0);
	message.is_whole = true;
	CHECK("and do not stop a link",
	    truncate("one/new/3.Q", 1) == 0 &&
		maildir_deliver(&message, "one", "3.Q") == DELIVER_LINKED &&
		count_entries("one/new") == 2);
	message.is_whole = false;
	message.letters = "FS";
	CHECK("with flags, in cur/",
	    maildir_deliver(&message, "one", "6.Q") == DELIVER_LINKED &&
		access("one/cur/6.Q:2,FS", F_OK) == 0 &&
		maildir_deliver(&message, "one", "6.Q") == DELIVER_LINKED &&
		access("one/new/6.Q", F_OK) == -1);
	message.letters = NULL;
	message.is_edited = true;
	message.queue_fd = memfd_create("queue", MFD_CLOEXEC);
	CHECK("edited on the way from another file system: synced",
	    maildir_deliver(&message, "one", "7.Q") == DELIVER_SYNCED);
	close(message.queue_fd);
	message.is_edited = false;
	message.length++;
	CHECK("a message shorter than it says is not delivered",
	    maildir_deliver(&message, "one", "4.Q") == DELIVER_ERROR &&
		errno == EIO && count_entries("one/tmp") == 0);
	CHECK("no home: an error",
	    maildir_deliver(&message, "none/such", "1.Q") == DELIVER_ERROR &&
		errno == ENOENT);
	message.sender = span_of("a\nb");
	message.length--;
	CHECK("a sender that would break the header is an error",
	    maildir_deliver(&message, "one", "5.Q") == DELIVER_ERROR);
	close(fd);
	buf_free(&name);
}

/* The mbox without its first line, which tells the time. */
static bool
mbox_is(const char *path, const char *want)
{
	struct buf text = buf_new(1 << 20);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct span rest;

	if (fd == -1 || read_all(fd, &text, 1000) != IO_OK)
		return false;
	close(fd);
	rest = buf_span(&text);
	struct span first = span_cut(&rest, '\n');
	bool is_same = span_starts(first, span_of("From s@example.org ")) &&
		       span_equal(rest, span_of(want));
	if (!is_same)
		printf("# %.*s\n", (int)text.len, text.data);
	buf_free(&text);
	return is_same;
}

#define HEAD "Return-Path: <s@example.org>\nDelivered-To: r@example.org\n"

static const struct {
	const char *text;
	const char *want;
} quotings[] = {
	{ "a\n\nFrom b\n", HEAD "a\n\n>From b\n\n" },
	{ "From a\n>From b\n>>From c\n",
	    HEAD ">From a\n>>From b\n>>>From c\n\n" },
	{ "a From b\nFro m\nFrom\n>Fro\n>>\n",
	    HEAD "a From b\nFro m\nFrom\n>Fro\n>>\n\n" },
	{ "no end", HEAD "no end\n\n" },
	{ "x\n>", HEAD "x\n>\n\n" },
	{ "x\nFrom", HEAD "x\nFrom\n\n" },
	{ "x\nFrom ", HEAD "x\n>From \n\n" },
	{ "\n\n\n", HEAD "\n\n\n\n" },
	{ "x\nFrFrom y\n", HEAD "x\nFrFrom y\n\n" },
	{ "x\nF\nFrom y\n", HEAD "x\nF\n>From y\n\n" },
};

static void
test_mbox(void)
{
	static const struct mbox_options options = { .mode = 0600,
		.timeout_ms = 50 };

	for (size_t i = 0; i < sizeof(quotings) / sizeof(quotings[0]); i++) {
		int fd = make_file("queued", quotings[i].text);
		struct deliver_message message =
		    message_of(fd, quotings[i].text);

		unlink("box");
		CHECK(quotings[i].text,
		    mbox_deliver(&message, "box", &options) == DELIVER_SYNCED &&
			mbox_is("box", quotings[i].want));
		close(fd);
	}
}

/* A child, for whom the host has been up for a minute only; 0 if none can be.
 */
static pid_t
fork_after_boot(void)
{
	struct timespec up;
	char offset[64];

	if (clock_gettime(CLOCK_BOOTTIME, &up) == -1 || up.tv_sec < 200 ||
	    unshare(CLONE_NEWTIME) == -1)
		return 0;
	int fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	snprintf(offset, sizeof(offset), "boottime -%lld 0\n",
	    (long long)up.tv_sec - 60);
	bool is_set = fd != -1 && write_all(fd, span_of(offset));
	if (fd != -1)
		close(fd);
	return is_set ? fork() : 0;
}

static void
test_lock_before_boot(void)
{
	static const struct mbox_options options = { .mode = 0600,
		.timeout_ms = 50 };
	int fd = make_file("queued", body);
	struct deliver_message message = message_of(fd, body);
	struct timespec old[2] = { { .tv_sec = time(NULL) - 100 },
		{ .tv_sec = time(NULL) - 100 } };
	int status = 0;
	pid_t parent = getpid();

	close(make_file("box5.lock", ""));
	utimensat(AT_FDCWD, "box5.lock", old, 0);
	CHECK("a stranger's dot lock of this boot: busy",
	    mbox_deliver(&message, "box5", &options) == DELIVER_BUSY);
	pid_t child = fork_after_boot();
	if (getpid() != parent)
		_exit(
		    mbox_deliver(&message, "box5", &options) != DELIVER_SYNCED);
	CHECK("one from before it is removed",
	    child == 0 || (waitpid(child, &status, 0) == child && status == 0));
	close(fd);
}

static void
test_mbox_trouble(void)
{
	static const struct mbox_options options = { .mode = 0600,
		.timeout_ms = 50 };
	int fd = make_file("queued", body);
	struct deliver_message message = message_of(fd, body);
	struct mbox_lock lock;
	struct stat status;
	int box = make_file("box2", "unfinished");

	CHECK("an unfinished last message gets its end",
	    mbox_deliver(&message, "box2", &options) == DELIVER_SYNCED &&
		fstat(box, &status) == 0);
	off_t size = status.st_size;
	CHECK("lock", mbox_lock_take(&lock, box, "box2", 50) == MBOX_LOCK_OK);
	CHECK("locked: busy",
	    mbox_deliver(&message, "box2", &options) == DELIVER_BUSY);
	mbox_lock_release(&lock);
	close(make_file("box2.lock", ""));
	CHECK("a stranger's dot lock: busy",
	    mbox_deliver(&message, "box2", &options) == DELIVER_BUSY);
	struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	CHECK("an old dot lock is removed",
	    utimensat(AT_FDCWD, "box2.lock", old, 0) == 0 &&
		mbox_deliver(&message, "box2", &options) == DELIVER_SYNCED &&
		access("box2.lock", F_OK) == -1);
	CHECK("our own, left by one that died, is removed at once",
	    close(make_file("box2.lock", "4711 estafeta\n")) == 0 &&
		mbox_deliver(&message, "box2", &options) == DELIVER_SYNCED &&
		access("box2.lock", F_OK) == -1);
	CHECK("lock: a replaced file is noticed",
	    rename("box2", "box3") == 0 &&
		mbox_lock_take(&lock, box, "box2", 50) == MBOX_LOCK_REPLACED);
	message.length += 10;
	CHECK("on failure the file is cut back",
	    ftruncate(box, size) == 0 &&
		mbox_deliver(&message, "box3", &options) == DELIVER_ERROR &&
		fstat(box, &status) == 0 && status.st_size == size);
	message.length -= 10;
	CHECK("no symbolic link",
	    symlink("box3", "link") == 0 &&
		mbox_deliver(&message, "link", &options) == DELIVER_ERROR);
	CHECK("no second name",
	    link("box3", "box4") == 0 &&
		mbox_deliver(&message, "box4", &options) == DELIVER_ERROR);
	CHECK("/dev/null takes all",
	    mbox_deliver(&message, "/dev/null", &options) == DELIVER_SYNCED);
	close(box);
	close(fd);
}

int
main(void)
{
	scratch_enter();
	test_maildir();
	test_mbox();
	test_mbox_trouble();
	test_lock_before_boot();
	return test_result();
}
