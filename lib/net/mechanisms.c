#include "net/mechanisms.h"

#include "queue/login.h"

enum need {
	NEEDS_NOTHING,
	NEEDS_BINDING = 1 << 0,
	NEEDS_CERTIFICATE = 1 << 1,
	NEEDS_OAUTH = 1 << 2,
	NEEDS_SCRAM = 1 << 3,
	NEEDS_DIGEST = 1 << 4
};

static const struct mechanism {
	const char *name;
	unsigned needs;
	bool is_off; /* unless control/authmechanisms names it */
} known[] = {
	{ "EXTERNAL", NEEDS_CERTIFICATE, false },
	{ "SCRAM-SHA-256-PLUS", NEEDS_SCRAM | NEEDS_BINDING, false },
	{ "SCRAM-SHA-256", NEEDS_SCRAM, false },
	{ "SCRAM-SHA-1-PLUS", NEEDS_SCRAM | NEEDS_BINDING, false },
	{ "SCRAM-SHA-1", NEEDS_SCRAM, false },
	{ "CRAM-MD5", NEEDS_DIGEST, true },
	{ "PLAIN", NEEDS_NOTHING, false },
	{ "LOGIN", NEEDS_NOTHING, false },
	{ "OAUTHBEARER", NEEDS_OAUTH, false },
	{ "XOAUTH2", NEEDS_OAUTH, false },
};

enum {
	KNOWN = sizeof(known) / sizeof(*known)
};

static size_t
find(struct span name)
{
	size_t i = 0;

	while (i < KNOWN && !span_equal_nocase(name, span_of(known[i].name)))
		i++;
	return i;
}

void
mechanisms_read(struct mechanisms *mechanisms)
{
	struct control_list list = control_list("authmechanisms");

	*mechanisms = (struct mechanisms){ .listed = 0 };
	for (size_t i = 0; list.count == 0 && i < KNOWN; i++)
		mechanisms->listed |= (known[i].is_off ? 0U : 1U) << i;
	for (size_t i = 0; i < list.count; i++) {
		size_t place = find(list.items[i]);

		if (place == KNOWN)
			control_complain("authmechanisms", list.lines[i],
			    "no such mechanism: checkpw(8) lists them");
		mechanisms->listed |= 1U << place;
	}
	/* The network's processes vouch for a certificate: only if asked to. */
	struct buf client_ca = control_path("tlsclientca");
	if (client_ca.len == 0)
		mechanisms->listed &= ~(1U << find(span_of("EXTERNAL")));
	control_list_free(&list);
	struct buf checker = control_path("oauthchecker");
	mechanisms->has_oauth = checker.len > 0;
	buf_free(&checker);
	buf_free(&client_ca);
}

static bool
is_offered(const struct mechanisms *mechanisms,
    const struct mechanisms_channel *channel, size_t place)
{
	unsigned given = 0;

	if (channel->has_binding)
		given |= NEEDS_BINDING;
	if (channel->has_certificate)
		given |= NEEDS_CERTIFICATE;
	if (mechanisms->has_oauth)
		given |= NEEDS_OAUTH;
	if (channel->offers & LOGIN_OFFERS_SCRAM)
		given |= NEEDS_SCRAM;
	if (channel->offers & LOGIN_OFFERS_DIGEST)
		given |= NEEDS_DIGEST;
	return (mechanisms->listed >> place & 1U) != 0 &&
	       (known[place].needs & ~given) == 0;
}

bool
mechanisms_has(const struct mechanisms *mechanisms,
    const struct mechanisms_channel *channel, struct span name)
{
	size_t place = find(name);

	return place < KNOWN && is_offered(mechanisms, channel, place);
}

bool
mechanisms_forbid(const struct mechanisms *mechanisms, struct span name)
{
	size_t place = find(name);

	return place < KNOWN && (mechanisms->listed >> place & 1U) == 0;
}

const char *
mechanisms_next(const struct mechanisms *mechanisms,
    const struct mechanisms_channel *channel, size_t *place)
{
	while (*place < KNOWN) {
		size_t i = (*place)++;

		if (is_offered(mechanisms, channel, i))
			return known[i].name;
	}
	return NULL;
}
