#include "net/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/control.h"

static bool
set_address(struct dial *dial, struct span host, struct span port_text)
{
	char copy[INET6_ADDRSTRLEN];
	struct sockaddr_in ipv4 = { .sin_family = AF_INET };
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6 };
	uint64_t port;

	if (!span_number(port_text, 10, UINT16_MAX, &port) || port == 0)
		return false;
	if (span_equal_nocase(host, span_of("localhost")))
		host = span_of("127.0.0.1");
	if (host.len == 0 || host.len >= sizeof(copy))
		return false;
	memcpy(copy, host.ptr, host.len);
	copy[host.len] = '\0';
	ipv4.sin_port = ipv6.sin6_port = htons((uint16_t)port);
	memset(&dial->address, 0, sizeof(dial->address));
	if (inet_pton(AF_INET, copy, &ipv4.sin_addr) == 1) {
		memcpy(&dial->address, &ipv4, sizeof(ipv4));
		dial->size = sizeof(ipv4);
		return true;
	}
	if (inet_pton(AF_INET6, copy, &ipv6.sin6_addr) == 1) {
		memcpy(&dial->address, &ipv6, sizeof(ipv6));
		dial->size = sizeof(ipv6);
		return true;
	}
	return false;
}

static bool
set_path(struct dial *dial, struct span path)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX };

	if (path.len < 2 || path.ptr[0] != '/' ||
	    path.len >= sizeof(local.sun_path))
		return false;
	memcpy(local.sun_path, path.ptr, path.len);
	memcpy(&dial->address, &local, sizeof(local));
	dial->size =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1);
	return true;
}

bool
dial_parse(struct span text, struct dial *dial)
{
	struct span rest = text;
	struct span kind = span_cut(&rest, ':');

	if (span_equal(kind, span_of("unix")) ||
	    span_equal(kind, span_of("local")))
		return set_path(dial, rest);
	if (span_equal(kind, span_of("inet")) ||
	    span_equal(kind, span_of("inet6"))) {
		struct span port = span_cut(&rest, '@');

		return set_address(dial, rest, port);
	}
	size_t colon = span_last_index(text, ':');
	struct span host = span_slice(text, 0, colon);
	if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
		host = span_slice(host, 1, host.len - 2);
	return set_address(dial, host, span_slice(text, colon + 1, text.len));
}

void
dial_control(const char *name, const char *fallback, struct dial *dial)
{
	struct buf text = control_value(name, fallback);

	if (!dial_parse(buf_span(&text), dial))
		control_complain_value(
		    name, "write ADDRESS:PORT or unix:/PATH");
	buf_free(&text);
}

int
dial_connect(const struct dial *dial, int64_t timeout_ms)
{
	int fd = socket(dial->address.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t error_size = sizeof(error);

	if (fd == -1)
		return -1;
	if (connect(fd, (const struct sockaddr *)&dial->address, dial->size) ==
	    0)
		return fd;
	if (errno != EINPROGRESS)
		error = errno;
	else if (poll(&wait, 1, (int)timeout_ms) != 1)
		error = ETIMEDOUT;
	else
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size);
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}
