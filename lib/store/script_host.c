#include "store/script_host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"
#include "store/metadata.h"
#include "store/remembered.h"
#include "store/scripts.h"

enum {
	READ_MS = 1000
};

/* What may be known later spoils the run; the first such counts. */
static void
note(struct script_host *host, int error)
{
	if (host->trouble == 0)
		host->trouble = error;
}

static bool
has_mailbox(void *context, struct span mailbox)
{
	struct script_host *host = context;
	enum account_status status = account_has(host->account, mailbox);

	if (status != ACCOUNT_OK && status != ACCOUNT_NONEXISTENT &&
	    status != ACCOUNT_INVALID)
		note(host, errno);
	return status == ACCOUNT_OK;
}

static bool
find_metadata(
    void *context, struct span mailbox, struct span entry, struct buf *value)
{
	struct script_host *host = context;
	bool has = metadata_find(host->account, mailbox, entry, value);

	/* A file that is none of ours stays so. */
	if (!has && errno != EBADMSG)
		note(host, errno);
	return has;
}

static bool
is_remembered(void *context, struct span key)
{
	struct script_host *host = context;
	int maildir = account_root(host->account);

	if (host->trouble != 0)
		return false;
	/* Where none can be held, on a full disk, it is looked up all the
	   same. */
	if (!remembered_hold(maildir, key, &host->holds) && errno == EAGAIN) {
		note(host, errno);
		return false;
	}
	bool is = remembered_has(maildir, key, host->now);
	if (!is)
		note(host, errno);
	return is;
}

/* ---- other scripts, RFC 6609 ---- */

/* Those for all accounts are the administrator's files. */
static enum scripts_status
read_global(struct span name, struct buf *text)
{
	struct buf path = buf_new(PATH_MAX);
	enum scripts_status status = SCRIPTS_ERROR;

	buf_printf(&path, MTA_SIEVE "/%.*s.sieve", (int)name.len, name.ptr);
	const char *string = buf_string(&path);
	if (string == NULL || !scripts_is_name(name)) {
		buf_free(&path);
		return SCRIPTS_INVALID;
	}
	int fd = open(string, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1)
		status = errno == ENOENT || errno == ENAMETOOLONG
			     ? SCRIPTS_NONEXISTENT
			     : SCRIPTS_ERROR;
	else if (read_all(fd, text, READ_MS) == IO_OK)
		status = SCRIPTS_OK;
	if (fd != -1)
		close(fd);
	buf_free(&path);
	return status;
}

static bool
read_other(void *context, bool is_global, struct span name, struct buf *text)
{
	struct script_host *host = context;
	enum scripts_status status =
	    is_global ? read_global(name, text)
		      : scripts_read(account_root(host->account), name, text);

	if (status != SCRIPTS_OK && status != SCRIPTS_NONEXISTENT &&
	    status != SCRIPTS_INVALID)
		note(host, errno);
	return status == SCRIPTS_OK;
}

const struct sieve_host *
script_host_init(struct script_host *host, struct account *account, int64_t now)
{
	*host = (struct script_host){ .account = account,
		.now = now,
		.holds = -1,
		.host = { .context = host,
		    .has_mailbox = has_mailbox,
		    .metadata = find_metadata,
		    .script = read_other,
		    .is_remembered = is_remembered } };
	return &host->host;
}

void
script_host_end(struct script_host *host)
{
	if (host->holds != -1)
		close(host->holds);
	host->holds = -1;
}

void
script_host_remember(
    struct account *account, const struct sieve_result *result, int64_t now)
{
	for (size_t i = 0; i < result->count; i++) {
		const struct sieve_action *action = &result->actions[i];

		if (action->kind == SIEVE_REMEMBER &&
		    !remembered_add(account_root(account), action->handle, now,
			now + action->seconds))
			warn_errno("cannot remember a message");
	}
}
