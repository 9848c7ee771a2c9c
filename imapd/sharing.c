#include "imapd/sharing.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/die.h"
#include "imapd/rights.h"
#include "queue/login.h"

enum {
	ANSWER_MS = 30000
};

/*
 * True if the answer is YES; its text is in the packet.  Without an answer in
 * time nothing more is asked: that one would be taken for the next one's, which
 * is another owner's.
 */
static bool
ask(struct session *session, enum sharing_kind kind, struct span text,
    struct packet *packet, struct sharing_record *answer)
{
	int fd = session->settings->sharing;

	if (session->has_lost_login)
		return false;
	if (!sharing_send(fd, kind, text, -1) ||
	    sharing_receive(fd, packet, answer, ANSWER_MS) != 1) {
		warn_errno("login does not answer user=%s: no sharing in this "
			   "session",
		    session->settings->user);
		session->has_lost_login = true;
		/* Nor by the process's next client: it has none. */
		shutdown(fd, SHUT_RDWR);
		return false;
	}
	return answer->kind == SHARING_YES;
}

enum account_status
sharing_publish(struct session *session)
{
	static struct packet packet;
	struct sharing_record answer = { .kind = SHARING_LATER };
	struct buf names = buf_new(SHARING_TEXT_MAX);

	if (session->settings->sharing == -1)
		return ACCOUNT_OK;
	enum account_status status = acl_grantees(session->account, &names);
	if (status == ACCOUNT_OK &&
	    !ask(session, SHARING_PUBLISH, buf_span(&names), &packet, &answer))
		status =
		    answer.kind == SHARING_NO ? ACCOUNT_LIMIT : ACCOUNT_ERROR;
	packet_close_fds(&packet);
	buf_free(&names);
	return status;
}

bool
sharing_owners(struct session *session, struct buf *owners)
{
	static struct packet packet;
	struct sharing_record answer;
	bool is_told =
	    ask(session, SHARING_OWNERS, span_of(""), &packet, &answer);

	if (is_told)
		buf_add(owners, answer.text);
	packet_close_fds(&packet);
	return is_told && !owners->overflow;
}

/* May a text be an account's name? Another one login takes amiss. */
static bool
is_account(struct span name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.ptr[i] < ' ' || name.ptr[i] == 0x7f)
			return false;
	return name.len > 0 && name.len <= LOGIN_USER_MAX;
}

int
sharing_open(struct session *session, enum sharing_kind kind, struct span owner,
    bool *is_later)
{
	static struct packet packet;
	struct sharing_record answer;
	int fd = -1;

	*is_later = false;
	if (!is_account(owner))
		return -1;
	answer.kind = SHARING_LATER;
	if (ask(session, kind, owner, &packet, &answer))
		fd = packet_take_fd(&packet, 0);
	*is_later = fd == -1 && answer.kind != SHARING_NO;
	packet_close_fds(&packet);
	return fd;
}

int
sharing_injector(struct session *session)
{
	static struct packet packet;
	struct sharing_record answer;

	if (session->injector != -1 || session->settings->sharing == -1)
		return session->injector;
	if (ask(session, SHARING_SUBMIT, span_of(""), &packet, &answer))
		session->injector = packet_take_fd(&packet, 0);
	packet_close_fds(&packet);
	return session->injector;
}

bool
sharing_may_send(struct session *session, uint64_t recipients, bool *is_later)
{
	static struct packet packet;
	struct sharing_record answer;
	char digits[SPAN_DIGITS_MAX];

	/* Then there is nobody to send by, either. */
	if (session->settings->sharing == -1)
		return true;
	answer.kind = SHARING_LATER;
	bool may_send = ask(session, SHARING_COUNT,
	    span_digits(recipients, digits), &packet, &answer);
	*is_later = !may_send && answer.kind != SHARING_NO;
	packet_close_fds(&packet);
	return may_send;
}

void
sharing_free(struct session *session)
{
	if (session->injector != -1)
		close(session->injector);
	session->injector = -1;
}
