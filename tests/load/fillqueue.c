/*
 * fillqueue - many messages in the queue at once, as if they had been accepted
 * and taken: for tests of what a long queue does.
 *
 * usage: fillqueue COUNT SENDER RECIPIENT   (as mta-queue or root)
 *
 * Writes COUNT files below /var/mta/queue/cur; a "%" in RECIPIENT is replaced
 * by a number that runs from 0 to 999.  Prints how many it wrote.
 */

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"
#include "queue/file.h"
#include "queue/spool.h"

enum {
	NAMES = 1000
};

static const char text[] = "Subject: one of many\n\nhello\n";

static void
add_envelope(
    struct buf *bytes, const char *sender, const char *pattern, long number)
{
	struct buf address = buf_new(ENVELOPE_ADDRESS_MAX);

	for (const char *c = pattern; *c != '\0'; c++)
		if (*c == '%')
			buf_printf(&address, "%ld", number % NAMES);
		else
			buf_add_char(&address, *c);
	envelope_add_sender(bytes, span_of(sender));
	const struct recipient recipient = { .address = buf_span(&address) };
	envelope_add_recipient(bytes, &recipient);
	envelope_end(bytes);
	buf_free(&address);
}

static void
write_one(int top, const struct passwd *owner, struct span envelope_bytes)
{
	struct queue_name name = { .id = queue_id_make() };
	struct queue_sum *sum = queue_sum_new();
	struct buf file = buf_new(SIZE_MAX / 2);
	struct envelope envelope;
	char path[96];

	if (envelope_parse(envelope_bytes, &envelope) != ENVELOPE_OK)
		die(EX_USAGE, "the addresses make no envelope");
	buf_add_string(&file, text);
	queue_sum_add(sum, span_of(text));
	queue_add_tail(&file, sum, sizeof(text) - 1, envelope_bytes, &envelope);
	queue_sum_free(sum);
	spool_cur_path(&name, path);
	int fd = openat(top, path, O_WRONLY | O_CREAT | O_EXCL, 0660);
	if (fd == -1 || !write_all(fd, buf_span(&file)) ||
	    fchown(fd, owner->pw_uid, owner->pw_gid) == -1)
		temp_fail("cannot write %s", path);
	close(fd);
	buf_free(&file);
}

int
main(int argc, char **argv)
{
	const char *fault;

	program_name("fillqueue");
	if (argc != 4)
		die(EX_USAGE, "usage: fillqueue COUNT SENDER RECIPIENT");
	long count = (long)strtonum(argv[1], 1, 10000000, &fault);
	const struct passwd *owner = getpwnam("mta-queue");
	int top = open(MTA_QUEUE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fault != NULL || owner == NULL || top == -1)
		die(EX_USAGE, "no such count, user mta-queue or %s", MTA_QUEUE);
	for (long i = 0; i < count; i++) {
		struct buf bytes = buf_new(ENVELOPE_MAX);

		add_envelope(&bytes, argv[2], argv[3], i);
		write_one(top, owner, buf_span(&bytes));
		buf_free(&bytes);
	}
	printf("%ld\n", count);
	return EX_OK;
}
