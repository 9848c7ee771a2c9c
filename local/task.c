#include "local/task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "local/header.h"
#include "queue/inject.h"
#include "store/maildir_deliver.h"

enum {
	RETRY_AGE_US = 30000000 /* older messages may have been tried before */
};

struct task {
	struct parser *parser;
	int fd;
	struct buf bytes; /* the manager's packet */
	struct delivery delivery;
	struct span recipient;
	struct span original; /* its ORCPT and NOTIFY */
	struct span notify;
	enum verdict_action action;
	struct expansion expansion;
	bool is_expanded; /* actions are under way, no more will come */
	size_t action_count;
	size_t running;
	enum verdict_kind kind; /* the worst so far */
	char code[16];
	struct buf text;
};

/* ---- the end ---- */

static void
free_task(struct task *task)
{
	if (task->fd != -1)
		close(task->fd);
	expand_free(&task->expansion);
	buf_free(&task->bytes);
	buf_free(&task->text);
	free(task);
}

/* A deliverer's words go into logs and bounces: one line, no control bytes. */
static void
flatten(struct buf *text)
{
	for (size_t i = 0; i < text->len; i++)
		if ((unsigned char)text->data[i] < ' ' || text->data[i] == 0x7f)
			text->data[i] = ' ';
}

static int
rank(enum verdict_kind kind)
{
	switch (kind) {
	case VERDICT_DELIVERED:
		return 0;
	case VERDICT_LINKED:
		return 1;
	case VERDICT_FAILED:
		return 2;
	case VERDICT_LATER:
	case VERDICT_UNREACHABLE:
		return 3;
	}
	return 3;
}

static void
answer(struct task *task)
{
	struct parser *parser = task->parser;
	bool is_good = rank(task->kind) < rank(VERDICT_FAILED);
	struct verdict verdict = { .number = task->delivery.number,
		.kind = task->kind,
		.action = is_good ? task->action : ACTION_DELIVERED,
		.code = span_of(task->code) };

	flatten(&task->text);
	verdict.text = buf_span(&task->text);
	buf_clear(&parser->reply);
	verdict_add(&parser->reply, &verdict);
	/* The manager would wait for ever: all begins anew. */
	if (!packet_send(parser->manager_fd, buf_span(&parser->reply), NULL, 0))
		temp_fail("%s the manager does not hear the verdict",
		    task->delivery.id.text);
	free_task(task);
}

/* Let a verdict count: the worst one decides, and its words come along. */
static void
count(struct task *task, enum verdict_kind kind, struct span code,
    struct span text)
{
	bool is_good = rank(kind) < rank(VERDICT_FAILED);

	if (rank(kind) > rank(task->kind) || task->code[0] == '\0') {
		if (!is_good && rank(task->kind) < rank(VERDICT_FAILED))
			buf_clear(&task->text); /* of what went well */
		task->kind = kind;
		size_t len = code.len < sizeof(task->code)
				 ? code.len
				 : sizeof(task->code) - 1;
		if (len > 0)
			memcpy(task->code, code.ptr, len);
		task->code[len] = '\0';
	} else if (is_good) {
		return;
	}
	if (task->text.len > 0)
		buf_add_string(&task->text, "; ");
	buf_add(&task->text, span_slice(text, 0, DELIVERY_TEXT_MAX / 2));
}

/* ---- actions ---- */

/*
 * RFC 3461 section 5.2.7: an alias of one member passes all on; one of several
 * all but SUCCESS, which it answers itself ("expanded"); a list with an owner
 * (its sender is another) nothing.
 */
static void
set_members(struct parser *parser, const struct task *task,
    const struct action *action, struct command *command)
{
	struct span rest = buf_span(&action->recipients);
	struct recipient member;
	char letters[4];
	size_t count = 0;

	buf_clear(&parser->members);
	for (size_t i = 0; i < task->notify.len && i < sizeof(letters); i++)
		if (task->action == ACTION_PASSED || task->notify.ptr[i] != 's')
			letters[count++] = task->notify.ptr[i];
	if (count == 0 && task->notify.len > 0)
		letters[count++] = 'n';
	while (envelope_next(&rest, &member)) {
		member.notify = (struct span){ letters, count };
		/* Where it would not fit, the address itself matters more. */
		if (parser->members.len + rest.len + task->original.len <
		    EXPAND_FORWARD_MAX)
			member.original = task->original;
		envelope_add_recipient(&parser->members, &member);
	}
	command->recipients = buf_span(&parser->members);
	command->envid = task->delivery.envid;
	command->ret = task->delivery.ret;
}

