/*
 * tls_fuzz - the records between tlsd and keyd: any bytes are one or are
 * refused, and what is taken lies within its place.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "queue/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct key_request request;
	static struct key_answer answer;
	static struct key_certificate certificate;
	static struct packet packet;
	struct tls_connect connect;
	struct span bytes = { (const char *)data, size };

	if (key_parse_request(bytes, &request) &&
	    (request.len > sizeof(request.bytes) || request.len > size))
		abort();
	if (key_parse_answer(bytes, &answer) &&
	    (answer.len > sizeof(answer.bytes) || answer.len > size))
		abort();
	if (key_parse_certificate(bytes, &certificate) &&
	    (certificate.len > sizeof(certificate.chain) ||
		certificate.len > size))
		abort();
	packet = (struct packet){ .len = size, .fd_count = 1 };
	if (size <= sizeof(packet.bytes)) {
		memcpy(packet.bytes, data, size);
		if (tls_parse_connect(&packet, &connect) &&
		    (strlen(connect.names) >= sizeof(connect.names) ||
			strlen(connect.tlsa) >= sizeof(connect.tlsa)))
			abort();
	}
	return 0;
}
