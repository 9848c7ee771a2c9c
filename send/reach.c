#include "send/reach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"

bool
reach_add(struct reach *reach, struct span text, uint16_t port)
{
	struct reach_address *added = &reach->addresses[reach->count];
	char copy[INET6_ADDRSTRLEN];
	struct sockaddr_in ipv4 = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(port) };
	struct span number = span_starts_nocase(text, span_of("IPv6:"))
				 ? span_slice(text, 5, text.len)
				 : text;

	if (number.len >= sizeof(copy) || reach->count == REACH_MAX)
		return false;
	memcpy(copy, number.ptr, number.len);
	copy[number.len] = '\0';
	*added = (struct reach_address){ .text = text, .fd = -1 };
	if (inet_pton(AF_INET, copy, &ipv4.sin_addr) == 1) {
		memcpy(&added->address, &ipv4, sizeof(ipv4));
		added->size = sizeof(ipv4);
	} else if (inet_pton(AF_INET6, copy, &ipv6.sin6_addr) == 1) {
		memcpy(&added->address, &ipv6, sizeof(ipv6));
		added->size = sizeof(ipv6);
	} else {
		return false;
	}
	reach->count++;
	return true;
}

static bool
is_ipv6(const struct reach_address *address)
{
	return address->address.ss_family == AF_INET6;
}

static void
fail(struct reach *reach, struct reach_address *address, int error)
{
	if (address->fd != -1)
		close(address->fd);
	address->fd = -1;
	address->is_done = true;
	reach->chosen = (size_t)(address - reach->addresses);
	reach->error = error;
}

/* The port is chosen at connect, so that many connections may share one. */
static bool
bind_source(const struct source *source, int fd, bool to_ipv6)
{
	struct sockaddr_in ipv4 = { .sin_family = AF_INET,
		.sin_addr = source->ipv4 };
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6,
		.sin6_addr = source->ipv6 };
	const int on = 1;

	if (to_ipv6 ? !source->has_ipv6 : !source->has_ipv4)
		return true;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	return to_ipv6 ? bind(fd, (struct sockaddr *)&ipv6, sizeof(ipv6)) == 0
		       : bind(fd, (struct sockaddr *)&ipv4, sizeof(ipv4)) == 0;
}

static void
start(struct reach *reach, struct reach_address *address)
{
	reach->was_ipv6 = is_ipv6(address);
	address->deadline = clock_ms() + reach->timeout_ms;
	address->fd = socket(address->address.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (address->fd == -1 ||
	    (reach->source != NULL &&
		!bind_source(reach->source, address->fd, is_ipv6(address))) ||
	    (connect(address->fd, (struct sockaddr *)&address->address,
		 address->size) == -1 &&
		errno != EINPROGRESS))
		fail(reach, address, errno);
}

/* The next that was not tried: of the other family, if there is one. */
static struct reach_address *
next(struct reach *reach, bool is_first)
{
	struct reach_address *other = NULL;

	for (size_t i = 0; i < reach->count; i++) {
		struct reach_address *address = &reach->addresses[i];

		if (address->is_done || address->fd != -1)
			continue;
		if (is_first || is_ipv6(address) != reach->was_ipv6)
			return address;
		if (other == NULL)
			other = address;
	}
	return other;
}

/* It answered: the others wait until it turns out to be of no use. */
static int
take(struct reach *reach, struct reach_address *address)
{
	int fd = address->fd;

	address->fd = -1;
	address->is_done = true;
	reach->chosen = (size_t)(address - reach->addresses);
	for (size_t i = 0; i < reach->count; i++) {
		if (reach->addresses[i].fd != -1)
			close(reach->addresses[i].fd);
		reach->addresses[i].fd = -1;
	}
	return fd;
}

/* 1 it is connected, 0 not yet, -1 it failed */
static int
look(struct reach *reach, struct reach_address *address, short revents)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (revents == 0) {
		if (clock_ms() < address->deadline)
			return 0;
		fail(reach, address, ETIMEDOUT);
		return -1;
	}
	if (getsockopt(address->fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
		error = errno;
	if (error == 0)
		return 1;
	fail(reach, address, error);
	return -1;
}

/* Wait for those under way, until then; one that answered, or NULL. */
static struct reach_address *
await(struct reach *reach, int64_t until, bool *has_failed)
{
	struct pollfd wait[REACH_MAX];
	struct reach_address *found = NULL;

	for (size_t i = 0; i < reach->count; i++) {
		const struct reach_address *address = &reach->addresses[i];

		wait[i] =
		    (struct pollfd){ .fd = address->fd, .events = POLLOUT };
		if (address->fd != -1 && address->deadline < until)
			until = address->deadline;
	}
	int64_t left = until - clock_ms();
	poll(wait, reach->count, left < 0 ? 0 : (int)left);
	for (size_t i = 0; i < reach->count; i++) {
		struct reach_address *address = &reach->addresses[i];

		if (address->fd == -1)
			continue;
		int state = look(reach, address, wait[i].revents);
		if (state == 1 && found == NULL)
			found = address;
		*has_failed |= state == -1;
	}
	return found;
}

static bool
is_under_way(const struct reach *reach)
{
	for (size_t i = 0; i < reach->count; i++)
		if (reach->addresses[i].fd != -1)
			return true;
	return false;
}

int
reach_next(struct reach *reach)
{
	int64_t next_start = clock_ms();
	bool is_first = reach->error == 0;

	for (;;) {
		struct reach_address *address = next(reach, is_first);
		bool has_failed = false;

		if (address != NULL && clock_ms() >= next_start) {
			start(reach, address);
			is_first = false;
			if (address->fd != -1)
				next_start = clock_ms() + REACH_DELAY_MS;
			continue;
		}
		if (!is_under_way(reach))
			return -1;
		struct reach_address *found = await(reach,
		    address == NULL ? INT64_MAX : next_start, &has_failed);
		if (found != NULL)
			return take(reach, found);
		if (has_failed)
			next_start = clock_ms();
	}
}

int
reach_again(struct reach *reach)
{
	struct reach once = { .timeout_ms = reach->timeout_ms,
		.source = reach->source,
		.count = 1,
		.addresses = { reach->addresses[reach->chosen] } };

	once.addresses[0].is_done = false;
	int fd = reach_next(&once);
	if (fd == -1)
		reach->error = once.error;
	return fd;
}