static void
set_forward(struct parser *parser, const struct task *task,
    const struct action *action, struct command *command)
{
	struct buf *purpose = &parser->purpose;

	buf_clear(purpose);
	buf_add_string(purpose, "forward");
	buf_add(purpose, task->recipient);
	buf_add_char(purpose, '\0');
	buf_add(purpose, buf_span(&action->owner));
	buf_add(purpose, buf_span(&action->recipients));
	parser->new_id = queue_id_derive(&task->delivery.id, buf_span(purpose));
	command->new_id = span_of(parser->new_id.text);
	if (action->has_owner)
		command->recipients = buf_span(&action->recipients);
	else
		set_members(parser, task, action, command);
	command->name = buf_span(&parser->host);
	/* A report about a report would run in circles: null stays null. */
	command->new_sender = action->has_owner && command->sender.len > 0
				  ? buf_span(&action->owner)
				  : command->sender;
}

static void
set_name(
    struct parser *parser, const struct task *task, struct command *command)
{
	const struct queue_id *id = &task->delivery.id;
	struct maildir_name name = { .seconds = queue_id_time_us(id) / 1000000,
		.id = span_of(id->text),
		.host = buf_span(&parser->host) };

	/* A linked file has one recipient, a copy is named for its own. */
	if (!command->is_whole)
		name.recipient = task->recipient;
	buf_clear(&parser->name);
	maildir_add_name(&parser->name, &name);
	command->name = buf_span(&parser->name);
	command->may_be_there =
	    clock_utc_us() - queue_id_time_us(id) > RETRY_AGE_US;
}

int
task_fill(
    void *context, const struct work *work, struct command *command, int fds[2])
{
	struct parser *parser = context;
	const struct action *action = work->action;
	const struct task *task = work->task;
	const struct delivery *delivery = &task->delivery;

	*command = (struct command){ .number = work->number,
		.kind = action->kind,
		.path = buf_span(&action->path),
		.id = span_of(delivery->id.text),
		.sender = delivery->sender,
		.recipient = task->recipient,
		.account = buf_span(&action->account),
		.home = buf_span(&action->home),
		.extension = buf_span(&action->extension),
		.offset = delivery->offset,
		.length = delivery->length,
		.is_8bit = delivery->is_8bit,
		.needs_utf8 = delivery->needs_utf8,
		.requires_tls = delivery->requires_tls,
		.priority = delivery->priority,
		.solicitation = delivery->solicitation };
	/* The file can be given to one user only. */
	command->is_whole = delivery->is_plain && task->action_count == 1 &&
			    action->kind == COMMAND_MAILDIR;
	fds[0] = task->fd;
	if (action->kind == COMMAND_INCLUDE)
		return 0;
	if (action->kind == COMMAND_MAILDIR)
		set_name(parser, task, command);
	else if (action->kind == COMMAND_FORWARD)
		set_forward(parser, task, action, command);
	if ((action->kind != COMMAND_FORWARD && !action->is_asked) ||
	    parser->inject_fd == -1)
		return 1;
	fds[1] = neighbour_open_session_of(parser->inject_fd, INJECT_FOR_USERS);
	if (fds[1] == -1 && (errno == EPIPE || errno == ECONNRESET))
		temp_fail("queue-inject is gone"); /* the chain starts anew */
	return fds[1] == -1 ? 1 : 2;
}

static void
add_action(struct task *task, struct action *action)
{
	task->running++;
	pool_add(&task->parser->pool, action, task);
}

/* What this is, in the words of RFC 3461 section 5.2.7. */
static void
choose_action(struct task *task)
{
	const struct action *action = task->expansion.actions;
	struct recipient member;
	size_t forwards = 0;

	for (; action != NULL; action = action->next)
		forwards +=
		    action->kind == COMMAND_FORWARD && !action->has_owner;
	if (forwards == 0)
		return;
	struct span rest = buf_span(&task->expansion.actions->recipients);
	bool is_single = task->action_count == 1 &&
			 envelope_next(&rest, &member) && rest.len == 0;
	task->action = is_single ? ACTION_PASSED : ACTION_EXPANDED;
}

static void
start_actions(struct task *task)
{
	struct expansion *expansion = &task->expansion;
	struct action *next;

	task->is_expanded = true;
	if (expansion->is_failed)
		count(task, VERDICT_FAILED, span_of("5.1.1"),
		    buf_span(&expansion->text));
	for (next = expansion->actions; next != NULL; next = next->next)
		task->action_count++;
	choose_action(task);
	while (expansion->actions != NULL) {
		struct action *action = expansion->actions;

		expansion->actions = action->next;
		action->next = NULL;
		add_action(task, action);
	}
}

