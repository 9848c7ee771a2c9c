#ifndef IMAPD_CONVERT_REQUEST_H
#define IMAPD_CONVERT_REQUEST_H

/*
 * convert_request - what CONVERT asks for, RFC 5259 section 10.
 *
 * Limits  FETCH_ITEMS_MAX items, CONVERT_PARAMETERS_MAX parameters.
 */

#include "imapd/section.h"
#include "mail/charset_writer.h"

enum {
	CONVERT_PARAMETERS_MAX = 16
};

enum convert_item_kind {
	CONVERT_UID,
	CONVERT_BINARY,
	CONVERT_SIZE,
	CONVERT_STRUCTURE,
	CONVERT_HEADER, /* BODY[...HEADER], BODY[...MIME] */
	CONVERT_AVAILABLE
};

struct convert_item {
	enum convert_item_kind kind;
	struct fetch_item fetch; /* its section and partial */
};

struct convert_parameter {
	struct span name;
	struct span value;
	bool is_bad; /* not known, not valid, or there twice */
};

struct convert_request {
	struct span to; /* ptr NULL: the default conversion */
	struct convert_parameter parameters[CONVERT_PARAMETERS_MAX];
	size_t parameter_count;
	/* Those of a part follow each other. */
	struct convert_item items[FETCH_ITEMS_MAX];
	size_t count;
	size_t part_count;     /* different ones that are asked for */
	const char *complaint; /* about the first bad parameter, or NULL */
	struct span charset;   /* that the client named; ptr NULL: none */
	struct charset_writer writer;  /* for it */
	struct fetch_request sections; /* owns what the items point into */
};

/* False: no such command.  To be freed in either case. */
bool convert_request_parse(
    struct convert_request *request, struct parse *parse);
void convert_request_free(struct convert_request *request);

#endif
