#include "send/validation.h"

#include "base/die.h"
#include "mail/domain.h"

enum {
	TYPE_NS = 2,
	CLASS_IN = 1,
	PATIENCE_S = 5, /* at the start, while questions wait */
	AGAIN_S = 60    /* libunbound forgets bad keys after that */
};

static void
add_anchors(const struct validation *validation)
{
	struct span rest = buf_span(&validation->anchors.text);
	struct buf text = buf_new(rest.len + 1);
	struct span record;

	while (anchors_next(&rest, &record)) {
		buf_clear(&text);
		buf_add(&text, record);
		const char *line = buf_string(&text);
		if (line == NULL ||
		    ub_ctx_add_ta(validation->unbound, line) != 0)
			control_complain_value("trustanchor",
			    "libunbound refuses a record of its file");
	}
	buf_free(&text);
}

/*
 * Names that a site gives itself: that the root does not have them is secure,
 * and answers of the site's name server would be taken for forged (RFC 6761,
 * RFC 6762 appendix G, RFC 8375, RFC 4193).
 */
static void
leave_out(struct ub_ctx *unbound)
{
	static const char *const names[] = { "test.", "local.", "internal.",
		"intranet.", "private.", "corp.", "home.", "lan.", "home.arpa.",
		"d.f.ip6.arpa." };
	struct control_list domains = domain_list("insecuredomains");
	struct buf name = buf_new(CONTROL_HOST_MAX + 1);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (ub_ctx_set_option(unbound, "domain-insecure:", names[i]))
			die(EX_SOFTWARE, "libunbound refuses %s", names[i]);
	for (size_t i = 0; i < domains.count; i++) {
		struct span domain = domains.items[i];

		buf_clear(&name);
		buf_add(&name, span_slice(domain, domain.ptr[0] == '.', 255));
		const char *text = buf_string(&name);
		if (text == NULL ||
		    ub_ctx_set_option(unbound, "domain-insecure:", text) != 0)
			control_complain("insecuredomains", domains.lines[i],
			    "write the name of a domain");
	}
	buf_free(&name);
	control_list_free(&domains);
}

void
validation_prepare(struct validation *validation, struct ub_ctx *unbound)
{
	*validation = (struct validation){ .unbound = unbound,
		.anchors = anchors_read() };
	validation->is_strict = validation->anchors.kind == ANCHORS_GIVEN;
	if (validation->anchors.kind == ANCHORS_NONE)
		return;
	add_anchors(validation);
	leave_out(unbound);
}

static void
say_ready(struct validation *validation)
{
	void (*ready)(void *context) = validation->ready;

	validation->ready = NULL;
	if (ready != NULL)
		ready(validation->context);
}

static void
wait_for(struct validation *validation, time_t seconds)
{
	const struct timeval pause = { .tv_sec = seconds };

	if (event_add(validation->timer, &pause) == -1)
		temp_fail("out of memory");
}

static void
take_root(void *context, int error, struct ub_result *result)
{
	struct validation *validation = context;
	bool is_secure = error == 0 && result->secure;

	ub_resolve_free(result);
	if (is_secure) {
		validation->is_strict = true;
		event_del(validation->timer);
	} else {
		if (!validation->is_told)
			log_event("no DNSSEC so far: the name servers give no "
				  "signatures of the root");
		validation->is_told = true;
		wait_for(validation, AGAIN_S);
	}
	say_ready(validation);
}

static void
ask(struct validation *validation)
{
	int id;

	if (ub_resolve_async(validation->unbound, ".", TYPE_NS, CLASS_IN,
		validation, take_root, &id) != 0)
		temp_fail("libunbound takes no questions");
}

static void
handle_timer(evutil_socket_t fd, short what, void *context)
{
	struct validation *validation = context;

	(void)fd, (void)what;
	if (validation->ready == NULL)
		ask(validation);
	else
		say_ready(validation);
}

void
validation_begin(struct validation *validation, struct event_base *base,
    void (*ready)(void *context), void *context)
{
	if (validation->anchors.kind != ANCHORS_DEFAULT) {
		ready(context);
		return;
	}
	validation->ready = ready;
	validation->context = context;
	validation->timer = event_new(base, -1, 0, handle_timer, validation);
	if (validation->timer == NULL)
		temp_fail("out of memory");
	wait_for(validation, PATIENCE_S);
	ask(validation);
}
