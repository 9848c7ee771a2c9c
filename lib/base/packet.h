#ifndef BASE_PACKET_H
#define BASE_PACKET_H

/*
 * packet - one message with descriptors over a SOCK_SEQPACKET pair.
 *
 * Limits  PACKET_MAX bytes, PACKET_FDS_MAX descriptors and, when it is sent,
 *         PACKET_PARTS_MAX parts a packet.
 * Memory  received descriptors belong to the caller, close-on-exec set.
 */

#include <sys/types.h>

#include "base/span.h"

enum {
	PACKET_MAX = 16384,
	PACKET_FDS_MAX = 4,
	PACKET_PARTS_MAX = 4
};

struct packet {
	size_t len;
	int fd_count;
	int fds[PACKET_FDS_MAX];
	char bytes[PACKET_MAX];
};

/* A pair of connected ends, close-on-exec; false with errno set. */
bool packet_pair(int ends[2]);

/*
 * Send bytes (at least one) and descriptors.  False with errno set: EAGAIN if
 * a non-blocking end is full, EMSGSIZE if bytes are over PACKET_MAX.
 */
bool packet_send(int fd, struct span bytes, const int *fds, int fd_count);

/* As packet_send, without descriptors: the parts as one packet. */
bool packet_send_parts(int fd, const struct span *parts, int count);

/*
 * Receive one packet: 1; 0 when the other end is closed, or sent a packet
 * without bytes; -1 with errno set.  A packet that was cut (bytes or
 * descriptors) is -1 with EBADMSG, and its descriptors are closed.
 */
int packet_receive(int fd, struct packet *packet);

struct span packet_span(const struct packet *packet);

/* Close the descriptors that were received and not taken. */
void packet_close_fds(struct packet *packet);

/* Take descriptor number i out of the packet; -1 if it has none. */
int packet_take_fd(struct packet *packet, int i);

#endif
