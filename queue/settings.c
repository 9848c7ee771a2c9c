/*
 * settings - what the manager takes from control/.
 *
 * Which domains are local is read again as soon as it changes: smtpd and the
 * manager must not differ about a domain that was added a moment ago.
 */

#include "base/die.h"
#include "mail/domain.h"
#include "net/routes.h"
#include "queue/destinations.h"
#include "queue/holding.h"
#include "queue/manager.h"
#include "queue/shared.h"
#include "queue/withdraw.h"

static const char *const watched[] = { "me", "locals", "virtualdomains",
	"queuelifetime", "delaywarning", "retrymin", "retrymax", "limits",
	"odmrdomains", "smtproutes", "senderroutes", "tlspolicy", "discardehlo",
	"sourceaddress", "recipientdelimiter", "suppressafter" };

/* What is for others to judge, and to complain of, is taken as it stands. */
static void
load(struct manager *manager)
{
	control_watch_start(
	    &manager->watch, watched, sizeof(watched) / sizeof(watched[0]));
	manager->locals = domain_list("locals");
	manager->virtualdomains = domain_list("virtualdomains");
	manager->odmr_domains = odmr_domains();
	limits_read(&manager->limits);
	manager->routes = domain_lines("smtproutes", "");
	manager->sender_routes = sender_routes_read();
	manager->tls_policies = domain_lines("tlspolicy", "");
	manager->discards = domain_lines("discardehlo", "");
	manager->sources = domain_lines("sourceaddress", "");
	manager->delimiters = control_word("recipientdelimiter", "+");
	manager->lifetime_s =
	    control_number("queuelifetime", 432000, 60, 10000000);
	delays_read(&manager->delays);
	manager->suppress_after = suppress_after_read();
	manager->retry_min_s = control_number("retrymin", 300, 1, 86400);
	manager->retry_max_s = control_number("retrymax", 4000, 1, 86400);
}

void
settings_start(struct manager *manager)
{
	manager->me = control_me();
	manager->concurrency_local =
	    control_number("concurrencylocal", 20, 1, 128);
	manager->concurrency_remote =
	    control_number("concurrencyremote", 100, 1, 500);
	load(manager);
}

void
settings_refresh(struct manager *manager)
{
	const char *name = control_watch_changed(&manager->watch);

	holding_refresh(manager);
	if (name == NULL)
		return;
	log_event("control/%s changed: read again", name);
	struct buf me = control_host("me", buf_string(&manager->me));
	buf_free(&manager->me);
	manager->me = me;
	control_list_free(&manager->locals);
	control_list_free(&manager->virtualdomains);
	control_list_free(&manager->odmr_domains);
	limits_free(&manager->limits);
	control_list_free(&manager->routes);
	control_list_free(&manager->sender_routes);
	control_list_free(&manager->tls_policies);
	control_list_free(&manager->discards);
	control_list_free(&manager->sources);
	buf_free(&manager->delimiters);
	load(manager);
	manager->settings_number++;
	/* First: they point to the limits that were freed. */
	shared_limit_all(manager);
	destination_limit_all(manager);
	withdraw_on_demand(manager);
}

/* Without control/locals: this host's own name, and localhost. */
static bool
is_named_local(const struct manager *manager, struct span domain)
{
	if (manager->locals.count > 0)
		return control_list_has(&manager->locals, domain);
	return span_equal_nocase(domain, buf_span(&manager->me)) ||
	       span_equal_nocase(domain, span_of("localhost"));
}

bool
settings_is_local(const struct manager *manager, struct span domain)
{
	return domain.len == 0 || is_named_local(manager, domain) ||
	       control_list_has(&manager->virtualdomains, domain);
}
