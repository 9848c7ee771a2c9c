#ifndef FILTER_WIRE_H
#define FILTER_WIRE_H

/*
 * wire - packets of the milter protocol, version 6, as an MTA speaks it.
 *
 * Grammar  length (4 bytes, big-endian, of what follows), one letter, data.
 *          Texts end with NUL.
 * Limits   WIRE_PACKET_MAX bytes of a packet from a milter; a body goes out
 *          in chunks of WIRE_CHUNK_MAX.
 * Memory   nothing is allocated when reading: spans point into the packet.
 */

#include "base/buf.h"

enum {
	WIRE_VERSION = 6,
	WIRE_PACKET_MAX = 128 << 10,
	WIRE_CHUNK_MAX = 65535,
	WIRE_LENGTH = 4
};

/* What an MTA says. */
enum wire_command {
	WIRE_ABORT = 'A',
	WIRE_BODY = 'B',
	WIRE_CONNECT = 'C',
	WIRE_MACROS = 'D',
	WIRE_END = 'E',
	WIRE_HELO = 'H',
	WIRE_QUIT_NC = 'K', /* and keep the connection for a new session */
	WIRE_HEADER = 'L',
	WIRE_MAIL = 'M',
	WIRE_END_OF_HEADER = 'N',
	WIRE_NEGOTIATE = 'O',
	WIRE_QUIT = 'Q',
	WIRE_RCPT = 'R',
	WIRE_DATA = 'T'
};

/* What a milter may do to a message; it says which it will. */
enum wire_action {
	WIRE_MAY_ADD_HEADER = 0x1,
	WIRE_MAY_CHANGE_BODY = 0x2,
	WIRE_MAY_ADD_RCPT = 0x4,
	WIRE_MAY_DELETE_RCPT = 0x8,
	WIRE_MAY_CHANGE_HEADER = 0x10,
	WIRE_MAY_QUARANTINE = 0x20,
	WIRE_MAY_CHANGE_SENDER = 0x40,
	WIRE_MAY_ADD_RCPT_ARGS = 0x80,
	WIRE_MAY_SET_MACROS = 0x100,
	WIRE_ACTIONS = 0x1ff
};

/* Steps that it does not want, and answers that it does not give. */
enum wire_protocol {
	WIRE_NO_CONNECT = 0x1,
	WIRE_NO_HELO = 0x2,
	WIRE_NO_MAIL = 0x4,
	WIRE_NO_RCPT = 0x8,
	WIRE_NO_BODY = 0x10,
	WIRE_NO_HEADER = 0x20,
	WIRE_NO_END_OF_HEADER = 0x40,
	WIRE_MUTE_HEADER = 0x80,
	WIRE_NO_UNKNOWN = 0x100,
	WIRE_NO_DATA = 0x200,
	WIRE_SKIP = 0x400,
	WIRE_MUTE_CONNECT = 0x1000,
	WIRE_MUTE_HELO = 0x2000,
	WIRE_MUTE_MAIL = 0x4000,
	WIRE_MUTE_RCPT = 0x8000,
	WIRE_MUTE_DATA = 0x10000,
	WIRE_MUTE_UNKNOWN = 0x20000,
	WIRE_MUTE_END_OF_HEADER = 0x40000,
	WIRE_MUTE_BODY = 0x80000,
	WIRE_LEADING_SPACE = 0x100000,
	WIRE_PROTOCOL = 0x1ff7ff
};

struct wire_options {
	uint32_t version;
	uint32_t actions;
	uint32_t protocol;
	struct span macros; /* stages and lists that it asked for */
};

enum wire_kind {
	WIRE_CONTINUE,
	WIRE_ACCEPT,
	WIRE_REJECT,
	WIRE_TEMPFAIL,
	WIRE_DISCARD,
	WIRE_SHUTDOWN,
	WIRE_REPLY, /* text: as smtpd would send it */
	WIRE_SKIP_REST,
	WIRE_PROGRESS,
	WIRE_QUARANTINE, /* text: the reason */
	WIRE_ADD_HEADER,
	WIRE_INSERT_HEADER,
	WIRE_CHANGE_HEADER, /* an empty value deletes it */
	WIRE_ADD_RCPT,
	WIRE_DELETE_RCPT,
	WIRE_CHANGE_SENDER,
	WIRE_REPLACE_BODY /* text: the next part of it */
};

struct wire_reply {
	enum wire_kind kind;
	uint32_t index;
	struct span name;
	struct span value;
	struct span text; /* an address, too, without its <> */
};

/* Append a number, big-endian, or a text and its NUL. */
void wire_add_number(struct buf *buf, uint32_t value);
void wire_add_text(struct buf *buf, struct span text);

/* The length that a packet's first WIRE_LENGTH bytes give; 0 if it is none. */
uint32_t wire_length(const char bytes[WIRE_LENGTH]);

/* Append our offer, as the data of WIRE_NEGOTIATE. */
void wire_add_offer(struct buf *buf);

/*
 * The milter's answer to it: letter and data.  False if it is none, or if the
 * milter wants what was not offered.
 */
bool wire_parse_options(struct span packet, struct wire_options *options);

/* The list of macros for a stage (0 connect ... 6); false if it has none. */
bool wire_find_macros(
    const struct wire_options *options, uint32_t stage, struct span *list);

/*
 * Any other answer: letter and data.  False if it is none, or is an edit that
 * actions do not have.
 */
bool wire_parse_reply(
    struct span packet, uint32_t actions, struct wire_reply *reply);

/*
 * Append a milter's own reply as one line of filter(5).  False, and nothing
 * appended, if it has no code of 4yz or 5yz.
 */
bool wire_add_reply_line(struct buf *buf, struct span text);

#endif
