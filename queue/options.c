/*
 * options - the command line of sendmail, as thirty years of callers use it.
 */

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "mail/verp.h"
#include "queue/sendmail.h"

static const char usage[] =
    "usage: sendmail [-it] [-f SENDER] [-F NAME] [-B 8BITMIME] [-N NOTIFY]\n"
    "                [-R RET] [-V ENVID] [-XV[DELIMITERS]] [RECIPIENT...]  "
    "<MESSAGE\n"
    "       sendmail -bp | -bi | -bs | -bv ADDRESS... | -q[I|R|S TEXT]";

/* -oX: only these mean something here. */
static void
take_o(struct options *options, const char *value)
{
	if (value[0] == 'i')
		options->is_dot_data = true;
	else if (value[0] == 'A')
		options->argument = value + 1;
}

static void
take_queue_run(struct options *options, const char *value)
{
	options->mode = 'q';
	if (value[0] == 'I' || value[0] == 'R' || value[0] == 'S') {
		options->queue_key = value[0];
		options->argument = value + 1;
	}
}

/* The names under which the program is also installed. */
static void
take_name(struct options *options, char *path)
{
	const char *name = basename(path);

	options->mode = 'm';
	if (strcmp(name, "mailq") == 0)
		options->mode = 'p';
	else if (strcmp(name, "newaliases") == 0)
		options->mode = 'i';
	else if (strcmp(name, "runq") == 0)
		options->mode = 'q';
	else if (strcmp(name, "hoststat") == 0 ||
		 strcmp(name, "purgestat") == 0)
		options->mode = 'h';
}

/* RFC 3461 section 4.1: "never", or some of the others, by their letters. */
static void
take_notify(struct options *options, const char *words)
{
	static const char *const known[] = { "never", "success", "failure",
		"delay" };
	const size_t count_known = sizeof(known) / sizeof(*known);
	struct span rest = span_of(words);
	size_t count = 0;

	while (rest.len > 0) {
		struct span word = span_cut(&rest, ',');
		size_t i = 0;

		while (i < count_known &&
		       !span_equal_nocase(word, span_of(known[i])))
			i++;
		if (i >= count_known)
			die(EX_USAGE, "-N takes never, or some of success, "
				      "failure, delay");
		else if (strchr(options->notify, known[i][0]) == NULL)
			options->notify[count++] = known[i][0];
	}
	if (strchr(options->notify, 'n') != NULL && count > 1)
		die(EX_USAGE, "-N never stands alone");
}

static void
take_ret(struct options *options, const char *word)
{
	if (strcasecmp(word, "full") == 0)
		options->ret = "F";
	else if (strcasecmp(word, "hdrs") == 0)
		options->ret = "H";
	else
		die(EX_USAGE, "-R takes full or hdrs");
}

/* -XV, as Postfix's; what else -X may be is another program's log. */
static void
take_x(struct options *options, const char *value)
{
	if (value[0] != 'V')
		return;
	options->verp = value[1] == '\0' ? VERP_DELIMITERS : value + 1;
	if (!verp_is_delimiters(span_of(options->verp)))
		die(EX_USAGE, "-XV takes two delimiters of -=+, or none");
}

static void
take_option(struct options *options, int option)
{
	switch (option) {
	case 'B':
		options->is_8bit = strcasecmp(optarg, "8BITMIME") == 0;
		return;
	case 'b':
		options->mode = optarg[0];
		return;
	case 'F':
		options->name = optarg;
		return;
	case 'f':
	case 'r':
		options->sender = optarg;
		return;
	case 'i':
		options->is_dot_data = true;
		return;
	case 'I':
		options->mode = 'i';
		return;
	case 'N':
		take_notify(options, optarg);
		return;
	case 'o':
		take_o(options, optarg);
		return;
	case 'q':
		take_queue_run(options, optarg == NULL ? "" : optarg);
		return;
	case 'R':
		take_ret(options, optarg);
		return;
	case 't':
		options->takes_header = true;
		return;
	case 'V':
		options->envid = optarg;
		return;
	case 'X':
		take_x(options, optarg);
		return;
	case 'C':
		if (getuid() != 0)
			die(EX_NOPERM, "-C is for root alone");
		return;
	case '?':
	case ':': /* its argument is missing */
		die(EX_USAGE, "%s", usage);
	default:
		return; /* accepted, without meaning here */
	}
}

void
options_parse(struct options *options, int argc, char **argv)
{
	int option;

	*options = (struct options){ .name = getenv("NAME") };
	take_name(options, argv[0]);
	if (argc == 2 && strcmp(argv[1], "-h") == 0) {
		puts(usage);
		exit(EX_OK);
	}
	while (
	    (option = getopt(argc, argv,
		 "+:A:B:b:C:d::e:F:f:Gh:IiL:mN:no:O:p:q::R:r:tUV:vX:x")) != -1)
		take_option(options, option);
	options->recipients = argv + optind;
	if (options->sender != NULL && strcmp(options->sender, "<>") == 0)
		options->sender = "";
	if (options->verp != NULL && options->sender != NULL &&
	    options->sender[0] == '\0')
		die(EX_USAGE, "-XV needs a sender: the null sender is none");
}