/* Go on as far as possible without a deliverer's answer. */
static void
advance(struct task *task)
{
	struct expansion *expansion = &task->expansion;
	struct action *include;

	while (!expansion->is_later &&
	       (include = expand_take_include(expansion)) != NULL)
		add_action(task, include);
	if (task->running > 0)
		return;
	if (expansion->is_later) {
		count(task, VERDICT_LATER, span_of("4.2.4"),
		    buf_span(&expansion->text));
		answer(task);
		return;
	}
	start_actions(task);
	if (task->action_count > 0)
		return;
	if (!expansion->is_failed)
		count(task, VERDICT_LATER, span_of("4.2.4"),
		    span_of("the alias names nobody: its members are itself, "
			    "or its list is empty"));
	answer(task);
}

/* The list that an include's deliverer opened, read through its descriptor. */
static void
read_include(struct task *task, const struct work *work, int fd)
{
	struct buf text = buf_new(EXPAND_TEXT_MAX);
	enum io_status status = read_all(fd, &text, 1000);

	if (status == IO_OK) {
		expand_include(&task->expansion, work->action, buf_span(&text));
	} else {
		task->expansion.is_later = true;
		buf_printf(&task->expansion.text, "%s: %s",
		    buf_string(&work->action->path),
		    status == IO_TOO_LONG ? "longer than 1 MiB"
					  : "cannot be read");
	}
	buf_free(&text);
}

static void
finish_include(struct task *task, const struct work *work,
    const struct verdict *verdict, int fd)
{
	if (verdict->kind == VERDICT_DELIVERED && fd != -1) {
		read_include(task, work, fd);
	} else {
		task->expansion.is_later = true;
		buf_add(
		    &task->expansion.text, span_slice(verdict->text, 0, 300));
	}
	if (task->running == 0)
		advance(task);
}

/* A script that wants something of the queue; once, or it would go on. */
static bool
is_asking(const struct work *work, const struct verdict *verdict)
{
	return work->action->kind == COMMAND_MAILDIR &&
	       verdict->kind == VERDICT_LATER &&
	       verdict->action == ACTION_ASKS && !work->action->is_asked;
}

/* What leaves no trace in a mailbox is logged here. */
static void
log_action(const struct task *task, const struct work *work,
    const struct verdict *verdict)
{
	if (work->action->kind != COMMAND_FORWARD &&
	    work->action->kind != COMMAND_PROGRAM)
		return;
	log_event("%s alias to=<%.*s> kind=%s result=%c text=%.*s",
	    task->delivery.id.text, (int)task->recipient.len,
	    task->recipient.ptr,
	    work->action->kind == COMMAND_FORWARD ? "forward" : "program",
	    (char)verdict->kind, (int)verdict->text.len, verdict->text.ptr);
}

void
task_done(
    void *context, struct work *work, const struct verdict *verdict, int fd)
{
	struct task *task = work->task;

	(void)context;
	if (is_asking(work, verdict)) {
		work->action->is_asked = true;
		pool_add_again(&task->parser->pool, work);
		if (fd != -1)
			close(fd);
		return;
	}
	task->running--;
	if (work->action->kind == COMMAND_INCLUDE) {
		finish_include(task, work, verdict, fd);
	} else {
		log_action(task, work, verdict);
		count(task, verdict->kind, verdict->code, verdict->text);
		if (task->running == 0)
			answer(task);
	}
	if (fd != -1)
		close(fd);
}

/* ---- the beginning ---- */

static void
check_header(struct task *task)
{
	const struct delivery *delivery = &task->delivery;

	switch (header_check(
	    task->fd, delivery->offset, delivery->length, task->recipient)) {
	case HEADER_NEW:
		return;
	case HEADER_LOOP:
		count(task, VERDICT_FAILED, span_of("5.4.6"),
		    span_of("mail loop: this message was delivered to this "
			    "address before (Delivered-To)"));
		return;
	case HEADER_ERROR:
		warn_errno("%s cannot be read", delivery->id.text);
		count(task, VERDICT_LATER, span_of("4.3.0"),
		    span_of("the message cannot be read"));
		return;
	}
}

void
task_start(struct parser *parser, struct packet *packet)
{
	struct task *task = calloc(1, sizeof(*task));

	if (task == NULL)
		temp_fail("out of memory");
	task->parser = parser;
	task->kind = VERDICT_DELIVERED;
	task->bytes = buf_new(PACKET_MAX);
	task->text = buf_new(DELIVERY_TEXT_MAX);
	task->fd = packet_take_fd(packet, 0);
	packet_close_fds(packet);
	buf_add(&task->bytes, packet_span(packet));
	if (!delivery_parse(buf_span(&task->bytes), &task->delivery)) {
		log_event("the manager sent what is no delivery");
		free_task(task);
		return;
	}
	const struct recipient recipient = delivery_recipient(&task->delivery);
	task->recipient = recipient.address;
	task->original = recipient.original;
	task->notify = recipient.notify;
	check_header(task);
	if (task->code[0] != '\0') {
		answer(task);
		return;
	}
	expand_start(&task->expansion, &parser->expander, task->recipient);
	advance(task);
}
