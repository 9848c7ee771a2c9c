#include "net/providers.h"

/* "DOMAIN,DOMAIN": what ATRN may be said with. */
static bool
are_domains(struct span domains)
{
	if (domains.len > 0 && domains.ptr[domains.len - 1] == ',')
		return false;
	while (domains.len > 0) {
		struct span domain = span_cut(&domains, ',');

		if (domain.len == 0 || domain.len > CONTROL_HOST_MAX ||
		    !span_is_ascii(domain))
			return false;
		for (size_t i = 0; i < domain.len; i++)
			if (domain.ptr[i] <= ' ' || domain.ptr[i] == '@' ||
			    domain.ptr[i] == 0x7f)
				return false;
	}
	return true;
}

bool
provider_parse(struct span line, struct provider *provider)
{
	struct span rest = span_trim(line);

	*provider = (struct provider){ .route.port = PROVIDERS_PORT };
	provider->text = span_cut(&rest, ' ');
	provider->domains = span_trim(rest);
	return route_parse(provider->text, &provider->route) &&
	       provider->route.host.len > 0 &&
	       provider->route.kind != ROUTE_LMTP &&
	       are_domains(provider->domains) &&
	       provider->domains.len <= PROVIDERS_DOMAINS_MAX;
}

struct control_list
providers_read(void)
{
	struct control_list list = control_list("odmrfetch");
	struct provider provider;

	if (list.count > PROVIDERS_MAX)
		control_complain("odmrfetch", list.lines[PROVIDERS_MAX],
		    "too many hosts: remove some");
	for (size_t i = 0; i < list.count; i++)
		if (!provider_parse(list.items[i], &provider))
			control_complain("odmrfetch", list.lines[i],
			    "write HOST, or HOST DOMAIN,DOMAIN, the domains as "
			    "DNS has them");
	return list;
}
