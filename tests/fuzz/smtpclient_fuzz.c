/*
 * smtpclient_fuzz - a server may say anything: replies are read or refused.
 */

#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/smtp_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct smtp_client client;
	int ends[2];

	if (size > 60000 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == -1)
		return 0;
	if (send(ends[1], data, size, 0) == -1)
		abort();
	shutdown(ends[1], SHUT_WR);
	smtp_open(&client, ends[0]);
	while (smtp_read(&client, 1000) != 0)
		if (smtp_status(&client)[0] == '\0' ||
		    client.text.len > SMTP_TEXT_MAX)
			abort();
	smtp_free(&client);
	close(ends[0]);
	close(ends[1]);
	return 0;
}
