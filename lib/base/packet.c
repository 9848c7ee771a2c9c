#include "base/packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool
packet_pair(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0;
}

static bool
send_parts(int fd, const struct span *parts, int part_count, const int *fds,
    int fd_count)
{
	union {
		char space[CMSG_SPACE(sizeof(int) * PACKET_FDS_MAX)];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec vector[PACKET_PARTS_MAX];
	struct msghdr message = { .msg_iov = vector };
	size_t room = PACKET_MAX;

	for (int i = 0; i < part_count; i++) {
		if (i == PACKET_PARTS_MAX || parts[i].len > room ||
		    fd_count > PACKET_FDS_MAX) {
			errno = EMSGSIZE;
			return false;
		}
		room -= parts[i].len;
		vector[i] =
		    (struct iovec){ .iov_base = (void *)(uintptr_t)parts[i].ptr,
			    .iov_len = parts[i].len };
	}
	message.msg_iovlen = (size_t)part_count;
	if (fd_count > 0) {
		size_t size = sizeof(int) * (size_t)fd_count;

		message.msg_control = control.space;
		message.msg_controllen = CMSG_SPACE(size);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(header), fds, size);
	}
	for (;;) {
		if (sendmsg(fd, &message, MSG_NOSIGNAL) != -1)
			return true;
		if (errno != EINTR)
			return false;
	}
}

bool
packet_send(int fd, struct span bytes, const int *fds, int fd_count)
{
	return send_parts(fd, &bytes, 1, fds, fd_count);
}

bool
packet_send_parts(int fd, const struct span *parts, int count)
{
	return send_parts(fd, parts, count, NULL, 0);
}

static void
take_control(struct packet *packet, struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);

	packet->fd_count = 0;
	for (; header != NULL; header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET ||
		    header->cmsg_type != SCM_RIGHTS)
			continue;
		size_t size = header->cmsg_len - CMSG_LEN(0);
		memcpy(packet->fds, CMSG_DATA(header), size);
		packet->fd_count = (int)(size / sizeof(int));
	}
}

int
packet_receive(int fd, struct packet *packet)
{
	union {
		char space[CMSG_SPACE(sizeof(int) * PACKET_FDS_MAX)];
		struct cmsghdr align;
	} control;
	struct iovec part = { .iov_base = packet->bytes,
		.iov_len = sizeof(packet->bytes) };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space) };
	ssize_t got;

	packet->len = 0;
	packet->fd_count = 0;
	do
		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (got == -1 && errno == EINTR);
	if (got == -1)
		return errno == ECONNRESET ? 0 : -1;
	take_control(packet, &message);
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		packet_close_fds(packet);
		errno = EBADMSG;
		return -1;
	}
	packet->len = (size_t)got;
	if (got == 0)
		packet_close_fds(packet); /* nobody would look for them */
	return got > 0 ? 1 : 0;
}

struct span
packet_span(const struct packet *packet)
{
	return (struct span){ packet->bytes, packet->len };
}

void
packet_close_fds(struct packet *packet)
{
	for (int i = 0; i < packet->fd_count; i++)
		if (packet->fds[i] != -1)
			close(packet->fds[i]);
	packet->fd_count = 0;
}

int
packet_take_fd(struct packet *packet, int i)
{
	if (i >= packet->fd_count)
		return -1;
	int fd = packet->fds[i];
	packet->fds[i] = -1;
	return fd;
}
