#include "queue/filter.h"

#include <string.h>

#include "mail/addr.h"
#include "mail/header.h"

static const char *const stages[] = {
	[FILTER_CONNECT] = "connect",
	[FILTER_HELO] = "helo",
	[FILTER_MAIL] = "mail",
	[FILTER_RCPT] = "rcpt",
	[FILTER_MESSAGE] = "message",
	[FILTER_RESET] = "reset",
};

static const char verdict_letters[] = "ARDQXG";
static const char edit_letters[] = " aicd+-fb"; /* as enum filter_edit */

/* What each stage has, in this order; the first must not be missing. */
static const char *const stage_tags[] = {
	[FILTER_CONNECT] = "CMDNLPO",
	[FILTER_HELO] = "HES",
	[FILTER_MAIL] = "FU",
	[FILTER_RCPT] = "T",
	[FILTER_MESSAGE] = "ZI",
	[FILTER_RESET] = "",
};

/* The text of a request that a tag names; NULL for another tag. */
static struct span *
text_field(struct filter_request *request, char tag)
{
	switch (tag) {
	case 'M':
		return &request->host;
	case 'D':
		return &request->service;
	case 'C':
		return &request->client;
	case 'N':
		return &request->name;
	case 'L':
		return &request->local;
	case 'H':
		return &request->helo;
	case 'S':
		return &request->tls;
	case 'F':
		return &request->sender;
	case 'U':
		return &request->user;
	case 'T':
		return &request->recipient;
	case 'I':
		return &request->id;
	default:
		return NULL;
	}
}

static uint64_t *
number_field(struct filter_request *request, char tag)
{
	switch (tag) {
	case 'P':
		return &request->client_port;
	case 'O':
		return &request->local_port;
	case 'Z':
		return &request->size;
	default:
		return NULL;
	}
}

void
filter_add_request(struct buf *buf, const struct filter_request *request)
{
	struct filter_request copy = *request;
	const char *tag = stage_tags[request->stage];

	record_add_string(buf, 'Q', stages[request->stage]);
	for (; *tag != '\0'; tag++) {
		const struct span *text = text_field(&copy, *tag);
		const uint64_t *number = number_field(&copy, *tag);

		if (text != NULL)
			record_add(buf, *tag, *text);
		else if (number != NULL)
			record_add_number(buf, *tag, *number);
		else if (copy.is_esmtp)
			record_add_string(buf, *tag, "1");
	}
}

static bool
parse_stage(struct span packet, enum filter_stage *stage)
{
	struct span name;

	if (!record_find(packet, 'Q', &name))
		return false;
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		if (span_equal(name, span_of(stages[i]))) {
			*stage = (enum filter_stage)i;
			return true;
		}
	}
	return false;
}

bool
filter_parse_request(struct span packet, struct filter_request *request)
{
	struct span value;
	char tag;
	struct span rest = packet;

	*request = (struct filter_request){ .stage = FILTER_RESET };
	if (!parse_stage(packet, &request->stage))
		return false;
	const char *tags = stage_tags[request->stage];
	if (tags[0] != '\0' && !record_find(packet, tags[0], &value))
		return false;
	while (record_next(&rest, &tag, &value)) {
		if (tag == '\0' || strchr(tags, tag) == NULL)
			continue;
		struct span *text = text_field(request, tag);
		uint64_t *number = number_field(request, tag);

		if (text != NULL)
			*text = value;
		else if (number == NULL)
			request->is_esmtp = span_equal(value, span_of("1"));
		else if (!span_number(value, 10, INT64_MAX, number))
			return false;
	}
	return rest.len == 0;
}

/* ---- answers ---- */

static bool
is_digit(char c, char max)
{
	return c >= '0' && c <= max;
}

bool
filter_is_reply(struct span text, char class)
{
	if (text.len < 4 || text.len > FILTER_REPLY_MAX ||
	    text.ptr[0] != class || !is_digit(text.ptr[1], '5') ||
	    !is_digit(text.ptr[2], '9') || text.ptr[3] != ' ')
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < ' ' || text.ptr[i] > '~')
			return false;
	struct span status = span_slice(text, 4, text.len);
	/* A status of another class than the code's would mislead. */
	return status.len < 2 || status.ptr[1] != '.' || status.ptr[0] == class;
}

static bool
is_name(struct span name)
{
	if (name.len == 0 || name.len > FILTER_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] <= ' ' || name.ptr[i] > '~' ||
		    name.ptr[i] == ':')
			return false;
	return true;
}

