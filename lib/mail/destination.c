#include "mail/destination.h"

#include "base/control.h"

struct buf
destination_default(void)
{
	struct buf value = control_word("defaultdelivery", "./Maildir/");

	if (value.data[0] == '|' || value.data[0] == '&' ||
	    value.data[0] == '/')
		control_complain_value(
		    "defaultdelivery", "write ./Maildir/, ./Mailbox or mbox");
	return value;
}
