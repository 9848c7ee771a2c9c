#include "store/conversion_settings.h"

#include "base/control.h"
#include "mail/convert.h"

uint64_t
conversion_settings_read(void)
{
	struct control_list list = control_list("imapdconversions");
	uint64_t preferred = 0;

	for (size_t i = 0; i < list.count; i++) {
		struct span to = list.items[i];
		struct span from = span_cut_word(&to);
		const struct conversion *found =
		    to.ptr == NULL ? NULL : conversion_find(from, to, 0);
		size_t which = 0;

		while (found != NULL && conversion_at(which) != found)
			which++;
		if (found == NULL)
			control_complain("imapdconversions", list.lines[i],
			    "two types, FROM TO, as CONVERSIONS \"*\" \"*\" "
			    "lists them");
		preferred |= (uint64_t)1 << which;
	}
	control_list_free(&list);
	return preferred;
}