/* A fold goes on with a blank; else a line would end the field. */
static bool
is_value(struct span value)
{
	if (value.len > FILTER_VALUE_MAX)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		char next = i + 1 < value.len ? value.ptr[i + 1] : '\0';

		if (value.ptr[i] == '\0' || value.ptr[i] == '\r' ||
		    (value.ptr[i] == '\n' && next != ' ' && next != '\t'))
			return false;
	}
	return true;
}

bool
filter_is_field(struct span name, struct span value)
{
	return is_name(name) && is_value(value);
}

void
filter_add_answer(struct buf *buf, const struct filter_answer *answer)
{
	if (answer->edit == FILTER_NO_EDIT) {
		record_add(buf, 'V',
		    (struct span){ &verdict_letters[answer->verdict], 1 });
		if (answer->text.len > 0)
			record_add(buf, 'W', answer->text);
		return;
	}
	record_add(buf, 'E', (struct span){ &edit_letters[answer->edit], 1 });
	switch (answer->edit) {
	case FILTER_ADD:
	case FILTER_INSERT:
	case FILTER_CHANGE:
	case FILTER_DELETE:
		record_add(buf, 'N', answer->name);
		record_add(buf, 'B', answer->value);
		record_add_number(buf, 'I', answer->index);
		break;
	case FILTER_ADD_RECIPIENT:
	case FILTER_DELETE_RECIPIENT:
		record_add(buf, 'T', answer->address);
		break;
	case FILTER_SENDER:
		record_add(buf, 'F', answer->address);
		break;
	case FILTER_NO_EDIT:
	case FILTER_BODY:
		break;
	}
}

/* The index of the one letter that value is; false if it is none of them. */
static bool
find_letter(struct span value, const char *letters, unsigned *index)
{
	if (value.len != 1 || value.ptr[0] == '\0' || value.ptr[0] == ' ')
		return false;
	const char *found = strchr(letters, value.ptr[0]);
	if (found == NULL)
		return false;
	*index = (unsigned)(found - letters);
	return true;
}

static bool
parse_verdict(struct span packet, struct filter_answer *answer)
{
	record_find(packet, 'W', &answer->text);
	switch (answer->verdict) {
	case FILTER_REJECT:
		return filter_is_reply(answer->text, '5');
	case FILTER_DEFER:
		return filter_is_reply(answer->text, '4');
	case FILTER_QUARANTINE:
		return answer->text.len <= FILTER_REPLY_MAX &&
		       header_is_safe(answer->text);
	case FILTER_ACCEPT:
	case FILTER_DISCARD:
	case FILTER_AGAIN:
		return true;
	}
	return false;
}

static bool
is_mailbox(struct span text)
{
	struct addr addr;

	return addr_parse_mailbox(text, &addr) == ADDR_OK &&
	       header_is_safe(text);
}

static bool
parse_edit(struct span packet, struct filter_answer *answer)
{
	switch (answer->edit) {
	case FILTER_ADD:
	case FILTER_INSERT:
	case FILTER_CHANGE:
	case FILTER_DELETE:
		record_find(packet, 'B', &answer->value);
		return record_find(packet, 'N', &answer->name) &&
		       filter_is_field(answer->name, answer->value) &&
		       record_find_number(
			   packet, 'I', UINT32_MAX, &answer->index);
	case FILTER_ADD_RECIPIENT:
	case FILTER_DELETE_RECIPIENT:
		return record_find(packet, 'T', &answer->address) &&
		       is_mailbox(answer->address);
	case FILTER_SENDER:
		return record_find(packet, 'F', &answer->address) &&
		       (answer->address.len == 0 ||
			   is_mailbox(answer->address));
	case FILTER_NO_EDIT:
	case FILTER_BODY:
		return true;
	}
	return false;
}

bool
filter_parse_answer(struct span packet, struct filter_answer *answer)
{
	struct span value;
	unsigned letter;

	*answer = (struct filter_answer){ .edit = FILTER_NO_EDIT };
	if (record_find(packet, 'V', &value) &&
	    find_letter(value, verdict_letters, &letter)) {
		answer->verdict = (enum filter_verdict)letter;
		return parse_verdict(packet, answer);
	}
	if (!record_find(packet, 'E', &value) ||
	    !find_letter(value, edit_letters, &letter))
		return false;
	answer->edit = (enum filter_edit)letter;
	return parse_edit(packet, answer);
}
