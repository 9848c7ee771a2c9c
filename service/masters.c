#include "service/masters.h"

#include "mail/domain.h"

void
masters_read(struct masters *masters)
{
	masters->lines = control_list("authmasters");
	for (size_t i = 0; i < masters->lines.count; i++) {
		struct span line = masters->lines.items[i];
		bool is_good = true;

		for (size_t k = 0; k < line.len; k++)
			is_good &= (unsigned char)line.ptr[k] >= ' ' ||
				   line.ptr[k] == '\t';
		span_cut_word(&line);
		/* Two accounts on one line would be one, and a domain. */
		is_good &= span_index(line, '@') == line.len;
		if (!is_good)
			control_complain("authmasters", masters->lines.lines[i],
			    "write ACCOUNT, or ACCOUNT DOMAIN...");
	}
	masters->locals = domain_list("locals");
	masters->me = control_me();
}

/* A user of this host has all of its domains. */
static bool
is_of_domain(
    const struct masters *masters, struct span account, struct span domain)
{
	size_t at = span_last_index(account, '@');

	if (at < account.len)
		return span_equal_nocase(
		    span_slice(account, at + 1, account.len), domain);
	return masters->locals.count > 0
		   ? control_list_has(&masters->locals, domain)
		   : span_equal_nocase(buf_span(&masters->me), domain);
}

bool
masters_may_act(
    const struct masters *masters, struct span master, struct span wanted)
{
	for (size_t i = 0; i < masters->lines.count; i++) {
		struct span rest = masters->lines.items[i];

		if (!span_equal_nocase(span_cut_word(&rest), master))
			continue;
		if (rest.len == 0)
			return true;
		while (rest.len > 0)
			if (is_of_domain(masters, wanted, span_cut_word(&rest)))
				return true;
	}
	return false;
}
