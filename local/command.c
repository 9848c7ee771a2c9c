#include "local/command.h"

#include <string.h>

/* The span that a tag names; NULL for another tag. */
static struct span *
field(struct command *command, char tag)
{
	switch (tag) {
	case 'p':
		return &command->path;
	case 'n':
		return &command->name;
	case 'i':
		return &command->id;
	case 'f':
		return &command->sender;
	case 't':
		return &command->recipient;
	case 'a':
		return &command->account;
	case 'h':
		return &command->home;
	case 'x':
		return &command->extension;
	case 'j':
		return &command->new_id;
	case 's':
		return &command->new_sender;
	case 'e':
		return &command->envid;
	case 'r':
		return &command->ret;
	case 'c':
		return &command->solicitation;
	default:
		return NULL;
	}
}

static const char tags[] = "pniftahxjserc";

static unsigned
flags_of(const struct command *command)
{
	return (command->is_whole ? 1U : 0) | (command->is_8bit ? 2U : 0) |
	       (command->needs_utf8 ? 4U : 0) |
	       (command->may_be_there ? 8U : 0) |
	       (command->requires_tls ? 16U : 0);
}

void
command_add(struct buf *buf, const struct command *command)
{
	struct command copy = *command;
	char kind = (char)command->kind;

	record_add(buf, 'k', (struct span){ &kind, 1 });
	record_add_number(buf, 'N', command->number);
	record_add_number(buf, 'o', command->offset);
	record_add_number(buf, 'l', command->length);
	record_add_number(buf, 'g', flags_of(command));
	priority_add(buf, 'y', command->priority);
	for (size_t i = 0; i < sizeof(tags) - 1; i++)
		record_add(buf, tags[i], *field(&copy, tags[i]));
	buf_add(buf, command->recipients);
}

static bool
take_record(struct command *command, char tag, struct span value)
{
	struct span *span = field(command, tag);
	uint64_t number = 0;

	if (span != NULL) {
		*span = value;
		return true;
	}
	if (tag == 'k') {
		command->kind =
		    value.len == 1 ? (enum command_kind)value.ptr[0] : 0;
		return value.len == 1 && strchr("LBFPWI", value.ptr[0]) != NULL;
	}
	if (tag == 'y')
		return priority_parse(value, &command->priority);
	if (!span_number(value, 10, INT64_MAX, &number))
		return false;
	switch (tag) {
	case 'N':
		command->number = number;
		return true;
	case 'o':
		command->offset = number;
		return true;
	case 'l':
		command->length = number;
		return true;
	case 'g':
		command->is_whole = number & 1;
		command->is_8bit = number & 2;
		command->needs_utf8 = number & 4;
		command->may_be_there = number & 8;
		command->requires_tls = number & 16;
		return true;
	default:
		return false;
	}
}

bool
command_parse(struct span packet, struct command *command)
{
	struct span rest = packet;
	struct span value;
	char tag;

	*command = (struct command){ .number = 0 };
	while (rest.len > 0) {
		struct span here = rest;

		if (!record_next(&rest, &tag, &value))
			return false;
		if (tag == 'T') {
			command->recipients = here;
			break;
		}
		if (!take_record(command, tag, value))
			return false;
	}
	return command->kind != 0;
}
