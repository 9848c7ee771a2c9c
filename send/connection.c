#include "send/connection.h"

#include <poll.h>
#include <unistd.h>

enum {
	QUIT_TIMEOUT_MS = 5 * 1000
};

void
connection_set_deadline(
    struct connection *connection, const struct send_settings *settings)
{
	connection->deadline_ms = settings->transaction_ms == 0
				      ? 0
				      : clock_ms() + settings->transaction_ms;
	connection->client.deadline_ms = connection->deadline_ms;
}

bool
connection_is_stale(const struct connection *connection)
{
	struct pollfd wait = { .fd = connection->fd, .events = POLLIN };
	uint64_t mails_max = connection->client.mails_max;

	return connection->fd != -1 &&
	       ((mails_max > 0 && connection->mails >= mails_max) ||
		   reader_has_buffered(&connection->client.in) ||
		   poll(&wait, 1, 0) != 0);
}

void
connection_close(struct connection *connection)
{
	if (connection->fd == -1)
		return;
	if (connection->client.in.status == IO_OK &&
	    connection->client.out.status == IO_OK) {
		smtp_write(&connection->client, "QUIT");
		smtp_read(&connection->client, QUIT_TIMEOUT_MS);
	}
	smtp_free(&connection->client);
	close(connection->fd);
	connection->fd = -1;
}
