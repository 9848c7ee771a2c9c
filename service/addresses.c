#include "service/addresses.h"

#include "net/network.h"

enum {
	HOST_MAX = 64,
	PORT_MAX = 8
};

void
addresses_split(struct span text, struct buf *host, struct buf *service)
{
	size_t colon = span_last_index(text, ':');
	bool is_bracketed = text.len > 0 && text.ptr[0] == '[';
	bool is_bare_ipv6 = !is_bracketed && span_index(text, ':') != colon;

	if (is_bracketed) {
		size_t end = span_index(text, ']');

		buf_add(host, span_slice(text, 1, end - 1));
		text = span_slice(text, end + 1, text.len);
		colon = text.len > 0 && text.ptr[0] == ':' ? 0 : text.len;
	} else {
		buf_add(host, is_bare_ipv6 ? text : span_slice(text, 0, colon));
	}
	if (!is_bare_ipv6 && colon < text.len)
		buf_add(service, span_slice(text, colon + 1, text.len));
}

static bool
is_good(struct span text)
{
	struct buf host = buf_new(HOST_MAX);
	struct buf port = buf_new(PORT_MAX);
	struct network network;
	uint64_t number = 1;

	addresses_split(text, &host, &port);
	struct span host_text = buf_span(&host);
	bool is_host = span_equal(host_text, span_of("*")) ||
		       (network_parse(host_text, &network) &&
			   span_index(host_text, '/') == host_text.len);
	bool is_port = port.len == 0 ||
		       span_number(buf_span(&port), 10, UINT16_MAX, &number);
	bool has_overflow = host.overflow || port.overflow;

	buf_free(&host);
	buf_free(&port);
	return is_host && is_port && number > 0 && !has_overflow;
}

struct control_list
addresses_read(const char *name)
{
	struct control_list list = control_list(name);

	for (size_t i = 0; i < list.count; i++)
		if (!is_good(list.items[i]))
			control_complain(name, list.lines[i],
			    "write ADDRESS or ADDRESS:PORT, in numbers");
	return list;
}
