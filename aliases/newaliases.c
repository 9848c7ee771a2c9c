/*
 * newaliases - compile /etc/aliases into the table that lookup(8) reads.
 *
 * started by  the administrator, sendmail -bi, make up
 * uid         root, who owns /var/mta/tables (anyone with -n)
 * fd 1        the summary
 * fd 2        each error with file and line
 * reads       /etc/aliases, or the file of -oA
 * writes      /var/mta/tables/aliases.cdb, replaced whole
 * exits       EX_USAGE; EX_NOINPUT no such file; EX_DATAERR a broken file, the
 *             old table stays; EX_NOPERM; EX_CANTCREAT
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aliases/collect.h"
#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"
#include "base/table.h"

static const char usage[] = "usage: newaliases [-n] [-oAFILE | FILE]";

enum {
	READ_TIMEOUT_MS = 30000
};

struct arguments {
	const char *path;
	bool is_check; /* write nothing */
};

static struct arguments
parse_arguments(int argc, char **argv)
{
	struct arguments arguments = { .path = ALIASES_FILE };
	int option;

	while ((option = getopt(argc, argv, ":hno:")) != -1) {
		switch (option) {
		case 'h':
			puts(usage);
			exit(EX_OK);
		case 'n':
			arguments.is_check = true;
			break;
		case 'o':
			if (optarg[0] == 'A' && optarg[1] != '\0')
				arguments.path = optarg + 1;
			else if (optarg[0] == 'A' && argv[optind] != NULL)
				arguments.path = argv[optind++];
			break;
		default:
			die(EX_USAGE, "%s", usage);
		}
	}
	if (argv[optind] != NULL)
		arguments.path = argv[optind++];
	if (argv[optind] != NULL)
		die(EX_USAGE, "only one file at a time; %s", usage);
	return arguments;
}

static struct buf
read_file(const char *path)
{
	struct buf text = buf_new(ALIASES_FILE_MAX);
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd == -1 || fstat(fd, &status) == -1)
		die_errno(EX_NOINPUT, "cannot read %s", path);
	if (S_ISREG(status.st_mode) && (status.st_mode & S_IWOTH))
		die(EX_DATAERR,
		    "%s: everyone may write it, and so run programs as "
		    "mta-alias: chmod o-w %s",
		    path, path);
	enum io_status got = read_all(fd, &text, READ_TIMEOUT_MS);
	if (got == IO_TOO_LONG)
		die(EX_DATAERR, "%s: over %d bytes", path, ALIASES_FILE_MAX);
	if (got != IO_OK)
		die_errno(EX_NOINPUT, "cannot read %s", path);
	close(fd);
	return text;
}

static void
fail_writing(struct table_maker *maker)
{
	int error = errno;

	table_abort(maker);
	errno = error;
	die_errno(error == EACCES || error == EPERM ? EX_NOPERM : EX_CANTCREAT,
	    "cannot write %s (root may)", maker->path);
}

static void
write_table(const struct collection *collection)
{
	struct table_maker maker;
	bool is_good = table_begin(&maker, ALIASES_TABLE);

	for (size_t i = 0; is_good && i < collection->count; i++)
		is_good = table_add(&maker, collection_name(collection, i),
		    collection_target(collection, i));
	if (!is_good || !table_commit(&maker))
		fail_writing(&maker);
}

static void
complain(const char *path, unsigned line, const char *mend)
{
	log_event("%s:%u: %s", path, line, mend);
}

int
main(int argc, char **argv)
{
	program_name("newaliases");
	struct arguments arguments = parse_arguments(argc, argv);
	struct buf text = read_file(arguments.path);
	struct collection collection;

	collection_read(&collection, arguments.path, buf_span(&text), complain);
	if (collection.error_count > 0)
		die(EX_DATAERR, "%s: %zu errors: the old table stays in use",
		    arguments.path, collection.error_count);
	if (!collection_has(&collection, span_of("postmaster")))
		log_event("warning: %s: no alias for postmaster: add one line, "
			  "postmaster: NAME, or its mail goes to %s/postmaster",
		    arguments.path, MTA_MAIL);
	if (!arguments.is_check)
		write_table(&collection);
	printf("%s: %zu aliases, longest %zu bytes, %zu bytes total\n",
	    arguments.path, collection.count, collection.longest,
	    collection.total);
	collection_free(&collection);
	buf_free(&text);
	return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}
