/*
 * sieve-test - check a Sieve script, or show what it would do with a message.
 *
 * started by  anyone
 * uid         who starts it
 * fd 1        "SCRIPT is right"; or the actions, one a line
 * fd 2        what is wrong with the script, or with its run
 * reads       SCRIPT, what it includes, which lies beside it, and MESSAGE
 * writes      nothing
 * runs        nothing
 * exits       0; EX_USAGE; EX_NOINPUT: a file cannot be read; EX_DATAERR: the
 *             script is wrong, or its run failed
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "mail/addrlist.h"
#include "mail/header.h"
#include "sieve/show.h"

static const char usage[] =
    "usage: sieve-test [-e] [-f SENDER] [-F FLAGS] [-m MAILBOX] "
    "[-r RECIPIENT] SCRIPT [MESSAGE]";

enum {
	READ_TIMEOUT_MS = 10 * 1000,
	TRACE_MAX = 8 << 20,
	SHOWN_MAX = 256 << 20,
	HEADER_KEPT = 256 << 10,
	PATH_MAX_BYTES = 4096
};

struct options {
	bool explains;
	const char *recipient;
	const char *sender;
	const char *flags;
	const char *mailbox;
	const char *script;
	const char *message; /* NULL: the script is checked */
};

static void
put(FILE *out, const struct buf *text)
{
	if (text->len > 0)
		fwrite(text->data, 1, text->len, out);
}

/* ---- files ---- */

static int
open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		die_errno(EX_NOINPUT, "cannot open %s", path);
	return fd;
}

static bool
read_file(int fd, struct buf *into)
{
	bool is_read = read_all(fd, into, READ_TIMEOUT_MS) == IO_OK;

	close(fd);
	return is_read;
}

/* A script that is included lies beside the one that includes it, with or
 * without ".sieve"; personal and global ones are the same. */
static bool
find_script(void *context, bool is_global, struct span name, struct buf *text)
{
	const struct options *options = context;
	struct span script = span_of(options->script);
	size_t slash = span_last_index(script, '/');
	struct buf path = buf_new(PATH_MAX_BYTES);
	int fd = -1;

	(void)is_global;
	if (slash < script.len)
		buf_add(&path, span_slice(script, 0, slash + 1));
	buf_add(&path, name);
	if (buf_string(&path) != NULL)
		fd = open(buf_string(&path), O_RDONLY | O_CLOEXEC);
	buf_add_string(&path, ".sieve");
	if (fd == -1 && buf_string(&path) != NULL)
		fd = open(buf_string(&path), O_RDONLY | O_CLOEXEC);
	buf_free(&path);
	return fd != -1 && read_file(fd, text);
}

static struct sieve_script *
compile(const struct options *options)
{
	struct buf text = buf_new(SIEVE_SCRIPT_MAX);
	struct buf errors = buf_new(SIEVE_ERRORS_MAX);

	if (!read_file(open_file(options->script), &text))
		die(EX_NOINPUT, "%s cannot be read, or is too large",
		    options->script);
	struct sieve_script *script = sieve_compile(buf_span(&text), &errors);
	put(stderr, &errors);
	buf_free(&errors);
	buf_free(&text);
	return script;
}

/* ---- the message ---- */

/* The first address of one of these fields. */
static void
add_address_of(struct buf *into, struct span header, const char *const *fields,
    size_t count)
{
	struct span value;

	for (size_t i = 0; i < count; i++)
		if (header_find(header, fields[i], &value) &&
		    addrlist_next(&value, into))
			return;
}

/* Who sent it and to whom, as the header tells it, where no option does. */
static void
guess_envelope(int fd, struct buf *sender, struct buf *recipient)
{
	static const char *const senders[] = { "Return-Path", "From" };
	static const char *const recipients[] = { "Delivered-To", "To" };
	struct buf start = buf_new(HEADER_KEPT);
	ssize_t got = pread(fd, buf_room(&start, HEADER_KEPT), HEADER_KEPT, 0);

	if (got > 0)
		buf_grown(&start, (size_t)got);
	add_address_of(sender, header_of(buf_span(&start)), senders, 2);
	add_address_of(recipient, header_of(buf_span(&start)), recipients, 2);
	buf_free(&start);
}

static struct span
option_or(const char *option, const struct buf *guess)
{
	return option != NULL ? span_of(option) : buf_span(guess);
}

static int
run_script(const struct sieve_script *script, struct options *options)
{
	const struct sieve_host host = { .context = options,
		.script = find_script };
	struct buf sender = buf_new(HEADER_KEPT);
	struct buf recipient = buf_new(HEADER_KEPT);
	struct buf trace = buf_new(TRACE_MAX);
	struct buf shown = buf_new(SHOWN_MAX);
	struct buf errors = buf_new(SIEVE_ERRORS_MAX);
	struct sieve_result result;
	struct stat status;
	int fd = open_file(options->message);

	if (fstat(fd, &status) == -1 || !S_ISREG(status.st_mode))
		die(EX_NOINPUT, "%s is no file", options->message);
	guess_envelope(fd, &sender, &recipient);
	const struct sieve_run run = { .message_fd = fd,
		.length = (uint64_t)status.st_size,
		.sender = option_or(options->sender, &sender),
		.recipient = option_or(options->recipient, &recipient),
		.host_name = span_of("localhost"),
		.mailbox = span_of(options->mailbox),
		.flags = span_of(options->flags),
		.now = (int64_t)time(NULL),
		.host = &host,
		.trace = options->explains ? &trace : NULL };
	bool is_done = sieve_execute(script, &run, &result, &errors);
	put(stdout, &trace);
	put(stderr, &errors);
	sieve_show_result(&shown, &result);
	put(stdout, &shown);
	sieve_result_free(&result);
	buf_free(&sender);
	buf_free(&recipient);
	buf_free(&trace);
	buf_free(&shown);
	buf_free(&errors);
	close(fd);
	return is_done ? EX_OK : EX_DATAERR;
}

/* ---- options ---- */

static struct options
read_options(int argc, char **argv)
{
	struct options options = { .flags = "", .mailbox = "INBOX" };
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, "ef:F:hm:r:")) != -1) {
		switch (option) {
		case 'e':
			options.explains = true;
			break;
		case 'f':
			options.sender = optarg;
			break;
		case 'F':
			options.flags = optarg;
			break;
		case 'h':
			exit(puts(usage) == EOF ? EX_IOERR : EX_OK);
		case 'm':
			options.mailbox = optarg;
			break;
		case 'r':
			options.recipient = optarg;
			break;
		default:
			die(EX_USAGE, "%s", usage);
		}
	}
	if (argc - optind < 1 || argc - optind > 2)
		die(EX_USAGE, "%s", usage);
	options.script = argv[optind];
	options.message = argv[optind + 1];
	return options;
}

int
main(int argc, char **argv)
{
	program_name("sieve-test");
	struct options options = read_options(argc, argv);
	struct sieve_script *script = compile(&options);
	int code = EX_OK;

	if (script == NULL)
		code = EX_DATAERR;
	else if (options.message == NULL)
		printf("%s is right\n", options.script);
	else
		code = run_script(script, &options);
	sieve_free(script);
	if (fflush(stdout) == EOF)
		return EX_IOERR;
	return code;
}
