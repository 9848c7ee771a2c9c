#include "local/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bsd/unistd.h>

#include "base/die.h"
#include "base/sandbox.h"
#include "local/command.h"
#include "local/deliverer.h"

enum {
	DELIVERER_FD = 3
};

struct slot {
	int fd; /* the parser's end of the deliverer's pair; -1: free */
	uint32_t uid;
};

struct state {
	const struct spawner *spawner;
	struct slot slots[DELIVERERS_MAX];
	struct packet packet;
};

/*
 * The group must be the user's own: a parser that went wrong cannot ask for
 * another's.  Virtual accounts have no entry; theirs are as high as their uids.
 */
static bool
may_become(const struct spawner *spawner, uint32_t uid, uint32_t gid)
{
	if (uid == 0 || gid == 0)
		return false;
	if (uid == spawner->alias_uid)
		return gid == spawner->alias_gid;
	if (uid < spawner->uid_min)
		return false;
	const struct passwd *user = getpwuid(uid);
	return user != NULL ? user->pw_gid == gid : gid >= spawner->uid_min;
}

static _Noreturn void
become_deliverer(
    const struct spawner *spawner, int fd, const struct spawn_record *record)
{
	bool has_mail =
	    (record->flags & SPAWN_GROUP_MAIL) && spawner->mail_gid != 0;

	signal(SIGCHLD, SIG_DFL);
	if (fd != DELIVERER_FD && dup2(fd, DELIVERER_FD) == -1)
		temp_fail("cannot place the deliverer's pair");
	closefrom(DELIVERER_FD + 1);
	if (geteuid() == 0)
		become_user(record->uid, record->gid, &spawner->mail_gid,
		    has_mail ? 1 : 0);
	else if (geteuid() != record->uid)
		die(EX_NOPERM, "cannot become uid %u without root",
		    record->uid);
	/* Commands of one user's mail must not be read by his programs. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	exit(deliverer_run(DELIVERER_FD, spawner->program_timeout_ms));
}

static void
close_slot(struct slot *slot)
{
	if (slot->fd != -1)
		close(slot->fd);
	slot->fd = -1;
}

/* A refusal is a closed pair: the parser hears that nobody is there. */
static void
start(struct state *state, const struct spawn_record *record)
{
	struct slot *slot = &state->slots[record->slot];
	int theirs = packet_take_fd(&state->packet, 0);
	int ours = packet_take_fd(&state->packet, 1);

	close_slot(slot);
	if (theirs == -1 || ours == -1)
		die(EX_PROTOCOL, "the parser sent no pair");
	if (!may_become(state->spawner, record->uid, record->gid)) {
		log_event("refused to become uid %u gid %u: below "
			  "control/uidmin, or not that user's group",
		    record->uid, record->gid);
		close(theirs);
		close(ours);
		return;
	}
	pid_t child = fork();
	if (child == 0)
		become_deliverer(state->spawner, theirs, record);
	if (child == -1)
		warn_errno("cannot fork");
	close(theirs);
	*slot = (struct slot){ .fd = ours, .uid = record->uid };
	if (child == -1)
		close_slot(slot);
}

/*
 * Give a queue file to its recipient: only a plain file that an injector or
 * the manager owns and that has no other name yet.  One that is the
 * recipient's already is a retry.
 */
static bool
give_file(const struct state *state, int fd, uint32_t uid)
{
	const unsigned *owners = state->spawner->queue_uids;
	struct stat status;

	if (geteuid() != 0)
		return true;
	if (fstat(fd, &status) == -1 || !S_ISREG(status.st_mode))
		return false;
	if (status.st_uid == uid)
		return true;
	if ((status.st_uid != owners[0] && status.st_uid != owners[1]) ||
	    status.st_uid == 0 || status.st_nlink != 1) {
		log_event("refused to give a file of uid %u with %lu names "
			  "to uid %u",
		    status.st_uid, (unsigned long)status.st_nlink, uid);
		return false;
	}
	return fchown(fd, uid, (gid_t)-1) == 0;
}

/*
 * The command travels without the file if it may not be given: the deliverer
 * then answers that it cannot read it, and the message is kept.
 */
static void
relay(struct state *state, const struct spawn_record *record)
{
	struct slot *slot = &state->slots[record->slot];
	struct span command = span_slice(
	    packet_span(&state->packet), sizeof(*record), state->packet.len);
	int fd = packet_take_fd(&state->packet, 0);

	if (slot->fd == -1 || slot->uid != record->uid) {
		if (fd != -1)
			close(fd);
		return; /* it ended, and the parser will see that */
	}
	bool is_given = fd != -1 && give_file(state, fd, slot->uid);
	if (!packet_send(slot->fd, command, &fd, is_given ? 1 : 0)) {
		warn_errno("cannot pass a command on");
		/* The parser's copy would keep the deliverer waiting. */
		shutdown(slot->fd, SHUT_WR);
		close_slot(slot);
	}
	if (fd != -1)
		close(fd);
}

/* False when the parser says goodbye. */
static bool
handle(struct state *state)
{
	struct spawn_record record;

	if (state->packet.len < sizeof(record))
		die(EX_PROTOCOL, "the parser sent a short record");
	memcpy(&record, state->packet.bytes, sizeof(record));
	if (record.slot >= DELIVERERS_MAX)
		die(EX_PROTOCOL, "the parser named slot %u", record.slot);
	switch ((enum spawn_op)record.op) {
	case SPAWN_START:
		start(state, &record);
		return true;
	case SPAWN_RELAY:
		relay(state, &record);
		return true;
	case SPAWN_STOP:
		close_slot(&state->slots[record.slot]);
		return true;
	case SPAWN_BYE:
		return false;
	}
	die(EX_PROTOCOL, "the parser sent operation %u", record.op);
}

int
spawner_run(const struct spawner *spawner)
{
	struct state *state = calloc(1, sizeof(*state));
	int got;

	if (state == NULL)
		temp_fail("out of memory");
	state->spawner = spawner;
	for (size_t i = 0; i < DELIVERERS_MAX; i++)
		state->slots[i].fd = -1;
	signal(SIGCHLD, SIG_IGN); /* the kernel buries them */
	while (
	    (got = packet_receive(spawner->parser_fd, &state->packet)) == 1) {
		if (!handle(state))
			return EX_OK;
		packet_close_fds(&state->packet);
	}
	if (got == -1)
		temp_fail("cannot read from the parser");
	die(EX_SOFTWARE, "the parser ended without a word");
}
