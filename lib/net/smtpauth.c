#include "net/smtpauth.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/die.h"
#include "base/paths.h"
#include "mail/base64.h"

static const char encoded[] = "base64:";

/* "HOST", "HOST:PORT", "[ADDRESS]", "[ADDRESS]:PORT" */
static bool
parse_host(struct span word, struct smtpauth *smtpauth)
{
	uint64_t port = 0;
	size_t end = word.len > 0 && word.ptr[0] == '['
			 ? span_index(word, ']') + 1
			 : span_index(word, ':');
	struct span rest = span_slice(word, end, word.len);

	smtpauth->host = span_slice(word, 0, end);
	if (end > word.len || smtpauth->host.len == 0)
		return false;
	if (rest.len > 0 && (rest.ptr[0] != ':' ||
				!span_number(span_slice(rest, 1, rest.len), 10,
				    UINT16_MAX, &port) ||
				port == 0))
		return false;
	smtpauth->port = (uint16_t)port;
	return true;
}

static bool
is_sender(struct span word)
{
	size_t at = span_last_index(word, '@');

	return span_equal(word, span_of("*")) || at + 1 < word.len;
}

static bool
decode(struct span text, char bytes[SMTPAUTH_WORD_MAX], size_t *len)
{
	return base64_decode(span_slice(text, sizeof(encoded) - 1, text.len),
	    bytes, SMTPAUTH_WORD_MAX, len);
}

static bool
is_password(struct span text)
{
	char bytes[SMTPAUTH_WORD_MAX];
	size_t len = text.len;
	bool is_good =
	    !span_starts(text, span_of(encoded)) || decode(text, bytes, &len);

	explicit_bzero(bytes, sizeof(bytes));
	return is_good && len > 0 && len <= SMTPAUTH_WORD_MAX;
}

bool
smtpauth_parse(struct span line, struct smtpauth *smtpauth)
{
	if (!parse_host(span_cut_word(&line), smtpauth))
		return false;
	smtpauth->sender = span_cut_word(&line);
	smtpauth->user = span_cut_word(&line);
	smtpauth->password = line;
	return is_sender(smtpauth->sender) && smtpauth->user.len > 0 &&
	       smtpauth->user.len <= SMTPAUTH_WORD_MAX &&
	       is_password(smtpauth->password);
}

void
smtpauth_password(const struct smtpauth *smtpauth, struct buf *password)
{
	char bytes[SMTPAUTH_WORD_MAX];
	size_t len;

	if (!span_starts(smtpauth->password, span_of(encoded)))
		buf_add(password, smtpauth->password);
	else if (decode(smtpauth->password, bytes, &len))
		buf_add(password, (struct span){ bytes, len });
	explicit_bzero(bytes, sizeof(bytes));
}

static void
check_mode(void)
{
	struct stat status;

	if (stat(MTA_CONTROL "/smtpauth", &status) == -1) {
		if (errno == ENOENT)
			return;
		temp_fail("cannot look at " MTA_CONTROL "/smtpauth");
	}
	if (status.st_mode & (S_IRWXO | S_IWGRP | S_IXGRP))
		control_complain("smtpauth", 1,
		    "others can read it: chown root:mta-remote-auth, "
		    "chmod 640");
}

uint64_t
smtpauth_stamp(void)
{
	struct stat status;

	if (stat(MTA_CONTROL "/smtpauth", &status) == -1)
		return 0;
	return (uint64_t)status.st_mtim.tv_sec * 1000000000 +
	       (uint64_t)status.st_mtim.tv_nsec;
}

struct control_list
smtpauth_read(void)
{
	struct control_list list = control_list("smtpauth");

	for (size_t i = 0; i < list.count; i++) {
		struct smtpauth smtpauth;

		if (!smtpauth_parse(list.items[i], &smtpauth))
			control_complain("smtpauth", list.lines[i],
			    "write HOST[:PORT] SENDER USER PASSWORD; SENDER "
			    "is an address, @DOMAIN or *");
	}
	check_mode();
	return list;
}

bool
smtpauth_is_for(
    const struct smtpauth *smtpauth, struct span host, uint16_t port)
{
	return span_equal_nocase(smtpauth->host, host) &&
	       (smtpauth->port == 0 || smtpauth->port == port);
}

/* 3 the address, 2 its domain, 1 all, 0 not */
static int
closeness(struct span pattern, struct span sender)
{
	if (span_equal(pattern, span_of("*")))
		return 1;
	if (pattern.ptr[0] == '@')
		return span_equal_nocase(pattern,
			   span_slice(sender, span_last_index(sender, '@'),
			       sender.len))
			   ? 2
			   : 0;
	return span_equal_nocase(pattern, sender) ? 3 : 0;
}

size_t
smtpauth_find(const struct control_list *list, struct span host, uint16_t port,
    struct span sender, bool *is_for_host)
{
	size_t place = 0;
	int best = 0;

	*is_for_host = false;
	for (size_t i = 0; i < list->count; i++) {
		struct smtpauth smtpauth;

		if (!smtpauth_parse(list->items[i], &smtpauth) ||
		    !smtpauth_is_for(&smtpauth, host, port))
			continue;
		*is_for_host = true;
		int close = closeness(smtpauth.sender, sender);
		if (close <= best)
			continue;
		best = close;
		place = i + 1;
	}
	return place;
}
