#include "service/plain.h"

bool
plain_parse(struct span message, struct plain *plain)
{
	size_t first = span_index(message, '\0');
	size_t last = span_last_index(message, '\0');

	if (last == message.len || first == last)
		return false;
	plain->authorization = span_cut(&message, '\0');
	plain->authentication = span_cut(&message, '\0');
	plain->password = message;
	return plain->authentication.len > 0 && plain->password.len > 0 &&
	       span_index(plain->password, '\0') == plain->password.len;
}
