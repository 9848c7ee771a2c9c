#include "aliases/settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "mail/destination.h"
#include "mail/domain.h"

enum {
	UIDMIN_DEFAULT = 1000
};

static const char *const names[] = { "me", "locals", "virtualdomains",
	"rcpthosts", "recipientdelimiter", "defaultdelivery", "postmaster",
	"uidmin" };

static int
compare(struct span a, struct span b)
{
	size_t len = a.len < b.len ? a.len : b.len;

	for (size_t i = 0; i < len; i++) {
		int order = (unsigned char)ascii_lower(a.ptr[i]) -
			    (unsigned char)ascii_lower(b.ptr[i]);

		if (order != 0)
			return order;
	}
	return (a.len > b.len) - (a.len < b.len);
}

static int
compare_items(const void *left, const void *right)
{
	return compare(*(const struct span *)left, *(const struct span *)right);
}

static struct domain_set
load_set(const char *name)
{
	struct domain_set set = { .list = domain_list(name) };

	/* The numbers of the lines do not follow: nobody asks for them. */
	if (set.list.count > 1)
		qsort(set.list.items, set.list.count, sizeof(*set.list.items),
		    compare_items);
	return set;
}

static int
compare_key(const void *key, const void *item)
{
	return compare(*(const struct span *)key, *(const struct span *)item);
}

bool
domain_set_has(const struct domain_set *set, struct span domain)
{
	return set->list.count > 0 &&
	       bsearch(&domain, set->list.items, set->list.count,
		   sizeof(*set->list.items), compare_key) != NULL;
}

/* The host's own name cannot be asked for again inside the jail. */
static struct buf
load_me(struct settings *settings)
{
	if (settings->first_me.max == 0) {
		settings->first_me = control_me();
		return control_me();
	}
	return control_host("me", buf_string(&settings->first_me));
}

void
settings_load(struct settings *settings)
{
	control_watch_start(
	    &settings->watch, names, sizeof(names) / sizeof(names[0]));
	settings->me = load_me(settings);
	settings->locals = load_set("locals");
	settings->virtuals = load_set("virtualdomains");
	settings->relayed = domain_list("rcpthosts");
	settings->delimiter = control_word("recipientdelimiter", "+");
	settings->default_delivery = destination_default();
	settings->postmaster = control_word("postmaster", "");
	settings->uid_min =
	    control_number("uidmin", UIDMIN_DEFAULT, 1, UINT32_MAX - 1);
}

/* What a file says; first_me stays. */
static void
forget(struct settings *settings)
{
	buf_free(&settings->me);
	control_list_free(&settings->locals.list);
	control_list_free(&settings->virtuals.list);
	control_list_free(&settings->relayed);
	buf_free(&settings->delimiter);
	buf_free(&settings->default_delivery);
	buf_free(&settings->postmaster);
}

void
settings_free(struct settings *settings)
{
	forget(settings);
	buf_free(&settings->first_me);
}

void
settings_refresh(struct settings *settings)
{
	const char *name = control_watch_changed(&settings->watch);

	if (name == NULL)
		return;
	log_event("control/%s changed: read again", name);
	forget(settings);
	settings_load(settings);
}
