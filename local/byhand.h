#ifndef LOCAL_BYHAND_H
#define LOCAL_BYHAND_H

/*
 * byhand - local-deliver for one message on standard input.
 */

struct byhand {
	const char *recipient;
	const char *sender; /* NULL: the user who calls */
	int is_dry;         /* only print what would be done */
};

/* An exit code of sysexits(3). */
int byhand_run(const struct byhand *byhand);

#endif
