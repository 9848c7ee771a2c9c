#ifndef QUEUE_REMOTEAUTH_H
#define QUEUE_REMOTEAUTH_H

/*
 * remoteauth - how remote-send logs in to another host without knowing a
 * password or a mechanism: the records of remoteauth(5).
 *
 *   bind       H host, P port   from remote-send's parent, once: of no other
 *                               host will this session tell anything
 *   select     S sender         -> selected  N which line, or 0; T of which
 *                               state of the file; E if there is none for any
 *                               sender: then it closes
 *   begin      L line, M mechanisms offered, B channel binding
 *                               -> step: M the one that is used
 *   challenge  C base64         -> step
 *   step       R base64 (perhaps empty; none: the server begins), Z if the
 *              server has nothing more to prove; or X: why not
 *
 * Memory   what is parsed points into the packet.
 * Limits   REMOTEAUTH_TEXT_MAX characters of base64.
 */

#include "base/packet.h"
#include "base/record.h"

enum {
	REMOTEAUTH_TEXT_MAX = 4000,
	REMOTEAUTH_OFFER_MAX = 1000
};

enum remoteauth_kind {
	REMOTEAUTH_BIND,
	REMOTEAUTH_SELECT,
	REMOTEAUTH_BEGIN,
	REMOTEAUTH_CHALLENGE
};

struct remoteauth_request {
	enum remoteauth_kind kind;
	struct span host;
	uint16_t port;
	struct span sender;
	uint64_t line;
	struct span mechanisms; /* separated by spaces */
	struct span binding;    /* base64; empty: none */
	struct span challenge;  /* base64 */
};

void remoteauth_add_request(
    struct buf *buf, const struct remoteauth_request *request);

/* False if the packet is none. */
bool remoteauth_parse_request(
    struct span packet, struct remoteauth_request *request);

struct remoteauth_step {
	struct span why;       /* not empty: it failed, for the log */
	struct span mechanism; /* of the first step */
	bool has_response;
	struct span response; /* base64 */
	bool is_proven;       /* 235 may follow */
};

void remoteauth_add_step(struct buf *buf, const struct remoteauth_step *step);
bool remoteauth_parse_step(struct span packet, struct remoteauth_step *step);

struct remoteauth_selected {
	uint64_t line;  /* 0: none for this sender */
	uint64_t stamp; /* another when the file is another */
	bool is_end;    /* nor for any other sender */
};

void remoteauth_add_selected(
    struct buf *buf, const struct remoteauth_selected *selected);
bool remoteauth_parse_selected(
    struct span packet, struct remoteauth_selected *selected);

#endif
